import FileIO
import Foundation
import Imaging
import Segmentation

/// The output of `samus segment`: a row for each mask, notes, and at the end the failures.
struct SegmentReport {
    private let job: SegmentJob
    private let model: ModelDescription
    private var progress: ProgressBar
    private var doneImages = 0
    private var masks = 0
    private var failures: [(path: String, reason: String)] = []
    private var printedWarnings: Set<String> = []
    private var columnWidths: [Int]

    /// A report on a job that is about to start.
    init(_ job: SegmentJob, model: ModelDescription) {
        self.job = job
        self.model = model
        progress = ProgressBar(total: job.images.count)
        let labels = job.images.flatMap(\.objects).compactMap(\.label)
        columnWidths = [
            min(40, max(7, job.images.map(\.name.count).max() ?? 0)),
            min(40, max(6, (labels.map(\.count).max() ?? 0) + 4)),
            9, 20, 8, 7,
        ]
    }

    /// Shows which image is being segmented.
    mutating func begin(_ image: InputImage) {
        progress.show(done: doneImages + failures.count, name: image.name)
    }

    /// Prints the masks of an image, and notes.
    ///
    /// - Parameters:
    ///   - result: the masks.
    ///   - files: where they were written.
    mutating func add(_ result: SegmentResult, writtenTo files: ResultFiles) {
        progress.clear()
        switch result.masks {
        case .objects(let objects): printRows(of: objects, result)
        case .everything(let found): printLine(of: found, result)
        }
        doneImages += 1
        let name = result.input.name.visibleLine
        for note in result.notes {
            Terminal.log("note: \(name): \(note)")
        }
        for warning in result.warnings where printedWarnings.insert(warning).inserted {
            Terminal.log("note: \(warning)")
        }
        let left = files.leftFromFormerRuns().map(\.lastPathComponent)
        if !left.isEmpty {
            Terminal.log(
                "note: \(name): left from a former run: "
                    + left.joined(separator: ", ").visibleLine)
        }
    }

    /// Remembers an image that could not be segmented.
    mutating func addFailure(of image: InputImage, _ error: any Error) {
        progress.clear()
        failures.append((image.path, "\(error)"))
    }

    /// Prints the failures of a run that ends before its last image.
    ///
    /// - Parameter error: why it ends.
    /// - Returns: the error to throw, which says how many images are done.
    mutating func end(_ error: ExitError) -> ExitError {
        progress.clear()
        printFailures()
        return ExitError(
            error.status,
            "\(error.description); \(doneImages) of \(job.images.count) images are done")
    }

    /// Prints totals and failures.
    ///
    /// - Throws: ``ExitError`` when an image failed.
    func finish() throws {
        if doneImages > 0 { Terminal.print(closing) }
        guard !failures.isEmpty else { return }
        printFailures()
        throw ExitError(
            .someImages, "\(failures.count) of \(job.images.count) images failed")
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

    private mutating func printRows(of objects: [ObjectSummary], _ result: SegmentResult) {
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
                masks += 1
            }
        }
    }

    private mutating func printLine(of found: [AutomaticMask], _ result: SegmentResult) {
        let areas = found.map(\.area)
        let sizes = areas.isEmpty ? "" : ", \(areas.min() ?? 0) to \(areas.max() ?? 0) px"
        Terminal.print(
            "\(result.input.name.visibleLine): \(found.count) "
                + "\(found.count == 1 ? "mask" : "masks")\(sizes), "
                + String(format: "%.2f s", result.times.decode))
        masks += found.count
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
