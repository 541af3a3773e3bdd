import Datasets
import FileIO
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

    /// Refuses to replace files that exist, and inputs.
    ///
    /// - Parameters:
    ///   - files: what will be written.
    ///   - inputs: files that the run reads and must not replace; those that do not exist are
    ///     ignored.
    ///   - force: whether existing files may be replaced.
    /// - Throws: ``ExitError``.
    func check(
        _ files: [URL], inputs: some Sequence<String> = [], force: Bool
    ) throws(ExitError) {
        var existing = ExistingFiles()
        files.forEach { existing.look(at: $0) }
        let identities = Set(files.compactMap { FileIdentity($0.path) })
        if !identities.isEmpty,
            let input = inputs.first(where: { path in
                FileIdentity(path).map(identities.contains) ?? false
            })
        {
            throw ExitError(
                .output,
                "a result would replace '\(input)', which is an input: choose another --output")
        }
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

/// A single file that a command writes.
struct OutputFile {
    let path: String

    /// Removes temporary files that killed processes left beside the file, and refuses to replace
    /// a file without `--force`.
    ///
    /// - Parameters:
    ///   - force: whether an existing file may be replaced.
    ///   - option: the option with the path, for the message.
    /// - Throws: ``ExitError``.
    func check(force: Bool, option: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        try withExitStatus(.output) { try FileTransaction.recover(in: folder) }
        guard force || FileKind(path) == nil else {
            throw ExitError(
                .output,
                "'\(path)' exists already: add --force to replace it, or choose another \(option)")
        }
    }

    /// Refuses to replace a file that the command reads.
    ///
    /// - Parameters:
    ///   - inputs: paths of the files.
    ///   - option: the option with the path, for the message.
    /// - Throws: ``ExitError``.
    func checkIsNone(of inputs: [String], option: String) throws(ExitError) {
        guard let identity = FileIdentity(path),
            inputs.contains(where: { FileIdentity($0) == identity })
        else { return }
        throw ExitError(
            .output,
            "'\(path)' is an input, which is never replaced: choose another \(option)")
    }

    /// Refuses to replace a file of the datasets.
    ///
    /// - Parameters:
    ///   - data: the datasets that the command reads.
    ///   - option: the option with the path, for the message.
    /// - Throws: ``ExitError``.
    func checkIsNoInput(of data: DatasetCollection, option: String) throws(ExitError) {
        guard data.hasFile(path) else { return }
        throw ExitError(
            .output,
            "'\(path)' is a file of the datasets, which is never replaced: choose another "
                + "\(option)")
    }
}
