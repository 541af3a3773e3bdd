import Imaging
import Synchronization

/// One object of one image: an image of a data set, and which class of its label is meant.
public struct Sample: Hashable, Sendable {
    /// The data set's folder, as `Breast-BUSI`.
    public let dataset: String
    /// The image's name without extension.
    public let name: String
    /// Which class of the label is inside, from 1.
    public let label: Int
    /// Classes of the data set, background included; with 2 every label value but 0 counts as 1.
    public let classes: Int
    /// The patient, where the data set's index or its names tell.
    public let patient: String?
    /// Extent of the image's own pixels, where the data set's index tells.
    public let spacing: PixelSpacing?
    /// The image's file.
    public let imagePath: String
    /// The label's file.
    public let labelPath: String

    /// - Parameters:
    ///   - dataset: the data set's folder.
    ///   - name: the image's name without extension.
    ///   - label: which class of the label is inside, from 1.
    ///   - classes: classes of the data set, background included.
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

    /// The image, as `Breast-BUSI/benign0015`: samples of one image share it.
    public var image: String { "\(dataset)/\(name)" }

    /// The sample, as `Echo-CAMUS/patient0010_2CH_ES#2`.
    public var id: String { "\(image)#\(label)" }
}

extension Sample {
    /// Reads the image and its label.
    ///
    /// With 2 classes every label value but 0 counts as 1, whether it is 1, 255 or a colour; in a
    /// JPEG, which blurs, a value above 127. With more classes the values are the classes; those
    /// that the data set does not have are kept, and are part of no sample.
    ///
    /// - Parameter limits: how large an image is accepted.
    /// - Returns: the grey image, and a label whose values are classes.
    /// - Throws: ``DataError`` when one cannot be read, or they are not of one size.
    public func read(limits: ImageLimits = .standard) throws(DataError) -> LabelledImage {
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

    /// Makes sure that a label holds classes of the data set alone: what is none would count as if
    /// nothing were there.
    ///
    /// - Parameter image: as read.
    /// - Throws: ``DataError/unreadable(path:reason:)`` with the value.
    public func checkClasses(of labelled: LabelledImage) throws(DataError) {
        guard let largest = labelled.label.pixels.max(), largest >= classes else { return }
        throw .unreadable(
            path: labelPath,
            reason: "it has the value \(largest); its data set has the classes 0 to \(classes - 1)")
    }

    private func onlyClass(_ limits: ImageLimits) throws(DataError) -> Image {
        let mask = try Self.reading(labelPath) { () throws(ImageError) in
            try Mask.read(labelPath, limits: limits)
        }
        return Image(width: mask.width, height: mask.height, channels: 1, pixels: mask.values)
    }

    private func numberedClasses(_ limits: ImageLimits) throws(DataError) -> Image {
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
    ) throws(DataError) -> Result {
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

/// Decoded images in memory within a bound: each file is read once while there is room.
///
/// When the bound is reached no more are kept: each epoch asks for every image once, so that
/// whatever were thrown out would be asked for before it is asked for again.
public final class LabelledImageCache: Sendable {
    private struct Kept {
        var images: [String: LabelledImage] = [:]
        var bytes = 0
    }

    private let limit: Int
    private let kept = Mutex(Kept())

    /// An empty cache.
    ///
    /// - Parameter limit: bytes of pixels.
    public init(limit: Int) {
        self.limit = limit
    }

    /// A sample's image and label, from memory or from its files.
    ///
    /// - Parameter sample: may be asked for on several threads at once.
    /// - Returns: as `Sample.read(limits:)` gives it.
    /// - Throws: ``DataError`` as `Sample.read(limits:)` does.
    public func image(of sample: Sample) throws(DataError) -> LabelledImage {
        if let labelled = kept.withLock({ $0.images[sample.image] }) { return labelled }
        let labelled = try sample.read()
        let size = labelled.image.pixels.count + labelled.label.pixels.count
        kept.withLock { kept in
            guard kept.images[sample.image] == nil, kept.bytes + size <= limit else { return }
            kept.images[sample.image] = labelled
            kept.bytes += size
        }
        return labelled
    }
}
