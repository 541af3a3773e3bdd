import Foundation
import Imaging

/// A synthetic dataset in the US30K layout: bright discs on dark images of 64x64 pixels.
///
/// `Discs` has one class, four images of three patients, two of them with a spacing of 0.5 mm.
/// `Pairs` has two classes (discs of grey 200 and of grey 120) in two images, the second image
/// without an object of class 2, and no known patients.
public struct DrawnData {
    /// The folder of the datasets.
    public let root: URL

    /// A disc in an image.
    public struct Disc: Sendable {
        let x: Int
        let y: Int
        let radius: Int
        let label: UInt8

        /// The grey of its pixels.
        var grey: UInt8 { label == 1 ? 200 : 120 }
    }

    /// Images of each set.
    public static let images: [String: [(name: String, discs: [Disc])]] = [
        "Discs": [
            ("a", [Disc(x: 20, y: 30, radius: 8, label: 1)]),
            ("b", [Disc(x: 40, y: 20, radius: 12, label: 1)]),
            ("c", [Disc(x: 32, y: 32, radius: 20, label: 1)]),
            ("d", [Disc(x: 50, y: 50, radius: 5, label: 1)]),
        ],
        "Pairs": [
            (
                "p",
                [
                    Disc(x: 16, y: 16, radius: 9, label: 1),
                    Disc(x: 44, y: 44, radius: 11, label: 2),
                ]
            ),
            ("q", [Disc(x: 30, y: 30, radius: 14, label: 1)]),
        ],
    ]

    /// Draws the data.
    ///
    /// - Parameter root: a folder to make.
    /// - Throws: errors of the file system.
    public init(at root: URL) throws {
        self.root = root
        for folder in ["MainPatient", "Discs/img", "Discs/label", "Pairs/img", "Pairs/label"] {
            try FileManager.default.createDirectory(
                at: root.appending(path: folder), withIntermediateDirectories: true)
        }
        for (dataset, sources) in Self.images {
            for (name, discs) in sources {
                let (image, label) = Self.draw(discs)
                try image.write(to: path("\(dataset)/img/\(name).png"))
                try label.write(to: path("\(dataset)/label/\(name).png"))
            }
        }
        try write(#"{"Discs": 2, "Pairs": 3}"#, "MainPatient/class.json")
        try write("Discs/a\nDiscs/b\nDiscs/c\nDiscs/d\n", "MainPatient/test-Discs.txt")
        try write("Pairs/p\nPairs/q\n", "MainPatient/test-Pairs.txt")
        try write(
            "Discs/a\nDiscs/b\nDiscs/c\nDiscs/d\nPairs/p\nPairs/q\n", "MainPatient/test.txt")
        try write(
            "name,patient,pixel_size_mm\na,one,0.5\nb,one,0.5\nc,two,\nd,three,\n",
            "Discs/index.csv")
    }

    /// The path of a file below the root.
    public func path(_ name: String) -> String { root.appending(path: name).path }

    /// Writes a text file below the root.
    ///
    /// - Throws: errors of the file system.
    public func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: root.appending(path: name))
    }

    private static func draw(_ discs: [Disc]) -> (image: Image, label: Image) {
        var image = Image(
            width: 64, height: 64, channels: 1, pixels: [UInt8](repeating: 40, count: 64 * 64))
        var label = Image(
            width: 64, height: 64, channels: 1, pixels: [UInt8](repeating: 0, count: 64 * 64))
        for disc in discs {
            for y in 0..<64 {
                for x in 0..<64 {
                    let (dx, dy) = (x - disc.x, y - disc.y)
                    guard dx * dx + dy * dy <= disc.radius * disc.radius else { continue }
                    image.pixels[y * 64 + x] = disc.grey
                    label.pixels[y * 64 + x] = disc.label
                }
            }
        }
        return (image, label)
    }
}
