import ArgumentParser
import Foundation
import Imaging
import Segmentation

/// A run over many pictures: rows of results, progress, and a list of what failed.
struct SegmentRun {
    let segmenter: PictureSegmenter
    let output: String

    /// Segments all pictures; one that fails does not stop the others.
    ///
    /// - Throws: an exit code when a picture failed, results could not be written, or somebody
    ///   interrupted the run.
    func run(_ work: [(task: PictureTask, files: ResultFiles)]) throws {
        let interruption = Interruption()
        let table = ResultTable(stems: work.map(\.task.stem))
        var progress = ProgressBar(total: work.count)
        var failed: [(path: String, reason: String)] = []
        var masks = 0
        var warned: Set<String> = []
        for (done, (task, files)) in work.enumerated() {
            guard !interruption.isRequested else {
                progress.clear()
                throw Failure.interrupted.because(
                    "interrupted: \(done) of \(work.count) pictures are done")
            }
            progress.show(done: done, name: task.stem)
            let outcome: PictureSegmenter.Outcome
            do {
                outcome = try segmenter.segment(task)
            } catch {
                failed.append((task.path, "\(error)"))
                continue
            }
            progress.clear()
            try write(task, outcome, files)
            masks += table.show(task: task, outcome: outcome)
            for object in outcome.objects {
                for note in object.notes {
                    Terminal.complain("note: \(task.stem): \(note)")
                }
                // The same for every picture of a run: said once.
                for warning in object.warnings where warned.insert(warning).inserted {
                    Terminal.complain("note: \(warning)")
                }
            }
        }
        progress.clear()
        print(closing(pictures: work.count - failed.count, masks: masks, files: work.map(\.files)))
        try report(failed, of: work.count)
    }

    private func write(
        _ task: PictureTask, _ outcome: PictureSegmenter.Outcome, _ files: ResultFiles
    ) throws {
        do {
            try ResultWriter(
                task: task, outcome: outcome, files: files, model: segmenter.engine.model,
                options: segmenter.options
            ).write()
        } catch {
            // A disk that is full or read-only fails the pictures that follow too.
            throw Failure.output.because("\(error); nothing of '\(task.path)' was kept")
        }
    }

    private func closing(pictures: Int, masks: Int, files: [ResultFiles]) -> String {
        let model = segmenter.engine.model
        let single = files.count == 1 && files[0].formats.contains(.overlay) ? files[0] : nil
        return """

            \(pictures) \(pictures == 1 ? "picture" : "pictures"), \
            \(masks) \(masks == 1 ? "mask" : "masks"), model \(model.name) \
            (SHA-256 \(model.sha256.prefix(12))…)
            \(single.map { "overlay: \($0.overlay.relativePath)" } ?? "results: \(output)")
            \(Notice.text)
            """
    }

    private func report(_ failed: [(path: String, reason: String)], of total: Int) throws {
        guard !failed.isEmpty else { return }
        let list = failed.map { "  \($0.path): \($0.reason)" }.joined(separator: "\n")
        throw Failure.somePictures.because("\(failed.count) of \(total) pictures failed:\n\(list)")
    }
}
