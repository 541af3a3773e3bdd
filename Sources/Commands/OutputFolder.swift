import Foundation

/// A folder for results.
struct OutputFolder {
    let url: URL

    /// A folder that need not exist yet.
    init(_ path: String) {
        url = URL(fileURLWithPath: path)
    }

    /// A file in the folder.
    func file(_ name: String) -> URL { url.appendingPathComponent(name) }

    /// Refuses to replace files that exist.
    ///
    /// - Parameters:
    ///   - files: what will be written.
    ///   - force: whether existing files may be replaced.
    /// - Throws: ``ExitError``.
    func check(_ files: [URL], force: Bool) throws(ExitError) {
        var existing = ExistingFiles()
        files.forEach { existing.look(at: $0) }
        try check(existing, force: force)
    }

    /// Refuses to replace files that exist.
    ///
    /// - Parameters:
    ///   - existing: what was found.
    ///   - force: whether existing files may be replaced.
    /// - Throws: ``ExitError``.
    func check(_ existing: ExistingFiles, force: Bool) throws(ExitError) {
        guard !force, let first = existing.first else { return }
        let what =
            existing.count == 1
            ? "'\(first.relativePath)' exists already"
            : "\(existing.count) of the results exist already, for example '\(first.relativePath)'"
        throw ExitError(
            .output,
            "\(what): add --force to replace \(existing.count == 1 ? "it" : "them"), or choose "
                + "another --output")
    }

    /// Removes the folder if nothing is in it, so that a failed run leaves no empty folder.
    func removeIfEmpty() { rmdir(url.path) }

    /// Makes the folder.
    ///
    /// - Parameter subfolders: folders below it to make as well.
    /// - Throws: ``ExitError`` when it cannot be made or written to.
    func make(subfolders: [URL] = []) throws(ExitError) {
        do {
            for folder in [url] + subfolders {
                try FileManager.default.createDirectory(
                    at: folder, withIntermediateDirectories: true)
            }
        } catch {
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
            let reason = cause.map { String(cString: strerror(Int32($0.code))) }
            throw ExitError(
                .output,
                "the output folder '\(url.relativePath)' cannot be made: "
                    + (reason ?? error.localizedDescription))
        }
        guard FileManager.default.isWritableFile(atPath: url.path) else {
            throw ExitError(
                .output, "the output folder '\(url.relativePath)' cannot be written to")
        }
    }
}

/// A file on the disk, whichever path leads to it.
struct FileIdentity: Hashable {
    private let device: UInt64
    private let inode: UInt64

    /// The file at a path, symbolic links followed; nil when there is none.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
    }
}
