/// Files that belong together and replace older files together.
///
/// All files are on the disk under temporary names before ``commit()`` renames the first one. If
/// writing fails, older files are unchanged.
public struct AtomicFileSet {
    private var files: [AtomicFile] = []

    /// An empty set.
    public init() {}

    /// Writes a file under a temporary name.
    ///
    /// - Parameters:
    ///   - bytes: the content.
    ///   - path: the file that ``commit()`` creates or replaces.
    /// - Throws: ``FileError``, for example if the disk is full.
    public mutating func add(_ bytes: [UInt8], at path: String) throws(FileError) {
        let file = try AtomicFile(path)
        try file.append(bytes)
        try file.seal()
        files.append(file)
    }

    /// Renames all files to their paths, in the order in which they were added.
    ///
    /// - Throws: ``FileError``.
    public func commit() throws(FileError) {
        // Each folder once: flushing takes most of the time of small files.
        defer { Set(files.map(\.folder)).forEach(AtomicFile.flush) }
        for file in files {
            try file.rename()
        }
    }
}
