import Foundation
import Imaging
import Segmentation

// The JSON files of `samus segment`; Docs/SegmentResults.md explains every key.

/// `NAME.json`.
struct ResultRecord: Encodable {
    struct ImageEntry: Encodable {
        let path: String
        /// From 1; left out for a file with one image.
        let frame: Int?
        /// Of a DICOM file.
        let sopInstanceUid: String?
        let width: Int
        let height: Int

        init(_ image: InputImage, _ frame: InputFrame) {
            path = image.path
            self.frame = frame.number
            sopInstanceUid = frame.sopInstance
            width = frame.image.width
            height = frame.image.height
        }
    }

    /// What ran, which can differ from what was requested.
    struct Engine: Codable {
        let program: String
        let precision: String
        let device: String

        init(_ runtime: EngineRuntime) {
            program = "samus \(ProgramVersion.current)"
            precision = runtime.precision
            device = runtime.device
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

    /// How sure a mask is.
    struct Uncertainty: Encodable {
        /// Number of prompts that were decoded.
        let prompts: Int
        /// Share of true areas that such intervals contain; left out, as the intervals, for a model
        /// whose levels were not measured.
        let coverage: Double?
        /// Lower and upper end in pixels.
        let pixelAreaInterval: [Int]?
        /// Lower and upper end in mm²; left out where the size of a pixel is not known.
        let areaMm2Interval: [Double]?
        let probabilityFile: String
    }

    /// One candidate of one object.
    struct MaskEntry: Encodable {
        let object: Int
        let candidate: Int
        let label: String?
        /// The value of the object in the label image; left out where none is written.
        let labelValue: Int?
        let prompt: UsedPrompt
        let pixelArea: Int
        /// Size of a pixel `[x, y]` in mm, where it comes from, and the area; left out where the
        /// size is not known.
        let spacingMm: [Double]?
        let spacingSource: String?
        let areaMm2: Double?
        /// Why there are no mm; left out where the file states no size at all.
        let noMmReason: String?
        /// First column and row, then those after the last: `[x0, y0, x1, y1]`.
        let boundingBox: [Int]?
        /// Closed polygons along pixel edges; holes run counter-clockwise.
        let contours: [[[Int]]]
        let iouEstimate: Float
        /// The model's estimate, 0 to 1, that there is an object; left out where it has none.
        let presence: Float?
        /// False where the mask is empty.
        let found: Bool
        /// True where a found mask has a low IoU estimate.
        let lowConfidence: Bool
        /// Left out without `--uncertainty`.
        let uncertainty: Uncertainty?
        /// Clicks that the outline was moved for, and clicks that it still does not obey.
        let adjustedClicks: Int
        let disobeyedClicks: Int
        let maskFile: String?
        let notes: [String]
    }

    /// The label image and the label of each of its values.
    struct LabelImage: Encodable {
        let file: String
        let values: [LabelTable.Entry]
    }

    let formatVersion = ResultFormat.version
    let notice = ResearchNotice.text
    let image: ImageEntry
    let model: ModelDescription
    let engine: Engine
    /// Left out where no label image is written.
    let labels: LabelImage?
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
