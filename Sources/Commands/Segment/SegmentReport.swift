import FileIO
import Foundation
import Imaging
import Segmentation

/// The output of `samus segment`: a row for each mask, notes, and at the end the failures.
///
/// With `--json-lines`, standard output has a line for each image instead.
struct SegmentReport {
    /// Later failures are printed at once, so that memory does not grow with their number.
    private static let largestFailureList = 1000

    private let job: SegmentJob
    private let model: ModelDescription
    private var progress: ProgressBar
    private var doneImages = 0
    private var skippedImages = 0
    private var failedImages = 0
    private var masks = 0
    private var foundMasks = 0
    private let summary: SummaryFile?
    private var failures: [(path: String, reason: String)] = []
    private var printedWarnings: Set<String> = []
    private var columnWidths: [Int]

    /// A report on a job that is about to start.
    ///
    /// - Parameters:
    ///   - layout: of the job.
    ///   - model: the model that segments the images.
    /// - Throws: ``ExitError`` where the summary cannot be written.
    init(_ layout: ResultLayout, model: ModelDescription) throws {
        job = layout.job
        self.model = model
        summary = try job.writesSummary ? SummaryFile(layout.summary) : nil
        progress = ProgressBar(total: job.images.count)
        let labels = job.images.flatMap(\.objects).compactMap(\.label)
        columnWidths = [
            min(40, max(7, job.images.map(\.name.count).max() ?? 0)),
            min(40, max(6, (labels.map(\.count).max() ?? 0) + 4)),
            9, 20, 8, 7,
        ]
    }

    /// Prints warnings about the whole run, each once.
    mutating func warn(_ warnings: [String]) {
        for warning in warnings where printedWarnings.insert(warning).inserted {
            Terminal.log("note: \(warning)")
        }
    }

    /// Shows which image is being segmented.
    mutating func begin(_ image: InputImage) {
        progress.show(done: doneImages + skippedImages + failedImages, name: image.name)
    }

    /// Reports an image whose results exist.
    ///
    /// - Throws: ``ExitError`` where the summary cannot be written.
    mutating func addSkipped(_ outcome: ImageOutcome) throws {
        skippedImages += 1
        // Without NAME.json nothing is known about the masks.
        foundMasks += outcome.masks.map { $0.count { $0.pixelArea > 0 } } ?? 1
        try record(outcome)
    }

    /// Writes an image's line and rows.
    private mutating func record(_ outcome: ImageOutcome) throws {
        if job.printsJSONLines {
            progress.clear()
            Terminal.print(json: try outcome.jsonLine())
        }
        try summary?.add(outcome)
    }

    /// Prints the masks of an image, and notes.
    ///
    /// - Parameters:
    ///   - result: the masks.
    ///   - files: where they were written.
    /// - Throws: ``ExitError`` where the summary cannot be written.
    mutating func add(_ result: SegmentResult, writtenTo files: ResultFiles) throws {
        progress.clear()
        try record(ImageOutcome(result, writtenTo: files))
        switch result.masks {
        case .objects(let objects):
            let candidates = objects.flatMap(\.candidates)
            masks += candidates.count
            foundMasks += candidates.count { $0.area > 0 }
            if !job.printsJSONLines { printRows(of: objects, result) }
        case .everything(let found):
            masks += found.count
            foundMasks += found.count
            if !job.printsJSONLines { printLine(of: found, result) }
        }
        doneImages += 1
        let name = result.input.name.visibleLine
        for note in result.notes {
            Terminal.log("note: \(name): \(note)")
        }
        warn(result.warnings)
        let left = files.leftFromFormerRuns().map(\.lastPathComponent)
        if !left.isEmpty {
            Terminal.log(
                "note: \(name): left from a former run: "
                    + left.joined(separator: ", ").visibleLine)
        }
    }

    /// Remembers an image that could not be segmented.
    ///
    /// - Throws: ``ExitError`` where the summary cannot be written.
    mutating func addFailure(of image: InputImage, _ error: any Error) throws {
        progress.clear()
        failedImages += 1
        if failures.count < Self.largestFailureList {
            failures.append((image.path, "\(error)"))
        } else {
            Terminal.log("failed: \(image.path.visibleLine): \(error)")
        }
        try record(ImageOutcome(failed: image, error))
    }

    /// Prints the failures of a run that ends before its last image.
    ///
    /// - Parameter error: why it ends.
    /// - Returns: the error to throw, which says how many images are done.
    mutating func end(_ error: ExitError) -> ExitError {
        progress.clear()
        printFailures()
        // Without the rest of the images the summary would look complete; --skip-existing makes it.
        return ExitError(
            error.status,
            "\(error.description); \(doneImages + skippedImages) of \(job.images.count) images "
                + "are done")
    }

    /// Prints totals and failures.
    ///
    /// - Throws: ``ExitError`` when an image failed, or nothing was found in any.
    mutating func finish() throws {
        progress.clear()
        try summary?.finish()
        if job.images.isEmpty, let shard = job.shard {
            Terminal.log("note: part \(shard) has none of the \(job.allImages.count) images")
        }
        if skippedImages > 0 {
            Terminal.log(
                "note: \(skippedImages) of \(job.images.count) images were skipped, because their "
                    + "results exist")
        }
        if doneImages > 0 && !job.printsJSONLines { Terminal.print(closing) }
        guard failedImages > 0 else {
            if doneImages + skippedImages > 0, foundMasks == 0 { throw ExitError(.nothingFound) }
            return
        }
        printFailures()
        throw ExitError(
            .someImages, "\(failedImages) of \(job.images.count) images failed")
    }

    private func printFailures() {
        for (path, reason) in failures {
            Terminal.log("failed: \(path.visibleLine): \(reason)")
        }
    }

    private var closing: String {
        let overlay =
            job.images.count == 1 && job.formats.contains(.overlay)
            ? OutputFolder(job.outputFolder).file(job.images[0].name + ".overlay.png") : nil
        let place = overlay.map { "overlay: \($0.relativePath)" } ?? "results: \(job.outputFolder)"
        return """

            \(doneImages) \(doneImages == 1 ? "image" : "images"), \
            \(masks) \(masks == 1 ? "mask" : "masks"), model \(model.name.visibleLine) \
            (SHA-256 \(model.sha256.prefix(12))…)
            \(place.visibleLine)
            \(ResearchNotice.text)
            """
    }

    private func printRows(of objects: [ObjectSummary], _ result: SegmentResult) {
        if doneImages == 0 {
            Terminal.print(
                row("image", "object", "area px", "box x0,y0,x1,y1", "IoU est.", "seconds"))
        }
        let times = result.times
        var seconds = String(format: "%.2f", times.read + times.encode + times.decode)
        for (index, object) in objects.enumerated() {
            for (candidate, segmentation) in object.candidates.enumerated() {
                var name = "\(index + 1)"
                if object.candidates.count > 1 { name += ".\(candidate + 1)" }
                if let label = object.label { name += " \(label.visibleLine)" }
                let box = segmentation.boundingBox
                Terminal.print(
                    row(
                        result.input.name.visibleLine, name, "\(segmentation.area)",
                        box.map { "\($0.x0),\($0.y0),\($0.x1),\($0.y1)" } ?? "none",
                        String(format: "%.3f", segmentation.iouEstimate), seconds))
                // The time of an image is shown in its first row.
                seconds = ""
            }
        }
    }

    private func printLine(of found: [AutomaticMask], _ result: SegmentResult) {
        let areas = found.map(\.area)
        let sizes = areas.isEmpty ? "" : ", \(areas.min() ?? 0) to \(areas.max() ?? 0) px"
        Terminal.print(
            "\(result.input.name.visibleLine): \(found.count) "
                + "\(found.count == 1 ? "mask" : "masks")\(sizes), "
                + String(format: "%.2f s", result.times.decode))
    }

    private func row(_ columns: String...) -> String {
        zip(columns, columnWidths).enumerated().map { index, column in
            let (text, width) = column
            let gap = String(repeating: " ", count: max(0, width - text.count))
            // Names are aligned left, numbers right.
            return index < 2 ? text + gap : gap + text
        }.joined(separator: "  ")
    }
}

/// The summary of a run: a table with a row for each mask, which replaces an older one when the run
/// has reached its end.
final class SummaryFile {
    private let file: AtomicFile

    /// - Parameter url: the file.
    /// - Throws: ``ExitError``.
    init(_ url: URL) throws {
        file = try withExitStatus(.output) { try AtomicFile(url.path) }
        try add([ImageOutcome.summaryHeader])
    }

    /// Adds the rows of an image.
    ///
    /// - Throws: ``ExitError``, for example for a full disk.
    func add(_ outcome: ImageOutcome) throws {
        try add(outcome.summaryRows)
    }

    private func add(_ rows: [String]) throws {
        try withExitStatus(.output) {
            try file.append(Array(rows.map { $0 + "\n" }.joined().utf8))
        }
    }

    /// Gives the file its name.
    ///
    /// - Throws: ``ExitError``.
    func finish() throws {
        try withExitStatus(.output) { try file.commit() }
    }
}
