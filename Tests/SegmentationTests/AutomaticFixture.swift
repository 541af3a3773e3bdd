import Foundation
import Imaging
import Segmentation
import Testing

/// The fixture of Tools/fixtures/automatic_masks.py.
enum AutomaticFixture {
    struct Case: Decodable {
        let name: String
        let options: Options
        let masks: [AutomaticMask.Record]
    }

    /// Arguments of `SamAutomaticMaskGenerator`.
    struct Options: Decodable {
        let points_per_side: Int?
        let points_per_batch: Int?
        let pred_iou_thresh: Double?
        let stability_score_thresh: Double?
        let stability_score_offset: Double?
        let box_nms_thresh: Double?
        let crop_n_layers: Int?
        let crop_nms_thresh: Double?
        let crop_overlap_ratio: Double?
        let crop_n_points_downscale_factor: Int?
        let min_mask_region_area: Int?

        var swift: AutomaticMaskOptions {
            var options = AutomaticMaskOptions()
            func set<Value>(_ path: WritableKeyPath<AutomaticMaskOptions, Value>, _ value: Value?) {
                if let value { options[keyPath: path] = value }
            }
            set(\.pointsPerSide, points_per_side)
            set(\.pointsPerBatch, points_per_batch)
            set(\.predictedIoU, pred_iou_thresh)
            set(\.stability, stability_score_thresh)
            set(\.stabilityOffset, stability_score_offset)
            set(\.boxNMS, box_nms_thresh)
            set(\.cropLayers, crop_n_layers)
            set(\.cropNMS, crop_nms_thresh)
            set(\.cropOverlap, crop_overlap_ratio)
            set(\.cropPointsDownscale, crop_n_points_downscale_factor)
            set(\.minimumRegionArea, min_mask_region_area)
            return options
        }
    }

    private struct File: Decodable {
        let cases: [Case]
    }

    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/automatic")

    static func `case`(_ name: String) throws -> Case {
        let data = try Data(contentsOf: folder.appending(path: "expected.json"))
        let cases = try JSONDecoder().decode(File.self, from: data).cases
        return try #require(cases.first { $0.name == name })
    }

    static func image() throws -> Image {
        try Image.read(folder.appending(path: "image.png").path)
    }
}
