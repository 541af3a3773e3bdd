import Datasets
import FileIO
import Foundation
import Imaging
import TestSupport

/// A synthetic source, and the folder that it is imported into; both are removed after the test.
final class ImportTree {
    let url = FileManager.default.temporaryDirectory.appending(path: "import-\(UUID())")
    var source: String { url.appending(path: "source").path }
    var root: String { url.appending(path: "root").path }

    static let fixtures = Shared.package.appending(path: "Tests/Fixtures/importing")

    init() throws {
        try FileManager.default.createDirectory(
            atPath: source, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    private func place(_ path: String) throws -> String {
        let place = URL(filePath: source).appending(path: path)
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        return place.path
    }

    /// A grey image with distinct pixels; each `shade` gives another image.
    @discardableResult
    func image(
        _ path: String, width: Int = 8, height: Int = 6, shade: Int = 0
    ) throws -> Image {
        let pixels = (0..<width * height).map { UInt8(($0 * 5 + shade) % 256) }
        let image = Image(width: width, height: height, channels: 1, pixels: pixels)
        try image.write(to: try place(path))
        return image
    }

    /// A mask that is `value` in some pixels.
    func mask(
        _ path: String, width: Int = 8, height: Int = 6, at places: [(x: Int, y: Int)],
        value: UInt8 = 255
    ) throws {
        var pixels = [UInt8](repeating: 0, count: width * height)
        for place in places { pixels[place.y * width + place.x] = value }
        try Image(width: width, height: height, channels: 1, pixels: pixels)
            .write(to: try place(path))
    }

    func image(_ image: Image, _ path: String) throws {
        try image.write(to: try place(path))
    }

    func text(_ path: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: try place(path)))
    }

    func bytes(_ path: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(filePath: try place(path)))
    }

    /// A fixture under another name.
    func fixture(_ name: String, as path: String) throws {
        try FileManager.default.copyItem(
            at: Self.fixtures.appending(path: name), to: URL(filePath: try place(path)))
    }

    func run(
        _ format: ImportFormat, _ change: (inout ImportOptions) -> Void = { _ in }
    ) throws -> ImportReport {
        var options = ImportOptions()
        change(&options)
        return try DataImporter(format, options: options).run(from: source, into: root)
    }

    /// An imported image and its label, as stored.
    func stored(_ dataset: String, _ name: String) throws -> (image: Image, label: Image) {
        (
            try Image.read("\(root)/\(dataset)/img/\(name).png"),
            try Image.read("\(root)/\(dataset)/label/\(name).png")
        )
    }

    /// The coordinates of a label's pixels with one value.
    func places(_ dataset: String, _ name: String, value: UInt8 = 255) throws -> [[Int]] {
        let label = try stored(dataset, name).label
        return label.pixels.indices.filter { label.pixels[$0] == value }
            .map { [$0 % label.width, $0 / label.width] }
    }

    func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)
            .split(separator: "\n").map(String.init)
    }

    /// `index.csv`, by names and columns.
    func index(_ dataset: String) throws -> [String: [String: String]] {
        var rows = CSV.rows(
            try String(contentsOfFile: "\(root)/\(dataset)/index.csv", encoding: .utf8))
        let header = rows.removeFirst()
        return Dictionary(
            uniqueKeysWithValues: rows.map {
                ($0[0], Dictionary(uniqueKeysWithValues: zip(header, $0)))
            })
    }

    /// All files below the root, sorted.
    func files() -> [String] {
        (FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []).sorted()
    }
}
