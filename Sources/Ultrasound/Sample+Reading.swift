import Imaging

extension Sample {
    /// Reads the picture and its label.
    ///
    /// With 2 classes every label value but 0 counts as 1, whether it is 1, 255 or a colour; in a
    /// JPEG, which blurs, a value above 127. With more classes the values are the classes; those
    /// that the data set does not have are kept, and are part of no sample.
    ///
    /// - Parameter limits: how large a picture is accepted.
    /// - Returns: the grey picture, and a label whose values are classes.
    /// - Throws: ``DataError`` when one cannot be read, or they are not of one size.
    public func read(limits: ImageLimits = .standard) throws(DataError) -> LabelledPicture {
        let image = try Self.reading(imagePath) { () throws(ImageError) in
            try Image.read(imagePath, limits: limits)
        }
        let label = try classes == 2 ? onlyClass(limits) : numberedClasses(limits)
        guard image.size == label.size else {
            throw .sizes(
                picture: picture, image: "\(image.size)", label: "\(label.size)")
        }
        return LabelledPicture(image: image.grey(), label: label)
    }

    /// Makes sure that a label holds classes of the data set alone: what is none would count as if
    /// nothing were there.
    ///
    /// - Parameter picture: as read.
    /// - Throws: ``DataError/unreadable(path:reason:)`` with the value.
    public func checkClasses(of picture: LabelledPicture) throws(DataError) {
        guard let largest = picture.label.pixels.max(), largest >= classes else { return }
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
                reason: "it is coloured; a grey picture whose values are the numbers of the"
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
