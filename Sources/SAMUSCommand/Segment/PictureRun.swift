import Foundation
import Imaging
import Segmentation

/// One picture's results, computed and still to be written.
struct FinishedPicture {
    /// What will be written.
    let files: ResultFiles
    /// Writes all files, whole or not at all.
    let write: () throws -> Void
    /// Prints the picture's rows and remarks.
    ///
    /// - Returns: number of masks.
    let show: () -> Int
}

/// A run over many pictures: rows of results, progress, and a list of what failed.
final class PictureRun {
    private let model: ModelDescription
    private let output: String
    private let process: (PictureTask, ResultFiles) throws -> FinishedPicture
    private var done = 0
    private var masks = 0
    private var failed: [(path: String, reason: String)] = []

    /// - Parameters:
    ///   - model: what segments.
    ///   - output: the folder of the results.
    ///   - process: segments one picture.
    init(
        model: ModelDescription, output: String,
        process: @escaping (PictureTask, ResultFiles) throws -> FinishedPicture
    ) {
        self.model = model
        self.output = output
        self.process = process
    }

    /// Segments all pictures; one that fails does not stop the others.
    ///
    /// - Parameter work: pictures, and the files of their results.
    /// - Throws: an exit code when a picture failed, results could not be written, or somebody
    ///   interrupted the run; what failed until then is listed.
    func run(_ work: [(task: PictureTask, files: ResultFiles)]) throws {
        let interruption = Interruption()
        var progress = ProgressBar(total: work.count)
        for (number, (task, files)) in work.enumerated() {
            guard !interruption.isRequested else {
                progress.clear()
                listFailures()
                throw Failure.interrupted.because(
                    "interrupted: \(done) of \(work.count) pictures are done")
            }
            progress.show(done: number, name: task.stem)
            let result = Result { try process(task, files) }
            progress.clear()
            switch result {
            case .success(let picture):
                try write(task, picture)
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

    private func write(_ task: PictureTask, _ picture: FinishedPicture) throws {
        do {
            try picture.write()
        } catch {
            // A disk that is full or read-only fails the pictures that follow too.
            listFailures()
            throw Failure.output.because(
                "\(error); nothing of '\(task.path)' was kept, \(done) pictures before it are done")
        }
        done += 1
        masks += picture.show()
        let older = picture.files.older().map(\.lastPathComponent)
        if !older.isEmpty {
            Terminal.complain(
                "note: \(task.stem.visibleLine): not of this run, but beside its results: "
                    + older.joined(separator: ", ").visibleLine)
        }
    }

    private func listFailures() {
        for (path, reason) in failed {
            Terminal.complain("failed: \(path.visibleLine): \(reason)")
        }
    }

    private func closing(_ files: [ResultFiles]) -> String {
        let single = files.count == 1 && files[0].formats.contains(.overlay) ? files[0] : nil
        let place = single.map { "overlay: \($0.overlay.relativePath)" } ?? "results: \(output)"
        return """

            \(done) \(done == 1 ? "picture" : "pictures"), \
            \(masks) \(masks == 1 ? "mask" : "masks"), model \(model.name.visibleLine) \
            (SHA-256 \(model.sha256.prefix(12))…)
            \(place.visibleLine)
            \(ResearchNotice.text)
            """
    }
}
