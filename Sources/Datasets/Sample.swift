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
    /// With 2 classes every label value except 0 is class 1, whether 1, 255 or a colour; in a JPEG
    /// every value above 127. With more classes the values are the classes; unknown ones stay and
    /// belong to no sample.
    ///
    /// - Parameter limits: how large an image is accepted.
    /// - Returns: the grey image, and a label whose values are classes.
    /// - Throws: ``DatasetError`` when one cannot be read, or their sizes differ.
    public func read(limits: ImageLimits = .standard) throws(DatasetError) -> LabelledImage {
        let image = try Self.reading(imagePath) { () throws(ImageError) in
            try Image.read(imagePath, limits: limits)
        }
        let label = try classes == 2 ? onlyClass(limits) : numberedClasses(limits)
        guard image.size == label.size else {
            throw .sizes(
                name: self.image, image: "\(image.size)", label: "\(label.size)")
        }
        return LabelledImage(image: image.grey(), label: label)
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

    private func onlyClass(_ limits: ImageLimits) throws(DatasetError) -> Image {
        let mask = try Self.reading(labelPath) { () throws(ImageError) in
            try Mask.read(labelPath, limits: limits)
        }
        return Image(width: mask.width, height: mask.height, channels: 1, pixels: mask.values)
    }

    private func numberedClasses(_ limits: ImageLimits) throws(DatasetError) -> Image {
        guard labelPath.lowercased().hasSuffix(".png") else {
            throw .unreadable(
                path: labelPath,
                reason: "JPEG changes the numbers of \(classes) classes; a PNG is needed")
        }
        let label = try Self.reading(labelPath) { () throws(ImageError) in
            try Image.read(labelPath, limits: limits)
        }
        guard label.channels == 3 else { return label }
        let pixels = label.pixels
        let red = stride(from: 0, to: pixels.count, by: 3).map { pixels[$0] }
        let isGrey = red.indices.allSatisfy {
            pixels[3 * $0 + 1] == red[$0] && pixels[3 * $0 + 2] == red[$0]
        }
        guard isGrey else {
            throw .unreadable(
                path: labelPath,
                reason: "it is coloured; a grey image whose values are the numbers of the"
                    + " \(classes) classes is needed")
        }
        return Image(width: label.width, height: label.height, channels: 1, pixels: red)
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

/// A grey image and the classes of its pixels.
public struct LabelledImage: Equatable, Sendable {
    /// The image, one channel.
    public var image: Image
    /// The class of each pixel, one channel, of the image's size.
    public var label: Image

    /// - Parameters:
    ///   - image: one channel.
    ///   - label: the class of each pixel, one channel, of the same size.
    public init(image: Image, label: Image) {
        precondition(image.channels == 1 && label.channels == 1, "grey image, grey label")
        precondition(image.size == label.size, "a label of the image's size")
        self.image = image
        self.label = label
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
