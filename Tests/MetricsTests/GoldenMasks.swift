import Foundation
import Imaging
import TestSupport

/// Mask pairs in `masks/`, and their metrics as computed by other programs in `expected.json`.
struct GoldenMasks: Decodable {
    struct Case: Decodable {
        let name: String
        let spacingMmRowCol: [Double]
        let tp, fp, fn, tn: Int
        let samus: Authors
        let medpy: MedPy?
        let surfaceDistance: SurfaceDistance?
        let referenceShape: Shape?

        var spacing: PixelSpacing { PixelSpacing(x: spacingMmRowCol[1], y: spacingMmRowCol[0]) }
    }
    struct Authors: Decodable {
        let dice, iou, accuracy, sensitivity, specificity: Double
        let rowHausdorffManhattanBinary01: Double
    }
    struct MedPy: Decodable {
        let dc, jc, hd, hd95, asd, assd: Double
    }
    struct SurfaceDistance: Decodable {
        let hd100, hd95, nsdTol2: Double
        let asd: [Double]

        enum CodingKeys: String, CodingKey {
            case hd100, hd95, asd
            case nsdTol2 = "nsdTol2"
        }
    }
    struct Shape: Decodable {
        let areaPx: Int
        let centroidRowCol: [Double]
        let majorAxis, minorAxis, orientation, perimeterCrofton, feretMax: Double
    }
    let cases: [Case]

    /// `Tests/Fixtures/metrics` has some of the cases of `../shared/golden/metrics`.
    static let folders = [
        Shared.package.appending(path: "Tests/Fixtures/metrics"),
        Shared.folder.appending(path: "golden/metrics"),
    ]

    static func read(_ folder: URL) throws -> GoldenMasks {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let data = try Data(contentsOf: folder.appending(path: "expected.json"))
        return try decoder.decode(GoldenMasks.self, from: data)
    }
}

extension GoldenMasks.Case {
    func mask(_ which: String, in folder: URL) throws -> Mask {
        try Mask.read(folder.appending(path: "masks/\(name)-\(which).png").path)
    }
}
