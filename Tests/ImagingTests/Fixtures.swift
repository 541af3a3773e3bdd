import Foundation
import Imaging

/// Small images, and the results of other programs for them; see Tools/fixtures/imaging.py.
enum Fixtures {
    static let package = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let folder = package.appending(path: "Tests/Fixtures/imaging")

    static func expected() throws -> Expected {
        let data = try Data(contentsOf: folder.appending(path: "expected.json"))
        return try JSONDecoder().decode(Expected.self, from: data)
    }

    static func path(_ name: String) -> String { folder.appending(path: name).path }

    static func bytes(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: folder.appending(path: name)))
    }

    /// All image files, valid and damaged.
    static func imageNames() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { !$0.hasSuffix(".json") }.sorted()
    }

    /// The golden values next to the checkout.
    static let golden = package.appending(path: "../shared/golden/preprocessing")
    static let hasGolden = FileManager.default.fileExists(
        atPath: golden.appending(path: "manifest.json").path)
    static let noGolden = "../shared/golden/preprocessing is absent: its values are not compared"
}

/// The content of expected.json; `Data` contains 8-bit samples or little-endian floats.
struct Expected: Decodable {
    struct ImageEntry: Decodable {
        let file: String
        let width, height, channels: Int
        let pixels: Data
        var image: Image {
            Image(width: width, height: height, channels: channels, pixels: Array(pixels))
        }
    }
    struct Colours: Decodable {
        let width, height: Int
        let pixels, grey, readGrey: Data
    }
    struct Resized: Decodable {
        let width, height, channels, newWidth, newHeight: Int
        let pixels, bilinear, nearest, bicubic, nearestOpenCV: Data
    }
    struct Interpolated: Decodable {
        let width, height, channels, newWidth, newHeight: Int
        let values, plain, antialiased: Data
    }
    struct Prepared: Decodable {
        let width, height, channels, newWidth, newHeight: Int
        let pixels, prepared: Data
    }
    struct MaskCase: Decodable {
        let width, height: Int
        let values: Data
        let counts: [Int]
        let compressed: String
        let components4, components8: [Int]
        var mask: Mask { Mask(width: width, height: height, values: Array(values)) }
    }
    let images: [ImageEntry]
    let colours: Colours
    let pillow: [Resized]
    let torch: [Interpolated]
    let prepared: [Prepared]
    let masks: [MaskCase]
}

extension Data {
    var floats: [Float] {
        stride(from: 0, to: count, by: 4).map { offset in
            Float(
                bitPattern: (0..<4).reduce(0) {
                    $0 | UInt32(self[startIndex + offset + $1]) << (8 * $1)
                })
        }
    }
}

/// Calls `body` with a temporary folder, and then deletes the folder.
func withTemporaryFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "imaging-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
}
