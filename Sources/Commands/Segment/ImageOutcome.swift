import FileIO
import Foundation
import Segmentation

/// What became of one image: a line of `--json-lines`, and rows of `--summary`.
struct ImageOutcome: Encodable {
    enum Status: String, Encodable { case done, skipped, failed }

    /// One mask; the keys are those of `masks[]` in `NAME.json`.
    struct MaskEntry: Codable, Equatable {
        let object: Int
        let candidate: Int
        let label: String?
        let pixelArea: Int
        let boundingBox: [Int]?
        let iouEstimate: Float
        let maskFile: String?
    }

    let image: String
    /// Number of the frame, from 1; nil for a file with one image.
    let frame: Int?
    let status: Status
    /// nil where no image was segmented and no result was read.
    var masks: [MaskEntry]?
    var times: SegmentResult.Times?
    /// Why the image failed.
    var error: String?

    /// The outcome of an image that was segmented.
    ///
    /// - Parameters:
    ///   - result: its masks.
    ///   - files: where they were written.
    init(_ result: SegmentResult, writtenTo files: ResultFiles) {
        image = result.input.path
        frame = result.input.frame
        status = .done
        times = result.times
        func file(_ object: Int, _ candidate: Int) -> String? {
            guard files.formats.contains(.png) else { return nil }
            return files.mask(object: object, candidate: candidate).lastPathComponent
        }
        switch result.masks {
        case .objects(let objects):
            masks = objects.enumerated().flatMap { index, object in
                object.candidates.enumerated().map { candidate, found in
                    MaskEntry(
                        object: index + 1, candidate: candidate + 1, label: object.label,
                        pixelArea: found.area,
                        boundingBox: found.boundingBox.map { [$0.x0, $0.y0, $0.x1, $0.y1] },
                        iouEstimate: found.iouEstimate, maskFile: file(index, candidate))
                }
            }
        case .everything(let found):
            masks = found.enumerated().map { index, mask in
                let box = mask.mask.boundingBox
                return MaskEntry(
                    object: index + 1, candidate: 1, label: nil, pixelArea: mask.area,
                    boundingBox: box.map { [$0.x0, $0.y0, $0.x1, $0.y1] },
                    iouEstimate: Float(mask.predictedIoU), maskFile: file(index, 0))
            }
        }
    }

    /// The outcome of an image that failed.
    init(failed input: InputImage, _ error: any Error) {
        image = input.path
        frame = input.frame
        status = .failed
        self.error = "\(error)"
    }

    /// The outcome of an image whose results are those of an earlier run.
    ///
    /// - Parameters:
    ///   - input: the image.
    ///   - masks: what its `NAME.json` says; nil if it was not read.
    init(skipped input: InputImage, masks: [MaskEntry]?) {
        image = input.path
        frame = input.frame
        status = .skipped
        self.masks = masks
    }

    /// One line of JSON.
    func jsonLine() throws -> String {
        String(decoding: try JSON.encode(self), as: UTF8.self)
    }

    /// The rows of the summary, each one line: line breaks in names are written as `\n`.
    var summaryRows: [String] {
        guard let masks, !masks.isEmpty else {
            let empty = [String](repeating: "", count: 9)
            let reason = (error ?? "").visibleLine
            return [CSV.line([image.visibleLine, frameText, status.rawValue] + empty + [reason])]
        }
        return masks.map { mask in
            let box = mask.boundingBox?.map(String.init) ?? ["", "", "", ""]
            return CSV.line(
                [
                    image.visibleLine, frameText, status.rawValue, "\(mask.object)",
                    "\(mask.candidate)",
                    (mask.label ?? "").visibleLine, "\(mask.pixelArea)",
                ] + box + ["\(mask.iouEstimate)", ""])
        }
    }

    private var frameText: String { frame.map { "\($0)" } ?? "" }

    /// The first row of the summary.
    static let summaryHeader = CSV.line([
        "image", "frame", "status", "object", "candidate", "label", "pixel_area", "x0", "y0", "x1",
        "y1",
        "iou_estimate", "error",
    ])
}

/// What the `NAME.json` of an earlier run says, as far as `--skip-existing` needs it.
struct EarlierResult: Decodable {
    private struct Model: Decodable {
        let name: String
        let sha256: String
    }

    /// A record of `--everything`.
    private struct Annotation: Decodable {
        let area: Int
        /// `[x, y, width, height]` between the centres of the outermost pixels.
        let bbox: [Double]
        let predictedIou: Float
    }

    private static let largestSize = 1 << 30

    private let model: Model
    private let masks: [ImageOutcome.MaskEntry]?
    private let annotations: [Annotation]?

    /// Reads a result.
    ///
    /// - Throws: `FileReadError`, `JSONError`.
    static func read(_ path: String) throws -> EarlierResult {
        try JSON.decode(self, from: RegularFile.read(path, limit: largestSize))
    }

    /// The masks, as the run that wrote them reported them.
    var entries: [ImageOutcome.MaskEntry] {
        if let masks { return masks }
        return (annotations ?? []).enumerated().map { index, mask in
            let box = mask.bbox.count == 4 ? mask.bbox.map { Int($0) } : []
            return .init(
                object: index + 1, candidate: 1, label: nil, pixelArea: mask.area,
                boundingBox: box.isEmpty
                    ? nil : [box[0], box[1], box[0] + box[2] + 1, box[1] + box[3] + 1],
                iouEstimate: mask.predictedIou, maskFile: nil)
        }
    }

    /// Refuses the result of another model, which must not be taken for one of this run.
    ///
    /// - Parameters:
    ///   - path: the result's file.
    ///   - current: the model of this run.
    /// - Throws: ``ExitError``.
    func check(_ path: String, isOf current: ModelDescription) throws(ExitError) {
        guard model.sha256 != current.sha256 else { return }
        throw ExitError(
            .output,
            "'\(path.visibleLine)' is a result of the model \(model.name.visibleLine) (SHA-256 "
                + "\(model.sha256.prefix(12).description.visibleLine)…), not of "
                + "\(current.name.visibleLine) (\(current.sha256.prefix(12))…): choose another "
                + "--output, or --force instead of --skip-existing")
    }
}
