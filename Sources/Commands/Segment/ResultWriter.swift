import Drawing
import FileIO
import Foundation
import Imaging
import Segmentation

/// Writes the results of a job, those of each image together or not at all.
struct ResultWriter {
    let layout: ResultLayout
    let model: ModelDescription
    let engine: ResultRecord.Engine

    var job: SegmentJob { layout.job }
    /// Masks for each object.
    fileprivate var candidates: Int { layout.candidates }

    /// Begins the results of an image.
    ///
    /// - Returns: the results, to which objects are added one by one.
    func begin(_ image: InputImage) -> ImageResults {
        ImageResults(
            input: image, files: layout.files(of: image, objects: image.objects.count),
            writer: self)
    }

    /// Gives an image's results their names, all together.
    ///
    /// - Parameters:
    ///   - results: with all objects.
    ///   - result: what the segmenter returned for the image.
    /// - Returns: the files that were written.
    /// - Throws: ``ExitError`` when nothing more can be written; another error when only this
    ///   image's results cannot be.
    func finish(_ results: ImageResults, _ result: SegmentResult) throws -> ResultFiles {
        switch result.masks {
        case .objects:
            let transaction = try withExitStatus(.output) { try results.finish(result) }
            try commit(transaction, replacing: results.files.all, in: results.files.subfolder)
            return results.files
        case .everything(let masks):
            let files = layout.files(of: result.input, objects: masks.count)
            // The number of masks, and so their names, is known only now.
            try layout.check(files)
            let transaction = try withExitStatus(.output) {
                try staged(masks, of: result, for: files)
            }
            try commit(transaction, replacing: files.all, in: files.subfolder)
            return files
        }
    }

    /// Replaces results together.
    ///
    /// - Parameters:
    ///   - transaction: with all files.
    ///   - files: their names.
    ///   - folder: the folder of all of them.
    /// - Throws: ``ExitError`` when nothing can be written; another error where results exist and must
    ///   not be replaced.
    func commit(
        _ transaction: FileTransaction, replacing files: [URL], in folder: URL
    ) throws {
        let lock = try withExitStatus(.output) { try FolderLock(folder.path) }
        // Another process may have written results of this image meanwhile, and the names of
        // automatic masks are known only now.
        if job.existing == .refused,
            let existing = files.first(where: { FileKind($0.path) != nil })
        {
            throw ExistingResultError(path: existing.relativePath)
        }
        try withExitStatus(.output) { try transaction.commit(holding: lock) }
    }

    /// The files of automatic masks under temporary names.
    private func staged(
        _ masks: [AutomaticMask], of result: SegmentResult, for files: ResultFiles
    ) throws -> FileTransaction {
        guard case .everything(let options) = job.mode else {
            preconditionFailure("automatic masks in a job with prompts")
        }
        var set = FileTransaction()
        if files.formats.contains(.png) {
            for (index, mask) in masks.enumerated() {
                try set.add(
                    png(mask.mask), at: files.mask(object: index, candidate: 0).path)
            }
        }
        if files.formats.contains(.overlay) {
            // Large masks first, so that small ones stay visible.
            let shown = masks.sorted { $0.area > $1.area }.map {
                OverlayObject(runLength: $0.runLength)
            }
            let overlay = Overlay(
                objects: shown, caption: "\(model.name), automatic masks: \(masks.count)")
            try set.add(png(overlay.draw(on: result.frame.image)), at: files.overlay.path)
        }
        if files.formats.contains(.json) {
            let record = EverythingRecord(
                image: .init(result.input, result.frame), model: model, engine: engine,
                options: .init(options),
                annotations: masks.map(\.record), seconds: result.times.decode)
            try set.add(JSON.encode(record), at: files.json.path)
        }
        return set
    }

    /// An image file whose comment names the program and the model.
    func png(_ image: Image) throws -> [UInt8] { try image.encodedPNG(comment: comment) }

    /// A mask's file whose comment names the program and the model.
    func png(_ mask: Mask) throws -> [UInt8] { try mask.encodedPNG(comment: comment) }

    private var comment: String {
        "samus \(ProgramVersion.current), model \(model.name) (\(model.sha256)); "
            + ResearchNotice.text
    }
}

/// The results of one image while its objects are segmented: files under temporary names.
///
/// Each object is written at once, and only its run lengths are kept, for the overlay.
final class ImageResults {
    /// The names of the results.
    let files: ResultFiles
    private let input: InputImage
    private let writer: ResultWriter
    private var transaction = FileTransaction()
    private var frame: InputFrame?
    private var objectCount = 0
    private var json: ListFile?
    private var runLengths: ListFile?
    private var contours: ListFile?
    /// For each candidate, what the overlay shows of each object.
    private var overlays: [[OverlayObject]]
    private var estimates: [[MaskEstimate]]
    /// The label image so far, row by row; empty where none is written.
    private var labelValues: [UInt8] = []

    fileprivate init(input: InputImage, files: ResultFiles, writer: ResultWriter) {
        self.input = input
        self.files = files
        self.writer = writer
        overlays = .init(repeating: [], count: writer.candidates)
        estimates = overlays.map { _ in [] }
    }

    /// Writes the masks of one object.
    ///
    /// - Parameters:
    ///   - object: the object and its masks.
    ///   - frame: the image.
    /// - Throws: ``ExitError`` when results cannot be written.
    func add(_ object: SegmentedObject, in frame: InputFrame) throws {
        try withExitStatus(.output) {
            if self.frame == nil { try begin(frame) }
            for (candidate, segmentation) in object.candidates.enumerated() {
                try add(segmentation, candidate, of: object, in: frame)
            }
            if let uncertainty = object.uncertainty {
                try transaction.add(
                    writer.png(uncertainty.image),
                    at: files.probabilities(object: objectCount).path)
            }
        }
        objectCount += 1
    }

    private func begin(_ frame: InputFrame) throws {
        self.frame = frame
        let size = frame.image.size
        if files.formats.contains(.labels) {
            labelValues = [UInt8](repeating: 0, count: size.area)
        }
        if files.formats.contains(.json) {
            json = try ListFile(files.json.path, record(frame, times: .init()))
        }
        if files.formats.contains(.rle) {
            runLengths = try ListFile(files.runLengths.path, RunLengthRecord(masks: []))
        }
        if files.formats.contains(.contour) {
            contours = try ListFile(
                files.contours.path,
                ContourRecord(width: size.width, height: size.height, masks: []))
        }
    }

    private func add(
        _ segmentation: SegmentationResult, _ candidate: Int, of object: SegmentedObject,
        in frame: InputFrame
    ) throws {
        let mask = segmentation.mask
        let area = mask.area
        let file = files.mask(object: objectCount, candidate: candidate)
        let number = (object: objectCount + 1, candidate: candidate + 1)
        let labelValue = writer.job.labels?.value(of: object.request, at: objectCount)
        if files.formats.contains(.png) {
            try transaction.add(writer.png(mask), at: file.path)
        }
        if files.formats.contains(.labels), let labelValue {
            for (place, value) in mask.values.enumerated() where value != 0 {
                labelValues[place] = labelValue
            }
        }
        if files.formats.contains(.overlay) {
            let prompt = object.prompt
            overlays[candidate].append(
                OverlayObject(
                    runLength: mask.runLength(), foregroundPoints: prompt.foregroundPoints,
                    backgroundPoints: prompt.backgroundPoints, box: prompt.box,
                    label: object.request.label ?? (files.objects > 1 ? "\(number.object)" : nil)))
            estimates[candidate].append(
                MaskEstimate(
                    iou: segmentation.iouEstimate, presence: segmentation.presence,
                    isFound: area > 0, isUnsure: segmentation.isUnsure))
        }
        if let runLengths {
            try runLengths.append(
                RunLengthRecord.Entry(
                    object: number.object, candidate: number.candidate,
                    segmentation: .init(
                        size: [mask.height, mask.width], counts: mask.runLength().compressed)))
        }
        guard json != nil || contours != nil else { return }
        let lists = mask.contourLists
        try contours?.append(
            ContourRecord.Entry(
                object: number.object, candidate: number.candidate, contours: lists))
        let pixelSize = frame.pixelSize
        let calibration = pixelSize.calibration(of: mask)
        let pixelArea = calibration.spacing.map { $0.x * $0.y }
        let interval = object.areaInterval(of: writer.model).map { [$0.lowerBound, $0.upperBound] }
        try json?.append(
            ResultRecord.MaskEntry(
                object: number.object, candidate: number.candidate, label: object.request.label,
                labelValue: labelValue.map(Int.init), prompt: .init(object), pixelArea: area,
                spacingMm: calibration.spacing.map { [$0.x, $0.y] },
                spacingSource: calibration.source,
                areaMm2: pixelArea.map { Double(area) * $0 },
                noMmReason: pixelSize.isStated ? calibration.reason : nil,
                boundingBox: mask.boundingBox.map { [$0.x0, $0.y0, $0.x1, $0.y1] },
                contours: lists, iouEstimate: segmentation.iouEstimate,
                presence: segmentation.presence, found: area > 0,
                lowConfidence: segmentation.isUnsure,
                uncertainty: object.uncertainty.map { _ in
                    .init(
                        prompts: MaskUncertainty.promptCount,
                        coverage: interval.map { _ in AreaLevels.coverage },
                        pixelAreaInterval: interval,
                        areaMm2Interval: pixelArea.flatMap { size in
                            interval.map { $0.map { Double($0) * size } }
                        },
                        probabilityFile: files.probabilities(object: objectCount).lastPathComponent)
                },
                adjustedClicks: segmentation.adjustedClicks,
                disobeyedClicks: segmentation.disobeyedClicks,
                maskFile: files.formats.contains(.png) ? file.lastPathComponent : nil,
                notes: object.notes + object.warnings))
    }

    /// Writes what can be written only when all objects are known.
    ///
    /// - Parameter result: the image and the times.
    /// - Returns: all files.
    /// - Throws: errors of writing.
    fileprivate func finish(_ result: SegmentResult) throws -> FileTransaction {
        if files.formats.contains(.overlay) {
            try transaction.add(writer.png(overlay(on: result.frame.image)), at: files.overlay.path)
        }
        if files.formats.contains(.labels) {
            let size = result.frame.image.size
            let image = Image(
                width: size.width, height: size.height, channels: 1, pixels: labelValues)
            try transaction.add(writer.png(image), at: files.labels.path)
        }
        if let runLengths {
            try transaction.add(runLengths.finished(RunLengthRecord(masks: [])))
        }
        if let contours {
            let size = result.frame.image.size
            try transaction.add(
                contours.finished(
                    ContourRecord(width: size.width, height: size.height, masks: [])))
        }
        if let json {
            try transaction.add(json.finished(record(result.frame, times: result.times)))
        }
        return transaction
    }

    private func record(_ frame: InputFrame, times: SegmentResult.Times) -> ResultRecord {
        ResultRecord(
            image: .init(input, frame), model: writer.model, engine: writer.engine,
            labels: writer.job.labels.map {
                .init(file: files.labels.lastPathComponent, values: $0.entries)
            }, masks: [], times: times)
    }

    /// The outlines on the image; candidates side by side.
    private func overlay(on image: Image) -> Image {
        let drawings = overlays.indices.map { candidate in
            let number = overlays.count > 1 ? "candidate \(candidate + 1), " : ""
            return Overlay(
                objects: overlays[candidate],
                caption: "\(writer.model.name), \(number)\(estimates[candidate].caption)")
        }
        guard drawings.count > 1 else { return drawings[0].draw(on: image) }
        return sideBySide(drawings.map { ($0.drawWithoutStrip(on: image), $0.caption) })
    }
}

/// What the caption of an overlay says of a mask.
struct MaskEstimate {
    /// The model's estimate of the IoU.
    let iou: Float
    /// The model's estimate that there is an object; nil where it has none.
    let presence: Float?
    /// Whether the mask has foreground.
    let isFound: Bool
    /// Whether the estimate of the IoU is low.
    let isUnsure: Bool

    fileprivate var text: String {
        guard isFound else {
            let presence = presence.map { String(format: ", presence %.2f", $0) }
            return "none (nothing found\(presence ?? ""))"
        }
        return String(format: "%.2f", iou) + (isUnsure ? " (low confidence)" : "")
    }
}

extension [MaskEstimate] {
    /// The estimates of up to twelve masks; of more, their range and how many are unsure or empty.
    var caption: String {
        guard count > 12 else { return "IoU estimate \(map(\.text).joined(separator: ", "))" }
        let found = filter(\.isFound)
        var parts: [String] = []
        if let least = found.map(\.iou).min(), let most = found.map(\.iou).max() {
            parts.append(String(format: "IoU estimates %.2f to %.2f", least, most))
        }
        let unsure = found.count(where: \.isUnsure)
        if unsure > 0 { parts.append("\(unsure) of low confidence") }
        if found.count < count { parts.append("nothing found for \(count - found.count)") }
        return "\(count) masks: " + parts.joined(separator: ", ")
    }
}

/// A JSON file whose list `masks` is written entry by entry.
private final class ListFile {
    private let file: AtomicFile
    private var isEmpty = true

    /// Begins the file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - record: the whole content with an empty list.
    /// - Throws: errors of writing.
    init(_ path: String, _ record: some Encodable) throws {
        file = try AtomicFile(path)
        try file.append(Self.parts(of: record).before)
    }

    func append(_ entry: some Encodable) throws {
        if !isEmpty { try file.append([UInt8(ascii: ",")]) }
        isEmpty = false
        try file.append(JSON.encode(entry))
    }

    /// Writes the rest.
    ///
    /// - Parameter record: as at the beginning; what follows the list may have changed.
    /// - Returns: the complete file.
    /// - Throws: errors of writing.
    func finished(_ record: some Encodable) throws -> AtomicFile {
        try file.append(Self.parts(of: record).after)
        return file
    }

    /// The text before and after the entries of the list.
    private static func parts(
        of record: some Encodable
    ) throws -> (before: [UInt8], after: [UInt8]) {
        let text = try JSON.encode(record)
        // In a string of JSON, quotes are escaped: this is the list.
        guard let list = Data(text).range(of: Data(#""masks":[]"#.utf8)) else {
            preconditionFailure("a record has an empty list 'masks'")
        }
        let place = list.upperBound - 1
        return (Array(text[..<place]), Array(text[place...]))
    }
}

/// A result of a former run that must not be replaced.
private struct ExistingResultError: Error, CustomStringConvertible {
    let path: String

    var description: String {
        "'\(path.visibleLine)' exists already: add --force to replace it, or choose another "
            + "--output"
    }
}

extension ResultRecord.UsedPrompt {
    fileprivate init(_ object: SegmentedObject) {
        let prompt = object.prompt
        self.init(
            promptFree: object.request.isPromptFree ? true : nil,
            box: prompt.box.map { [$0.x0, $0.y0, $0.x1, $0.y1] },
            foregroundPoints: prompt.foregroundPoints.map { [$0.x, $0.y] },
            backgroundPoints: prompt.backgroundPoints.map { [$0.x, $0.y] },
            mask: object.request.maskPath)
    }
}

extension Mask {
    /// `[[[x, y], …], …]`, see ``Contour``.
    fileprivate var contourLists: [[[Int]]] {
        contours().map { $0.corners.map { [$0.x, $0.y] } }
    }
}
