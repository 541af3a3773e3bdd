import ArgumentParser
import Foundation
import Imaging
import Segmentation

/// A run over many pictures: rows of results, progress, and a list of what failed.
final class SegmentRun {
    private let segmenter: PictureSegmenter
    private let output: String
    private var done = 0
    private var masks = 0
    private var failed: [(path: String, reason: String)] = []
    private var warned: Set<String> = []

    init(segmenter: PictureSegmenter, output: String) {
        self.segmenter = segmenter
        self.output = output
    }

    /// Segments all pictures; one that fails does not stop the others.
    ///
    /// - Parameter work: pictures, and the files of their results.
    /// - Throws: an exit code when a picture failed, results could not be written, or somebody
    ///   interrupted the run; what failed until then is listed.
    func run(_ work: [(task: PictureTask, files: ResultFiles)]) throws {
        let interruption = Interruption()
        let table = ResultTable(work.map(\.task))
        var progress = ProgressBar(total: work.count)
        for (number, (task, files)) in work.enumerated() {
            guard !interruption.isRequested else {
                progress.clear()
                listFailures()
                throw Failure.interrupted.because(
                    "interrupted: \(done) of \(work.count) pictures are done")
            }
            progress.show(done: number, name: task.stem)
            let result = Result { try segmenter.segment(task) }
            progress.clear()
            switch result {
            case .success(let outcome):
                try write(task, outcome, files)
                done += 1
                masks += table.show(task: task, outcome: outcome)
                say(outcome, of: task)
                let older = files.older().map(\.lastPathComponent)
                if !older.isEmpty {
                    Terminal.complain(
                        "note: \(task.stem.visibleLine): not of this run, but beside its results: "
                            + older.joined(separator: ", ").visibleLine)
                }
            case .failure(let error):
                failed.append((task.path, "\(error)"))
            }
        }
        if done > 0 {
            print(closing(work.map(\.files)))
        }
        guard failed.isEmpty else {
            listFailures()
            throw Failure.somePictures.because(
                "\(failed.count) of \(work.count) pictures failed")
        }
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
            listFailures()
            throw Failure.output.because(
                "\(error); nothing of '\(task.path)' was kept, \(done) pictures before it are done")
        }
    }

    private func say(_ outcome: PictureSegmenter.Outcome, of task: PictureTask) {
        for (index, object) in outcome.objects.enumerated() {
            let name = outcome.objects.count > 1 ? "\(task.stem), object \(index + 1)" : task.stem
            for note in object.notes {
                Terminal.complain("note: \(name.visibleLine): \(note)")
            }
            // The same for every picture of a run: said once.
            for warning in object.warnings where warned.insert(warning).inserted {
                Terminal.complain("note: \(warning)")
            }
        }
    }

    private func listFailures() {
        for (path, reason) in failed {
            Terminal.complain("failed: \(path.visibleLine): \(reason)")
        }
    }

    private func closing(_ files: [ResultFiles]) -> String {
        let model = segmenter.engine.model
        let single = files.count == 1 && files[0].formats.contains(.overlay) ? files[0] : nil
        let place = single.map { "overlay: \($0.overlay.relativePath)" } ?? "results: \(output)"
        return """

            \(done) \(done == 1 ? "picture" : "pictures"), \
            \(masks) \(masks == 1 ? "mask" : "masks"), model \(model.name) \
            (SHA-256 \(model.sha256.prefix(12))…)
            \(place.visibleLine)
            \(ResearchNotice.text)
            """
    }
}
