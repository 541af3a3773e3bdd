import Imaging
import Synchronization

/// One object to segment: an image of a dataset and a class of its label.
public struct Sample: Hashable, Sendable {
    /// The dataset's folder, for example `Breast-BUSI`.
    public let dataset: String
    /// The image's name without extension.
    public let name: String
    /// The class of the label, from 1.
    public let label: Int
    /// Classes of the dataset, background included; with 2 every label value except 0 is class 1.
    public let classes: Int
    /// The patient, where the dataset's index or its file names give it.
    public let patient: String?
    /// Size of a pixel, where the dataset's index gives it.
    public let spacing: PixelSpacing?
    /// The image's file.
    public let imagePath: String
    /// The label's file.
    public let labelPath: String

    /// - Parameters:
    ///   - dataset: the dataset's folder.
    ///   - name: the image's name without extension.
    ///   - label: the class of the label, from 1.
    ///   - classes: classes of the dataset, background included.
    ///   - patient: nil where it is not known.
    ///   - spacing: nil where it is not known.
    ///   - imagePath: the image's file.
    ///   - labelPath: the label's file.
    public init(
        dataset: String, name: String, label: Int, classes: Int, patient: String? = nil,
        spacing: PixelSpacing? = nil, imagePath: String, labelPath: String
    ) {
        self.dataset = dataset
        self.name = name
        self.label = label
        self.classes = classes
        self.patient = patient
        self.spacing = spacing
        self.imagePath = imagePath
        self.labelPath = labelPath
    }

    /// The image's identifier, for example `Breast-BUSI/benign0015`; samples of one image share it.
    public var image: String { "\(dataset)/\(name)" }

    /// The sample's identifier, for example `Echo-CAMUS/patient0010_2CH_ES#2`.
    public var id: String { "\(image)#\(label)" }
}

extension Sample {
    /// Reads the image and its label.
    ///
    /// With 2 classes the label is a mask, by the rule of `LabelValues.mask(fullValue:)`. With more
    /// classes the values are the classes; unknown ones stay and belong to no sample.
    ///
    /// - Parameter limits: how large an image is accepted.
    /// - Returns: the grey image, and a label whose values are classes.
    /// - Throws: ``DatasetError`` when one cannot be read, or their sizes differ.
    public func read(limits: ImageLimits = .standard) throws(DatasetError) -> LabelledImage {
        let image = try Self.reading(imagePath) { () throws(ImageError) in
            try Image.read(imagePath, limits: limits)
        }
        let values = try Self.reading(labelPath) { () throws(ImageError) in
            try LabelValues.read(labelPath, limits: limits)
        }
        guard image.size == values.size else {
            throw .sizes(
                name: self.image, image: "\(image.size)", label: "\(values.size)")
        }
        let (label, note) = try values.label(classes: classes, path: labelPath)
        return LabelledImage(
            image: image.grey(), label: label, labelNote: note ?? orientationNote(limits))
    }

    /// Checks that a label has no unknown class: its pixels would count as background.
    ///
    /// - Parameter labelled: as read.
    /// - Throws: ``DatasetError/unreadable(path:reason:)`` with the value.
    public func checkClasses(of labelled: LabelledImage) throws(DatasetError) {
        guard let largest = labelled.label.pixels.max(), largest >= classes else { return }
        throw .unreadable(
            path: labelPath,
            reason: "it has the value \(largest); its dataset has the classes 0 to \(classes - 1)")
    }

    /// A note where EXIF turns the image and not its label, and nothing shows whether they fit.
    private func orientationNote(_ limits: ImageLimits) -> String? {
        guard !imagePath.lowercased().hasSuffix(".png"),
            let turned = try? ImageOrientation.read(imagePath, limits: limits), turned.exif != 1,
            let own = try? ImageOrientation.read(labelPath, limits: limits), own.exif == 1,
            turned.size == turned.upright
        else { return nil }
        return "the image is turned by its EXIF orientation \(turned.exif), the label is not"
    }

    private static func reading<Result>(
        _ path: String, _ body: () throws(ImageError) -> Result
    ) throws(DatasetError) -> Result {
        do throws(ImageError) {
            return try body()
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
    }
}

extension LabelValues {
    /// The classes of a dataset's label, or of another program's masks.
    ///
    /// - Parameters:
    ///   - classes: of the dataset, background included.
    ///   - path: the file, for errors.
    /// - Returns: one channel, and a note for the user where values lie in between.
    /// - Throws: ``DatasetError/unreadable(path:reason:)`` when values are no class numbers.
    public func label(
        classes: Int, path: String
    ) throws(DatasetError) -> (image: Image, note: String?) {
        guard classes > 2 else {
            let (mask, note) = mask()
            return (
                Image(width: width, height: height, channels: 1, pixels: mask.values), note
            )
        }
        do throws(LabelValuesError) {
            return (try self.classes(count: classes), nil)
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
    }
}

/// A grey image and the classes of its pixels.
public struct LabelledImage: Equatable, Sendable {
    /// The image, one channel.
    public var image: Image
    /// The class of each pixel, one channel, of the image's size.
    public var label: Image
    /// A note for the user where values of the label's file lie between background and object.
    public var labelNote: String?

    /// - Parameters:
    ///   - image: one channel.
    ///   - label: the class of each pixel, one channel, of the same size.
    ///   - labelNote: how values between background and object were read.
    public init(image: Image, label: Image, labelNote: String? = nil) {
        precondition(image.channels == 1 && label.channels == 1, "grey image, grey label")
        precondition(image.size == label.size, "a label of the image's size")
        self.image = image
        self.label = label
        self.labelNote = labelNote
    }

    /// Whether image and label are equal; notes do not count.
    public static func == (left: LabelledImage, right: LabelledImage) -> Bool {
        left.image == right.image && left.label == right.label
    }

    /// The pixels of all classes.
    public var maskOfAllClasses: Mask {
        Mask(
            width: image.width, height: image.height, values: label.pixels.map { $0 == 0 ? 0 : 1 })
    }

    /// The pixels of one class.
    ///
    /// - Parameter label: the class.
    /// - Returns: a mask of the image's size.
    public func mask(of label: Int) -> Mask {
        Mask(
            width: image.width, height: image.height,
            values: self.label.pixels.map { Int($0) == label ? 1 : 0 })
    }
}

/// A cache of decoded images with a memory limit.
///
/// When the limit is reached, further images are read each time. Nothing is evicted: an epoch reads
/// every image once, so that eviction would always remove an image that is needed sooner.
public final class LabelledImageCache: Sendable {
    private struct Storage {
        var images: [String: LabelledImage] = [:]
        var bytes = 0
    }

    private let limit: Int
    private let storage = Mutex(Storage())

    /// An empty cache.
    ///
    /// - Parameter limit: bytes of pixels.
    public init(limit: Int) {
        self.limit = limit
    }

    /// A sample's image and label, from the cache or from its files.
    ///
    /// Thread-safe.
    ///
    /// - Parameter sample: the sample.
    /// - Returns: as `Sample.read(limits:)` gives it.
    /// - Throws: ``DatasetError`` as `Sample.read(limits:)` does.
    public func image(of sample: Sample) throws(DatasetError) -> LabelledImage {
        if let labelled = storage.withLock({ $0.images[sample.image] }) { return labelled }
        let labelled = try sample.read()
        let size = labelled.image.pixels.count + labelled.label.pixels.count
        storage.withLock { storage in
            guard storage.images[sample.image] == nil, storage.bytes + size <= limit else { return }
            storage.images[sample.image] = labelled
            storage.bytes += size
        }
        return labelled
    }
}
