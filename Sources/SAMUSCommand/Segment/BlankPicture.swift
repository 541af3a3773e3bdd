import Imaging

/// A picture that shows nothing.
struct BlankPicture: Error, CustomStringConvertible {
    let value: [UInt8]

    var description: String {
        let numbers = value.map(String.init).joined(separator: ",")
        return "the picture is blank: every pixel has the value \(numbers)"
    }
}

extension Image {
    /// Reads a picture and refuses a blank one: a model would outline something in it all the same.
    ///
    /// - Throws: `ImageError` when it cannot be read, ``BlankPicture``.
    static func readThatShows(_ path: String) throws -> Image {
        let picture = try Image.read(path)
        let first = picture.pixels.prefix(picture.channels)
        guard picture.pixels.enumerated().contains(where: { $1 != first[$0 % first.count] })
        else { throw BlankPicture(value: Array(first)) }
        return picture
    }
}
