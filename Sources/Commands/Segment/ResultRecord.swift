import Foundation
import Imaging
import Segmentation

/// What `samus segment` writes as JSON beside the masks of one image.
struct ResultRecord: Codable {
    struct ImageEntry: Codable {
        let path: String
        let width: Int
        let height: Int
    }

    struct Engine: Codable {
        let program: String
        let precision: String
        let device: String

        init(_ options: EngineOptions) {
            program = "samus \(ProgramVersion.current)"
            precision = options.precision.rawValue
            device = options.device.rawValue
        }
    }

    struct UsedPrompt: Codable {
        /// True where the model found the object by itself; left out elsewhere.
        let auto: Bool?
        let box: [Double]?
        let points: [[Double]]
        let backgroundPoints: [[Double]]
        let mask: String?
    }

    /// One mask: an object, and which of its candidates.
    struct Outline: Codable {
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

    /// Seconds.
    struct Times: Codable {
        let read: Double
        let encode: Double
        let decode: Double
    }

    let notice: String
    let image: ImageEntry
    let model: ModelDescription
    let engine: Engine
    let masks: [Outline]
    let times: Times
}

extension PixelRectangle {
    /// `[x0, y0, x1, y1]`.
    var list: [Double] { [x0, y0, x1, y1] }
}

extension Mask {
    /// `[[[x, y], …], …]`, see ``Contour``.
    var contourLists: [[[Int]]] {
        contours().map { $0.corners.map { [$0.x, $0.y] } }
    }
}

/// The masks of one image as COCO's run lengths.
struct RunLengthRecord: Codable {
    struct Entry: Codable {
        let object: Int
        let candidate: Int
        let segmentation: Segmentation
    }

    struct Segmentation: Codable {
        /// `[height, width]`.
        let size: [Int]
        let counts: String
    }

    let masks: [Entry]
}

/// The outlines of one image alone.
struct ContourRecord: Codable {
    struct Entry: Codable {
        let object: Int
        let candidate: Int
        let contours: [[[Int]]]
    }

    let width: Int
    let height: Int
    let masks: [Entry]
}
