import Imaging

/// A grey picture and the classes of its pixels.
public struct LabelledPicture: Equatable, Sendable {
    /// The picture, one channel.
    public var image: Image
    /// The class of each pixel, one channel, of the picture's size.
    public var label: Image

    /// - Parameters:
    ///   - image: one channel.
    ///   - label: the class of each pixel, one channel, of the same size.
    public init(image: Image, label: Image) {
        precondition(image.channels == 1 && label.channels == 1, "grey picture, grey label")
        precondition(image.size == label.size, "a label of the picture's size")
        self.image = image
        self.label = label
    }

    /// The pixels of one class.
    ///
    /// - Parameter label: the class.
    /// - Returns: a mask of the picture's size.
    public func mask(of label: Int) -> Mask {
        Mask(
            width: image.width, height: image.height,
            values: self.label.pixels.map { Int($0) == label ? 1 : 0 })
    }
}
