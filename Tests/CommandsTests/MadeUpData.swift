import Foundation
import Imaging

/// A small dataset in the US30K layout: grey images with a bright disc, and its mask.
enum MadeUpData {
    static let size = 64

    /// Writes a root with one dataset.
    ///
    /// - Parameters:
    ///   - root: an existing folder.
    ///   - train: images to train with.
    ///   - val: images to validate with.
    ///   - test: images to test with.
    /// - Throws: when a file cannot be written.
    static func write(to root: URL, train: Int, val: Int, test: Int = 0) throws {
        let files = FileManager.default
        for folder in ["MainPatient", "Disc/img", "Disc/label"] {
            try files.createDirectory(
                at: root.appending(path: folder), withIntermediateDirectories: true)
        }
        try Data(#"{"Disc": 2}"#.utf8).write(to: root.appending(path: "MainPatient/class.json"))
        var number = 0
        for (split, count) in [("train", train), ("val", val), ("test", test)] {
            var lines: [String] = []
            for _ in 0..<count {
                let name = "p\(number)"
                try image(number, root: root, name: name)
                lines.append((split == "test" ? "" : "1/") + "Disc/\(name)\n")
                number += 1
            }
            for file in ["\(split).txt", "\(split)-Disc.txt"] {
                try Data(lines.joined().utf8)
                    .write(to: root.appending(path: "MainPatient/\(file)"))
            }
        }
    }

    private static func image(_ number: Int, root: URL, name: String) throws {
        let (x, y) = (Double(16 + 7 * number % 30), Double(18 + 11 * number % 28))
        let radius = Double(8 + number % 5)
        var image = [UInt8](repeating: 0, count: size * size)
        var label = image
        for row in 0..<size {
            for column in 0..<size {
                let dx = Double(column) - x
                let dy = Double(row) - y
                let isInside = dx * dx + dy * dy < radius * radius
                let grain = (row * 31 + column * 17 + number * 7) % 40
                image[row * size + column] = UInt8((isInside ? 150 : 40) + grain)
                label[row * size + column] = isInside ? 255 : 0
            }
        }
        for (folder, pixels) in [("img", image), ("label", label)] {
            try Image(width: size, height: size, channels: 1, pixels: pixels)
                .write(to: root.appending(path: "Disc/\(folder)/\(name).png").path)
        }
    }
}
