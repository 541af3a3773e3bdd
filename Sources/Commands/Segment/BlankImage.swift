import Imaging

/// An image that shows nothing.
struct BlankImage: Error, CustomStringConvertible {
    let value: [UInt8]

    var description: String {
        let numbers = value.map(String.init).joined(separator: ",")
        return "the image is blank: every pixel has the value \(numbers)"
    }
}

extension Image {
    /// Reads an image and refuses a blank one: a model would outline something in it all the same.
    ///
    /// - Throws: `ImageError` when it cannot be read, ``BlankImage``.
    static func readThatShows(_ path: String) throws -> Image {
        let image = try Image.read(path)
        let first = image.pixels.prefix(image.channels)
        guard image.pixels.enumerated().contains(where: { $1 != first[$0 % first.count] })
        else { throw BlankImage(value: Array(first)) }
        return image
    }
}
