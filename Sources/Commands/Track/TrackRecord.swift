import Foundation
import Imaging
import Segmentation
import Tracking

/// `track.json`; Docs/Tracking.md explains every key.
struct TrackRecord: Encodable {
    struct Cine: Encodable {
        let path: String
        let frames: Int
        let width: Int
        let height: Int
        /// Of a DICOM file.
        let sopInstanceUid: String?
        /// Whether the file states the time of each frame.
        let hasTimes: Bool
    }

    struct Options: Encodable {
        let minPresence: Double
        let smooth: Bool
    }

    /// A prompt of the user.
    struct UsedPrompt: Encodable {
        let frame: Int
        let box: [Double]?
        /// `[x, y, 1]` on the object, `[x, y, 0]` outside it, in their order.
        let clicks: [[Double]]

        init(_ frame: Int, _ prompt: Prompt) {
            self.frame = frame
            box = prompt.box.map { [$0.x0, $0.y0, $0.x1, $0.y1] }
            clicks = prompt.clicks.map { [$0.point.x, $0.point.y, $0.isForeground ? 1 : 0] }
        }
    }

    /// A frame that could not be read.
    struct Failure: Encodable {
        let frame: Int
        let error: String
    }

    /// Durations in seconds.
    struct Times: Encodable {
        var read = 0.0
        /// Encoder, motion and decoder.
        var segment = 0.0
        var write = 0.0

        var total: Double { read + segment + write }
    }

    let formatVersion = 1
    let notice = ResearchNotice.text
    let cine: Cine
    let model: ModelDescription
    let engine: ResultRecord.Engine
    let options: Options
    let prompts: [UsedPrompt]
    let foundFrames: Int
    /// First and last frame of each run without the object.
    let lostFrames: [[Int]]
    let failures: [Failure]
    let areaPx: [Int]
    /// Size of a pixel `[x, y]` in mm and where it comes from, in the first frame that has the object.
    let spacingMm: [Double]?
    let spacingSource: String?
    /// Why there are no mm; left out where the file states no size at all.
    let noMmReason: String?
    let times: Times
    let framesPerSecond: Double
    let files: [String]
    let notes: [String]
}

/// A row of `track.csv`.
struct TrackRow {
    let frame: Int
    let seconds: Double?
    let isPrompted: Bool
    let isFound: Bool
    let presence: Float?
    let iouEstimate: Float?
    /// nil for a frame that could not be read.
    let area: Int?
    /// Area of a pixel in mm²; nil where it is not known.
    let pixelMm2: Double?
    var smoothedArea: Int?
    let failure: String?

    static let header = [
        "frame", "time_s", "prompted", "found", "presence", "iou_estimate", "area_px", "area_mm2",
        "area_smoothed_px", "area_smoothed_mm2", "error",
    ]

    var fields: [String] {
        func text(_ value: Double?, _ digits: Int) -> String {
            value.map { String(format: "%.\(digits)f", $0) } ?? ""
        }
        func mm2(_ area: Int?) -> Double? {
            area.flatMap { area in pixelMm2.map { Double(area) * $0 } }
        }
        return [
            "\(frame)", text(seconds, 4), isPrompted ? "1" : "0", isFound ? "1" : "0",
            text(presence.map(Double.init), 4),
            // Not a number where the object has left the frame, so that the model was not asked.
            text(iouEstimate.map(Double.init).flatMap { $0.isFinite ? $0 : nil }, 4),
            area.map(String.init) ?? "", text(mm2(area), 2),
            smoothedArea.map(String.init) ?? "", text(mm2(smoothedArea), 2),
            (failure ?? "").visibleLine,
        ]
    }
}
