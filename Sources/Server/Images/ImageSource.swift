import FileIO

/// Where the images come from that clients choose from: a folder, or an archive.
protocol ImageSource: Sendable {
    /// Looks for images again; a search that takes long counts for a while.
    ///
    /// - Returns: the images, by name.
    /// - Throws: ``RequestError`` where the archive cannot be asked.
    func files() throws -> [SourceFile]

    /// Finds an image of the last search.
    ///
    /// - Parameter id: its id.
    /// - Returns: nil where there is none.
    func file(id: String) -> SourceFile?

    /// Makes the content of an image readable at its path.
    ///
    /// - Parameter file: an image of this source.
    /// - Throws: ``RequestError`` where it cannot be fetched.
    func fetch(_ file: SourceFile) throws
}

/// An image that clients can choose.
struct SourceFile: Sendable, Hashable {
    /// The beginning of the SHA-256 of what identifies it in its source.
    let id: String
    /// What a person reads: the path below the folder, or date and description of an archive.
    let name: String
    /// Where its content is, once it was fetched.
    let path: String

    /// Reads the content.
    ///
    /// - Parameter limit: largest size, in bytes.
    /// - Returns: the content.
    /// - Throws: ``RequestError`` where there is none.
    func bytes(limit: Int) throws -> [UInt8] {
        do {
            return try RegularFile.read(path, limit: limit)
        } catch {
            throw RequestError.notFound("the image cannot be read: \(error.reason)")
        }
    }
}
