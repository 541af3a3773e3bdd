import Foundation
import Imaging
import Segmentation

// The JSON files of `samus segment`; Docs/SegmentResults.md explains every key.

/// `NAME.json`.
struct ResultRecord: Encodable {
    struct ImageEntry: Encodable {
        let path: String
        let width: Int
        let height: Int

        init(_ image: InputImage, _ size: Size) {
            path = image.path
            width = size.width
            height = size.height
        }
    }

    struct Engine: Encodable {
        let program: String
        let precision: String
        let device: String

        init(_ options: EngineOptions) {
            program = "samus \(ProgramVersion.current)"
            precision = options.precision.rawValue
            device = options.device.rawValue
        }
    }

    struct UsedPrompt: Encodable {
        /// True for a prompt-free object; left out elsewhere.
        let promptFree: Bool?
        let box: [Double]?
        let foregroundPoints: [[Double]]
        let backgroundPoints: [[Double]]
        let mask: String?
    }

    /// One candidate of one object.
    struct MaskEntry: Encodable {
        let object: Int
        let candidate: Int
        let label: String?
        let prompt: UsedPrompt
        let pixelArea: Int
        /// First column and row, then those after the last: `[x0, y0, x1, y1]`.
        let boundingBox: [Int]?
        /// Closed polygons along pixel edges; holes run counter-clockwise.
        let contours: [[[Int]]]
        let iouEstimate: Float
        let maskFile: String?
        let notes: [String]
    }

    let formatVersion = ResultFormat.version
    let notice = ResearchNotice.text
    let image: ImageEntry
    let model: ModelDescription
    let engine: Engine
    let masks: [MaskEntry]
    let times: SegmentResult.Times
}

/// `NAME.everything.json`: the records that segment-anything writes, and where they come from.
struct EverythingRecord: Encodable {
    struct Options: Encodable {
        let pointsPerSide: Int
        let predictedIou: Double
        let stability: Double
        let cropLayers: Int
        let minimumArea: Int

        init(_ options: AutomaticMaskOptions) {
            pointsPerSide = options.pointsPerSide
            predictedIou = options.predictedIoU
            stability = options.stability
            cropLayers = options.cropLayers
            minimumArea = options.minimumRegionArea
        }
    }

    let formatVersion = ResultFormat.version
    let notice = ResearchNotice.text
    let image: ResultRecord.ImageEntry
    let model: ModelDescription
    let engine: ResultRecord.Engine
    let options: Options
    let annotations: [AutomaticMask.Record]
    /// Duration of the encoding and all points.
    let seconds: Double
}

/// `NAME.rle.json`: the masks as COCO run lengths.
struct RunLengthRecord: Encodable {
    struct Entry: Encodable {
        let object: Int
        let candidate: Int
        let segmentation: Segmentation
    }

    struct Segmentation: Encodable {
        /// `[height, width]`.
        let size: [Int]
        let counts: String
    }

    let formatVersion = ResultFormat.version
    let masks: [Entry]
}

/// `NAME.contour.json`: the contours alone.
struct ContourRecord: Encodable {
    struct Entry: Encodable {
        let object: Int
        let candidate: Int
        let contours: [[[Int]]]
    }

    let formatVersion = ResultFormat.version
    let width: Int
    let height: Int
    let masks: [Entry]
}

/// The format of the JSON files.
enum ResultFormat {
    /// Version 1 had no `format_version`, and `picture`, `points`, `negatives` and `auto` as keys.
    static let version = 2
}
