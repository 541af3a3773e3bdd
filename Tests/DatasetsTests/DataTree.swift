import Datasets
import Foundation
import Imaging

/// A synthetic root of datasets that is removed when the test ends.
final class DataTree {
    let url = FileManager.default.temporaryDirectory.appending(path: "data-\(UUID())")
    var root: String { url.path }

    init(classes: String = #"{"Breast-BUSI": 2, "Echo-CAMUS": 4}"#) throws {
        try text("MainPatient/class.json", classes)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func text(_ path: String, _ text: String) throws {
        try data(path, Data(text.utf8))
    }

    func data(_ path: String, _ data: Data) throws {
        try data.write(to: URL(filePath: try place(path)))
    }

    func list(_ name: String, _ lines: String...) throws {
        try text("MainPatient/\(name).txt", lines.map { $0 + "\n" }.joined())
    }

    /// An image that depends on `shade`, and a label with these values.
    func image(
        _ dataset: String, _ name: String, shade: Int = 0, width: Int = 8, height: Int = 6,
        label: [UInt8] = [255]
    ) throws {
        let pixels = (0..<width * height).map { UInt8(($0 * 5 + shade) % 256) }
        try Image(width: width, height: height, channels: 1, pixels: pixels)
            .write(to: try place("\(dataset)/img/\(name).png"))
        let values = label + [UInt8](repeating: 0, count: max(0, width * height - label.count))
        try Image(width: width, height: height, channels: 1, pixels: values)
            .write(to: try place("\(dataset)/label/\(name).png"))
    }

    func image(_ image: Image, _ path: String) throws {
        try image.write(to: try place(path))
    }

    func opened() throws -> DatasetCollection { try DatasetCollection(root: root) }

    func lines(_ name: String) throws -> [String] {
        try String(contentsOfFile: "\(root)/MainPatient/\(name).txt", encoding: .utf8)
            .split(separator: "\n").map(String.init)
    }

    private func place(_ path: String) throws -> String {
        let file = url.appending(path: path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        return file.path
    }
}
