import DICOM
import FileIO
import Foundation
import Imaging
import Measurements
import Segmentation

/// The answer of `/v1/segment`; keys are those of `samus segment`'s JSON file where both have them.
struct SegmentAnswer: Encodable {
    struct ImageEntry: Encodable {
        let id: String
        let sha256: String
        let format: StoredImage.Format
        let frame: Int
        let width: Int
        let height: Int
    }

    struct RunLengths: Encodable {
        /// `[height, width]`.
        let size: [Int]
        let counts: String
    }

    struct MaskEntry: Encodable {
        struct Lengths: Encodable {
            let longAxisMm: Double
            let shortAxisMm: Double
            let perimeterMm: Double
        }

        let candidate: Int
        let label: String?
        /// False where the mask is empty.
        let found: Bool
        /// nil where the model was not asked: a tracked object has left the frame.
        let iouEstimate: Float?
        let presence: Float?
        /// Whether the model's own estimate is low: look at the outline twice.
        let lowConfidence: Bool
        /// Pixels of which the model is not sure, as a share of those inside.
        let uncertainShare: Float?
        let pixelArea: Int
        let spacingMm: [Double]?
        let spacingSource: String?
        let areaMm2: Double?
        let lengths: Lengths?
        let noMmReason: String?
        let boundingBox: [Int]?
        /// Closed polygons along pixel edges; holes run counter-clockwise.
        let contours: [[[Int]]]
        /// Base64 of a grey PNG.
        let png: String?
        let rle: RunLengths?
        let adjustedClicks: Int
        let disobeyedClicks: Int
    }

    struct Times: Encodable {
        let encode: Double
        let decode: Double
        let wasCached: Bool
    }

    let formatVersion = 1
    let notice = ResearchNotice.text
    let version: String
    let model: ModelDescription
    let image: ImageEntry
    let masks: [MaskEntry]
    let notes: [String]
    let times: Times

    /// - Parameters:
    ///   - answer: the masks.
    ///   - service: the model and the version.
    ///   - format: how masks are written.
    /// - Throws: `ImageError` if a mask cannot be written.
    init(
        _ answer: SegmentationService.Answer, service: SegmentationService,
        format: SegmentRequest.MaskFormat
    ) throws {
        version = service.version
        model = answer.model
        let image = answer.image
        self.image = ImageEntry(
            id: image.id, sha256: image.sha256, format: image.format,
            frame: answer.question.frame, width: image.size.width, height: image.size.height)
        masks = try answer.masks.enumerated().map { index, result in
            try MaskEntry(
                result, candidate: index + 1, of: answer, format: format)
        }
        var notes = answer.notes
        if masks.contains(where: { !$0.found }) {
            notes.append("the model found nothing for this prompt: a mask is empty")
        }
        let disobeyed = masks.map(\.disobeyedClicks).max() ?? 0
        if disobeyed > 0 {
            notes.append(
                "the mask does not obey \(counted(disobeyed, "click")): clicks on "
                    + "and outside the object are too close to each other")
        }
        self.notes = notes
        times = Times(
            encode: answer.encodeSeconds, decode: answer.decodeSeconds,
            wasCached: answer.wasCached)
    }
}

extension SegmentationResult {
    /// Pixels with a probability from 0.25 to 0.75, as a share of those above 0.5; nil without these.
    fileprivate var uncertainShare: Float? {
        // The logit of 0.75.
        let limit = log(Float(3))
        var (inside, unsure) = (0, 0)
        for value in logits.values {
            if value > 0 { inside += 1 }
            if abs(value) < limit { unsure += 1 }
        }
        return inside > 0 ? (Float(unsure) / Float(inside) * 1000).rounded() / 1000 : nil
    }
}

extension SegmentAnswer.MaskEntry {
    /// - Parameters:
    ///   - result: the mask.
    ///   - candidate: its place among the candidates, from 1.
    ///   - answer: the answer that it belongs to.
    ///   - format: how the mask is written.
    /// - Throws: `ImageError` if it cannot be written.
    init(
        _ result: SegmentationResult, candidate: Int, of answer: SegmentationService.Answer,
        format: SegmentRequest.MaskFormat
    ) throws {
        let mask = result.mask
        let area = mask.area
        let calibration = answer.image.calibration(
            of: mask.boundingBox, given: answer.question.spacing)
        self.candidate = candidate
        label = answer.question.label
        found = area > 0
        iouEstimate = result.iouEstimate.isFinite ? result.iouEstimate : nil
        presence = result.presence
        lowConfidence = result.isUnsure
        uncertainShare = result.uncertainShare
        pixelArea = area
        spacingMm = calibration.spacing.map { [$0.x, $0.y] }
        spacingSource = calibration.source
        areaMm2 = calibration.spacing.map { Double(area) * $0.x * $0.y }
        noMmReason = calibration.reason
        lengths = calibration.spacing.flatMap { MaskMeasurements(mask, spacing: $0) }.map {
            Lengths(
                longAxisMm: $0.longAxis, shortAxisMm: $0.shortAxis, perimeterMm: $0.perimeter)
        }
        boundingBox = mask.boundingBox.map { [$0.x0, $0.y0, $0.x1, $0.y1] }
        contours = mask.contours().map { $0.corners.map { [$0.x, $0.y] } }
        png =
            try format == .png ? Data(mask.encodedPNG()).base64EncodedString() : nil
        rle =
            format == .rle
            ? .init(size: [mask.height, mask.width], counts: mask.runLength().compressed) : nil
        adjustedClicks = result.adjustedClicks
        disobeyedClicks = result.disobeyedClicks
    }
}

/// What the server says about an image.
struct ImageAnswer: Encodable {
    let id: String
    let sha256: String
    let format: StoredImage.Format
    let width: Int
    let height: Int
    let frames: Int
    let frameTimeMs: Double?
    let bytes: Int
    /// Seconds that encoding the first frame took; left out where it was not asked for.
    let encodeSeconds: Double?

    init(_ image: StoredImage, encodeSeconds: Double? = nil) {
        id = image.id
        sha256 = image.sha256
        format = image.format
        width = image.size.width
        height = image.size.height
        frames = image.frames
        frameTimeMs = image.frameTimeMs
        bytes = image.bytes
        self.encodeSeconds = encodeSeconds
    }
}
