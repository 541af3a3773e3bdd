import Foundation

/// A folder for results, and the files that a run will put into it.
struct OutputFolder {
    let url: URL
    let files: [URL]

    /// Makes the folder, and refuses to replace what is in it.
    ///
    /// - Parameter force: whether older results may be replaced.
    /// - Throws: an exit code, its reason said.
    func check(force: Bool) throws {
        let existing = files.first { FileManager.default.fileExists(atPath: $0.path) }
        if !force, let existing {
            throw Failure.output.because(
                "'\(existing.relativePath)' exists already: add --force to replace it, or name "
                    + "another --output")
        }
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            throw Failure.output.because(
                "the output folder '\(url.relativePath)' cannot be made: "
                    + error.localizedDescription)
        }
        guard FileManager.default.isWritableFile(atPath: url.path) else {
            throw Failure.output.because(
                "the output folder '\(url.relativePath)' cannot be written to")
        }
    }
}
