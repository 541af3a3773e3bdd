import DICOM
import FileIO
import Foundation
import Imaging
import Measurements
import Segmentation

/// Collects the masks of DICOM images, and writes the DICOM results of each file when the last of its
/// frames is done.
///
/// Of the masks only run lengths are held.
final class DICOMResultWriter {
    private let writer: ResultWriter
    /// The images of each file, by its path, that are still to come, as indices into the job's.
    private var places: [String: [Int]]
    private var open: [String: OpenFile] = [:]
    /// The image that is being segmented.
    private var source: DICOMSource?
    /// Its masks.
    private var pending: [Found] = []
    /// How many of them have each label.
    private var labelCounts: [String?: Int] = [:]
    /// What to report about files whose results exist: by file, then by image; empty where a result
    /// is missing.
    private var earlier: [String: [String: ImageOutcome]] = [:]

    /// A mask of the image that is being segmented.
    private struct Found {
        var key: ObjectKey
        var isAutomatic: Bool
        var prompt: String
        var entry: DICOMResult.Entry
    }

    /// The same object in all frames: by its label, or its place among those without a label.
    private struct ObjectKey: Hashable {
        let label: String?
        let place: Int
    }

    /// The results of a file so far.
    private struct OpenFile {
        let source: DICOMSource
        let files: ResultFiles
        /// The number of each object's segment.
        var numbers: [ObjectKey: Int] = [:]
        var segments: [DICOMResult.Segment] = []
        var entries: [DICOMResult.Entry] = []
        /// The frames of each prompt.
        var prompts: [UsedPrompt: [Int]] = [:]
    }

    private struct UsedPrompt: Hashable {
        let segment: Int
        let text: String
    }

    /// - Parameter writer: writes the other results of the same job.
    init(_ writer: ResultWriter) {
        self.writer = writer
        places = writer.job.images.enumerated().reduce(into: [:]) { places, image in
            places[image.element.path, default: []].append(image.offset)
        }
    }

    private var job: SegmentJob { writer.job }

    /// What to report about an image whose results are those of an earlier run.
    ///
    /// The frames of a file are segmented again together: its DICOM results need all of them.
    ///
    /// - Returns: nil if the image has to be segmented.
    /// - Throws: ``ExitError`` for a result of another model.
    func skipped(_ image: InputImage) throws(ExitError) -> ImageOutcome? {
        let path = image.path
        if earlier[path] == nil {
            var outcomes: [String: ImageOutcome] = [:]
            for place in places[path] ?? [] {
                let image = job.images[place]
                guard let outcome = try writer.layout.skipped(image, writer.model) else {
                    outcomes = [:]
                    break
                }
                outcomes[image.name] = outcome
            }
            earlier[path] = outcomes
        }
        return earlier[path]?[image.name]
    }

    /// Prepares for an image.
    ///
    /// - Throws: `DICOMError` where no result can refer to it.
    func begin(_ image: InputImage) throws(DICOMError) {
        pending = []
        labelCounts = [:]
        let path = image.path
        if open[path] == nil {
            open[path] = OpenFile(
                source: try DICOMSource.read(image.path),
                files: writer.layout.files(of: image, objects: image.objects.count))
        }
        source = open[path]?.source
    }

    /// Adds an object of the image that is being segmented.
    ///
    /// - Throws: `DICOMError` if the file is not the same as before.
    func add(_ object: SegmentedObject, in frame: InputFrame) throws {
        guard let source, let best = object.candidates.first else { return }
        let mask = best.mask
        guard mask.size == source.image.size, frame.number ?? 1 <= source.image.frames else {
            throw DICOMError.cannotRead(
                name: source.path, reason: "it was changed while it was read")
        }
        let label = object.request.label
        let key = ObjectKey(label: label, place: labelCounts[label, default: 0])
        labelCounts[label, default: 0] += 1
        let calibration = frame.pixelSize.calibration(of: mask)
        var entry = DICOMResult.Entry(
            segment: 0, frame: frame.number ?? 1, mask: mask.runLength(), calibration: calibration,
            notes: object.notes, isUnsure: best.isUnsure)
        if let interval = object.areaInterval(of: writer.model) {
            entry.notes.append(Self.note(on: interval, spacing: calibration.spacing))
        }
        if job.formats.contains(.report), let spacing = calibration.spacing,
            let found = MaskMeasurements(mask, spacing: spacing)
        {
            entry.measurements = found.forReport(isHead: DICOMResult.isHead(label))
            entry.notes += found.notes
        }
        pending.append(
            Found(
                key: key, isAutomatic: object.request.isPromptFree,
                prompt: String(decoding: try JSON.encode(PromptEntry(object)), as: UTF8.self),
                entry: entry))
    }

    /// Takes over the objects of an image that is done.
    func accept(_ image: InputImage) {
        let path = image.path
        guard var file = open.removeValue(forKey: path) else { return }
        for found in pending {
            let segment: Int
            if let known = file.numbers[found.key] {
                segment = known
                if !found.isAutomatic { file.segments[known].isAutomatic = false }
            } else {
                segment = file.segments.count
                file.numbers[found.key] = segment
                file.segments.append(
                    .init(label: Self.label(found.key), isAutomatic: found.isAutomatic))
            }
            var entry = found.entry
            entry.segment = segment
            file.entries.append(entry)
            file.prompts[UsedPrompt(segment: segment, text: found.prompt), default: []]
                .append(entry.frame)
        }
        open[path] = file
        pending = []
    }

    /// The area interval as a sentence, in mm² where the size of a pixel is known.
    private static func note(on interval: ClosedRange<Int>, spacing: PixelSpacing?) -> String {
        let percent = Int((100 * AreaLevels.coverage).rounded())
        let ends: String
        if let spacing {
            let pixel = spacing.x * spacing.y
            ends = String(
                format: "%.4g to %.4g mm2", Double(interval.lowerBound) * pixel,
                Double(interval.upperBound) * pixel)
        } else {
            ends = "\(interval.lowerBound) to \(interval.upperBound) pixels"
        }
        return "area interval (\(percent) %): \(ends)"
    }

    private static func label(_ key: ObjectKey) -> String {
        guard let label = key.label, !label.isEmpty else { return "object \(key.place + 1)" }
        return key.place == 0 ? label : "\(label) \(key.place + 1)"
    }

    /// Writes the DICOM results of a file after the last of its images; of images that failed there
    /// are no masks.
    ///
    /// - Throws: `DICOMError` where these results cannot be made, so that other files can go on;
    ///   ``ExitError`` where nothing can be written.
    func end(_ image: InputImage) throws {
        let path = image.path
        // Frames come in the order of the job.
        places[path]?.removeFirst()
        guard places[path]?.isEmpty ?? true else { return }
        places[path] = nil
        earlier[path] = nil
        guard let file = open.removeValue(forKey: path), !file.entries.isEmpty else { return }
        do {
            try write(file)
        } catch let error as DICOMError {
            throw error
        } catch {
            try withExitStatus(.output) { throw error }
        }
    }

    private func write(_ file: OpenFile) throws {
        let result = DICOMResult(
            source: file.source, segments: file.segments, entries: file.entries,
            origin: .init(
                version: ProgramVersion.current, model: writer.model.name,
                weightsSHA256: writer.model.sha256, parameters: try parameters(file)))
        let date = Date()
        var transaction = FileTransaction()
        var segmentation: DICOMSegmentation?
        if job.formats.contains(.dicomSeg), let path = file.files.dicomSegmentation?.path {
            let output = try AtomicFile(path)
            segmentation = try result.writeSegmentation(date: date) { try output.append($0) }
            try transaction.add(output)
        }
        if job.formats.contains(.report), let path = file.files.report?.path {
            try transaction.add(result.measurementReport(of: segmentation, date: date), at: path)
        }
        try writer.commit(transaction, replacing: file.files.dicom, in: file.files.subfolder)
    }

    /// The model, how it ran, and the prompts.
    private func parameters(_ file: OpenFile) throws -> String {
        let prompts = file.prompts.sorted {
            ($0.key.segment, $0.value[0], $0.key.text) < ($1.key.segment, $1.value[0], $1.key.text)
        }.map {
            #"{"object":\#($0.key.segment + 1),"frames":\#(Self.ranges($0.value)),"#
                + #""prompt":\#($0.key.text)}"#
        }
        let list = "[" + prompts.joined(separator: ",") + "]"
        func text(_ end: String) throws -> String {
            let settings = Settings(
                model: writer.model.name, weightsSha256: writer.model.sha256,
                precision: writer.engine.precision, device: writer.engine.device)
            return String(decoding: try JSON.encode(settings), as: UTF8.self).dropLast() + end + "}"
        }
        let complete = try text(#","prompts":\#(list)"#)
        // The attribute in DICOM has at most 10240 characters.
        guard complete.utf8.count > 10_000 else { return complete }
        return try text(#","prompts_sha256":"\#(SHA256.hexDigest(of: Array(list.utf8)))""#)
    }

    /// Numbers as a list of JSON: `["1-4",7]`.
    private static func ranges(_ numbers: [Int]) -> String {
        var ranges: [ClosedRange<Int>] = []
        for number in numbers.sorted() {
            if let last = ranges.last, last.upperBound == number - 1 {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        let parts = ranges.map {
            $0.count == 1 ? "\($0.lowerBound)" : "\"\($0.lowerBound)-\($0.upperBound)\""
        }
        return "[" + parts.joined(separator: ",") + "]"
    }

    private struct Settings: Encodable {
        let model: String
        let weightsSha256: String
        let precision: String
        let device: String
    }

    /// A prompt without the path of its mask, which may contain names.
    private struct PromptEntry: Encodable {
        let promptFree: Bool?
        let box: [Double]?
        let points: [[Double]]
        let backgroundPoints: [[Double]]
        let mask: Bool?

        init(_ object: SegmentedObject) {
            promptFree = object.request.isPromptFree ? true : nil
            box = object.prompt.box.map { [$0.x0, $0.y0, $0.x1, $0.y1] }
            points = object.prompt.foregroundPoints.map { [$0.x, $0.y] }
            backgroundPoints = object.prompt.backgroundPoints.map { [$0.x, $0.y] }
            mask = object.request.maskPath == nil ? nil : true
        }
    }
}

extension MaskMeasurements {
    fileprivate func forReport(isHead: Bool) -> [DICOMResult.Measurement] {
        var found: [DICOMResult.Measurement] = [
            .init(.area, area), .init(.longAxis, longAxis), .init(.shortAxis, shortAxis),
            .init(.perimeter, perimeter),
        ]
        if isHead, let ellipse { found.append(.init(.headCircumference, ellipse.circumference)) }
        return found
    }

    fileprivate var notes: [String] {
        touchesImageEdge
            ? ["the mask touches the edge of the image: the object may be larger than the numbers"]
            : []
    }
}
