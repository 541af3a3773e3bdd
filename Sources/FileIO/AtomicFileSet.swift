/// Files that belong together and replace older files together.
///
/// Every file is on the disk under a temporary name before ``commit()`` renames the first one: when
/// writing fails, older files are unchanged.
public struct AtomicFileSet {
    private var files: [AtomicFile] = []

    /// An empty set.
    public init() {}

    /// Writes a file under a temporary name.
    ///
    /// - Parameters:
    ///   - bytes: its content.
    ///   - path: the file to make or replace with ``commit()``.
    /// - Throws: ``FileError``, for example when the disk is full.
    public mutating func add(_ bytes: [UInt8], at path: String) throws(FileError) {
        let file = try AtomicFile(path)
        try file.append(bytes)
        try file.seal()
        files.append(file)
    }

    /// Gives all files their names, in the order in which they were added.
    ///
    /// - Throws: ``FileError``.
    public func commit() throws(FileError) {
        for file in files {
            try file.commit()
        }
    }
}
