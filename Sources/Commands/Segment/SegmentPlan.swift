import ArgumentParser
import Foundation

/// The images of a run and the files of their results, looked at as a whole before any work.
struct SegmentPlan {
    /// Images, and the files of their results.
    let work: [(task: ImageTask, files: ResultFiles)]
    private let output: String

    /// - Parameters:
    ///   - tasks: images and what to segment in them.
    ///   - output: the folder of the results.
    ///   - formats: what is written.
    ///   - candidates: masks for each object.
    init(
        _ tasks: [ImageTask], output: String, formats: Set<OutputFormat>, candidates: Int
    ) {
        self.output = output
        work = tasks.map { task in
            (
                task,
                ResultFiles(
                    folder: URL(fileURLWithPath: output), stem: task.stem, formats: formats,
                    objects: task.objects.count, candidates: candidates)
            )
        }
    }

    /// Refuses a run that would replace an input, a result of its own, or one that exists.
    ///
    /// - Parameters:
    ///   - inputs: files that the run reads beside the images and their masks.
    ///   - force: whether older results may be replaced.
    /// - Throws: an exit code, its reason said.
    func check(inputs: [String], force: Bool) throws {
        let read = work.flatMap { [$0.task.path] + $0.task.objects.compactMap(\.maskPath) }
        try withExitStatus(.input) { try ResultPlan.check(work, inputs: read + inputs) }
        guard !force else { return }
        let existing = work.flatMap(\.files.all).filter {
            FileManager.default.fileExists(atPath: $0.path)
        }
        if let first = existing.first {
            throw ExitError(
                .output,
                "\(existing.count) of the results exist already, as '\(first.relativePath)': "
                    + "add --force to replace them, or name another --output")
        }
    }

    /// Makes the folders of the results.
    ///
    /// - Throws: an exit code, its reason said.
    func makeFolders() throws {
        do {
            for (_, files) in work {
                try files.makeFolder()
            }
        } catch {
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
            let reason = cause.map { String(cString: strerror(Int32($0.code))) }
            throw ExitError(
                .output,
                "the output folder '\(output)' cannot be made: "
                    + (reason ?? error.localizedDescription))
        }
        guard FileManager.default.isWritableFile(atPath: output) else {
            throw ExitError(.output, "the output folder '\(output)' cannot be written to")
        }
    }
}
