import Imaging

extension LabelledPicture {
    /// Resizes both: the picture as Pillow's `BILINEAR`, the label as its `NEAREST`.
    ///
    /// - Parameter size: the new size, at least 1x1.
    /// - Returns: a picture of that size.
    public func resized(to size: Size) -> LabelledPicture {
        image.size == size
            ? self
            : LabelledPicture(
                image: image.resizedLikePillow(to: size), label: label.resizedNearest(to: size))
    }

    /// The picture as SAMUS takes it.
    ///
    /// - Returns: numbers 0 to 1, one plane of the picture's size.
    public func networkInput() -> Planes {
        Planes(
            channels: 1, height: image.height, width: image.width,
            values: image.pixels.map { Float($0) / 255 })
    }

    /// The pixels of one class as the loss sees them: half the size, by the nearest pixel.
    ///
    /// - Parameter label: the class.
    /// - Returns: 128x128 pixels for a picture of 256x256.
    public func lossMask(of label: Int) -> Mask {
        let half = Size(height: max(image.height / 2, 1), width: max(image.width / 2, 1))
        return mask(of: label).resizedNearest(to: half)
    }
}
