import Foundation
import Imaging

/// NIfTI files, polygons and outlines, and the results of nibabel, Pillow, OpenCV and pycocotools for
/// them; see Tools/fixtures/importers.py.
struct ImportFixtures: Decodable {
    struct Volume: Decodable {
        let file: String
        let width, height, frames: Int
        let spacing: [Double]
        /// Little-endian doubles.
        let values: Data
    }
    struct Polygon: Decodable {
        let name: String
        let width, height: Int
        let points: [[Double]]
        let pillow, opencv, coco: Data
        var size: Size { Size(height: height, width: width) }
        func mask(_ values: Data) -> Mask {
            Mask(width: width, height: height, values: Array(values))
        }
    }
    struct Outline: Decodable {
        let name: String
        let width, height: Int
        let outline, disc, holes: Data
        func mask(_ values: Data) -> Mask {
            Mask(width: width, height: height, values: Array(values))
        }
    }
    let nifti: [Volume]
    let polygons: [Polygon]
    let outlines: [Outline]

    static let folder = Fixtures.package.appending(path: "Tests/Fixtures/importing")

    static func read() throws -> ImportFixtures {
        let data = try Data(contentsOf: folder.appending(path: "expected.json"))
        return try JSONDecoder().decode(ImportFixtures.self, from: data)
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: folder.appending(path: name)))
    }
}

extension Data {
    var doubles: [Double] {
        stride(from: 0, to: count, by: 8).map { offset in
            Double(
                bitPattern: (0..<8).reduce(0) {
                    $0 | UInt64(self[startIndex + offset + $1]) << (8 * $1)
                })
        }
    }
}
