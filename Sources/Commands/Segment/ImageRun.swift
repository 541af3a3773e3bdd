import Foundation
import Imaging
import Segmentation

/// One image's results, computed and still to be written.
struct FinishedImage {
    /// What will be written.
    let files: ResultFiles
    /// Writes all files, whole or not at all.
    let write: () throws -> Void
    /// Prints the image's rows and remarks.
    ///
    /// - Returns: number of masks.
    let show: () -> Int
}

/// A run over many images: rows of results, progress, and a list of what failed.
final class ImageRun {
    private let model: ModelDescription
    private let output: String
    private let process: (ImageTask, ResultFiles) throws -> FinishedImage
    private var done = 0
    private var masks = 0
    private var failed: [(path: String, reason: String)] = []

    /// - Parameters:
    ///   - model: what segments.
    ///   - output: the folder of the results.
    ///   - process: segments one image.
    init(
        model: ModelDescription, output: String,
        process: @escaping (ImageTask, ResultFiles) throws -> FinishedImage
    ) {
        self.model = model
        self.output = output
        self.process = process
    }

    /// Segments all images; one that fails does not stop the others.
    ///
    /// - Parameter work: images, and the files of their results.
    /// - Throws: an exit code when an image failed, results could not be written, or somebody
    ///   interrupted the run; what failed until then is listed.
    func run(_ work: [(task: ImageTask, files: ResultFiles)]) throws {
        let interruption = Interruption()
        var progress = ProgressBar(total: work.count)
        for (number, (task, files)) in work.enumerated() {
            guard !interruption.isRequested else {
                progress.clear()
                listFailures()
                throw ExitError(
                    .interrupted,
                    "interrupted: \(done) of \(work.count) images are done")
            }
            progress.show(done: number, name: task.stem)
            let result = Result { try process(task, files) }
            progress.clear()
            switch result {
            case .success(let image):
                try write(task, image)
            case .failure(let error):
                failed.append((task.path, "\(error)"))
            }
        }
        if done > 0 {
            print(closing(work.map(\.files)))
        }
        guard failed.isEmpty else {
            listFailures()
            throw ExitError(
                .someImages,
                "\(failed.count) of \(work.count) images failed")
        }
    }

    private func write(_ task: ImageTask, _ image: FinishedImage) throws {
        do {
            try image.write()
        } catch {
            // A disk that is full or read-only fails the images that follow too.
            listFailures()
            throw ExitError(
                .output,
                "\(error); nothing of '\(task.path)' was kept, \(done) images before it are done")
        }
        done += 1
        masks += image.show()
        let older = image.files.older().map(\.lastPathComponent)
        if !older.isEmpty {
            Terminal.log(
                "note: \(task.stem.visibleLine): not of this run, but beside its results: "
                    + older.joined(separator: ", ").visibleLine)
        }
    }

    private func listFailures() {
        for (path, reason) in failed {
            Terminal.log("failed: \(path.visibleLine): \(reason)")
        }
    }

    private func closing(_ files: [ResultFiles]) -> String {
        let single = files.count == 1 && files[0].formats.contains(.overlay) ? files[0] : nil
        let place = single.map { "overlay: \($0.overlay.relativePath)" } ?? "results: \(output)"
        return """

            \(done) \(done == 1 ? "image" : "images"), \
            \(masks) \(masks == 1 ? "mask" : "masks"), model \(model.name.visibleLine) \
            (SHA-256 \(model.sha256.prefix(12))…)
            \(place.visibleLine)
            \(ResearchNotice.text)
            """
    }
}
