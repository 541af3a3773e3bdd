import FileIO
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("samus data export writes masks for other programs, and samus data import reads them again")
struct ExportDataTests {
    private let scratch: Scratch
    private let samus = Program()
    private static let size = Size(height: 30, width: 40)

    init() throws {
        scratch = try Scratch()
    }

    /// A mask with a hole and two parts, and one without.
    private var masks: [(label: String, mask: Mask)] {
        func mask(_ isInside: (Int, Int) -> Bool) -> Mask {
            var values: [UInt8] = []
            for y in 0..<Self.size.height {
                for x in 0..<Self.size.width { values.append(isInside(x, y) ? 1 : 0) }
            }
            return Mask(width: Self.size.width, height: Self.size.height, values: values)
        }
        return [
            (
                "lesion",
                mask { x, y in
                    ((4..<14).contains(x) && (5..<15).contains(y)
                        && !((7..<10).contains(x) && (8..<11).contains(y)))
                        || ((20..<23).contains(x) && (3..<6).contains(y))
                }
            ),
            ("cyst", mask { x, y in (x - 30) * (x - 30) + (y - 20) * (y - 20) < 40 }),
        ]
    }

    /// An image and its result, as `samus segment` writes it.
    @discardableResult
    private func writeResult(_ name: String) throws -> String {
        let pixels = (0..<Self.size.area).map { UInt8(($0 * 7) % 251) }
        let image = Image(
            width: Self.size.width, height: Self.size.height, channels: 1, pixels: pixels)
        let path = try scratch.write(image.encodedPNG(), "\(name).png")
        let entries = masks.enumerated().map { index, entry in
            let contours = entry.mask.contours().map { contour in
                "[" + contour.corners.map { "[\($0.x),\($0.y)]" }.joined(separator: ",") + "]"
            }
            return """
                {"object":\(index + 1),"candidate":1,"label":"\(entry.label)",
                 "contours":[\(contours.joined(separator: ","))],"spacing_mm":[0.25,0.5],
                 "spacing_source":"--spacing"}
                """
        }
        let json = """
            {"format_version":2,"image":{"path":"\(path)","width":40,"height":30},
             "masks":[\(entries.joined(separator: ","))]}
            """
        return try scratch.write(json.utf8, "results/\(name).json")
    }

    private func label(_ dataset: String, _ name: String) throws -> [UInt8] {
        try Image.read(scratch.path("root/\(dataset)/label/\(name).png")).pixels
    }

    /// Classes in alphabetical order: 1 cyst, 2 lesion.
    private var expected: [UInt8] {
        (0..<Self.size.area).map { place in
            masks[1].mask.values[place] != 0 ? 1 : masks[0].mask.values[place] != 0 ? 2 : 0
        }
    }

    @Test(
        "every format comes back with the same classes",
        arguments: ["coco", "labelme", "nifti", "nrrd", "nnunet"])
    func roundTrip(format: String) throws {
        try writeResult("a")
        try writeResult("b")
        let exported = try samus(
            "data", "export", format, scratch.path("results"), "--tolerance", "0", "-o",
            scratch.path("out"))
        #expect(exported.code == 0, "\(exported.errors)")
        #expect(exported.output.contains("2 images, 4 objects"))
        #expect(exported.output.contains("1 = cyst, 2 = lesion"))
        let reader = ["nifti": "volumes", "nrrd": "volumes"][format] ?? format
        let imported = try samus(
            "data", "import", reader, scratch.path("out"), scratch.path("root"), "--name", "Back")
        #expect(imported.code == 0, "\(imported.errors)\(imported.output)")
        #expect(imported.output.contains("1 = cyst, 2 = lesion"))
        for name in ["a", "b"] {
            #expect(try label("Back", name) == expected, "\(format) \(name)")
            let image = try Image.read(scratch.path("root/Back/img/\(name).png"))
            #expect(try image == Image.read(scratch.path("\(name).png")))
        }
        let rows = CSV.rows(
            try RegularFile.text(scratch.path("root/Back/index.csv"), limit: 1 << 20))
        // Volumes keep the size of a pixel.
        let hasSpacing = ["nifti", "nrrd", "nnunet"].contains(format)
        #expect(rows[1][5] == (hasSpacing ? "0.25" : ""))
        #expect(rows[1][6] == (hasSpacing ? "0.5" : ""))

        let again = try samus(
            "data", "export", format, scratch.path("results"), "-o", scratch.path("out"))
        #expect(again.code == 73)
    }

    @Test("X-AnyLabeling's polygons have no holes, which a note says, and few points")
    func xAnyLabeling() throws {
        try writeResult("a")
        let outcome = try samus(
            "data", "export", "x-anylabeling", scratch.path("results"), "-o", scratch.path("out"))
        #expect(outcome.code == 0)
        #expect(outcome.errors.contains("polygons have no holes; 1 filled"))
        struct File: Decodable {
            struct Shape: Decodable {
                let label: String
                let points: [[Double]]
                let shapeType: String
                let difficult: Bool
            }
            let shapes: [Shape]
            let imagePath: String
            let imageHeight, imageWidth: Int
        }
        let file = try JSON.decode(
            File.self, from: RegularFile.read(scratch.path("out/a.json"), limit: 1 << 20))
        #expect(file.imagePath == "a.png" && file.imageWidth == 40 && file.imageHeight == 30)
        #expect(file.shapes.map(\.label) == ["lesion", "lesion", "cyst"])
        #expect(file.shapes.allSatisfy { $0.shapeType == "polygon" })
        // The disc has 40 corners along pixel edges.
        #expect(file.shapes[2].points.count < 20)
        let imported = try samus(
            "data", "import", "labelme", scratch.path("out"), scratch.path("root"), "--name", "X")
        #expect(imported.code == 0)
        let found = try label("X", "a")
        let wrong = zip(found, expected).count { $0.0 != $0.1 }
        // The hole of nine pixels, and some along the simplified outline of the disc.
        #expect(wrong >= 9 && wrong < 25)
    }

    @Test("a missing image is named and costs its file only; nothing usable writes nothing")
    func problems() throws {
        try writeResult("a")
        try writeResult("b")
        try FileManager.default.removeItem(atPath: scratch.path("b.png"))
        let outcome = try samus(
            "data", "export", "coco", scratch.path("results"), "-o", scratch.path("out"))
        #expect(outcome.code == 1 && outcome.errors.contains("b.png"))
        #expect(outcome.output.contains("1 image,"))
        try FileManager.default.removeItem(atPath: scratch.path("a.png"))
        let none = try samus(
            "data", "export", "nifti", scratch.path("results"), "-o", scratch.path("none"))
        #expect(none.code == 66)
        #expect(scratch.files("none").isEmpty)
        #expect(try samus("data", "export", "coco", "-o", scratch.path("x")).code == 64)
    }

    @Test(
        "a NIfTI cine gives volumes on its own grid",
        .enabled(if: Shared.isPresent, "../shared is absent"))
    func grid() throws {
        let cine = Shared.folder.appending(path: "data/nifti_echo/a4c_sequence.nii.gz").path
        let json = """
            {"format_version":2,"image":{"path":"\(cine)","frame":3,"width":560,"height":480},
             "masks":[{"object":1,"candidate":1,"label":"LV",
              "contours":[[[100,120],[140,120],[140,200],[100,200]]]}]}
            """
        try scratch.write(json.utf8, "results/cine.frame0003.json")
        let outcome = try samus(
            "data", "export", "nifti", scratch.path("results"), "-o", scratch.path("out"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        let source = try NIfTIVolume.read(cine)
        let label = try NIfTIVolume.read(scratch.path("out/labels/a4c_sequence.nii.gz"))
        #expect(label.axisLengths == source.axisLengths)
        #expect(label.spacing == source.spacing)
        #expect(label.laterSteps == source.laterSteps)
        for (own, other) in zip(label.affine.joined(), source.affine.joined()) {
            #expect(abs(own - other) < 1e-5)
        }
        for frame in 0..<source.frames {
            let count = label.values(frame: frame).count { $0 == 1 }
            #expect(count == (frame == 2 ? 3200 : 0))
        }
        let image = try NIfTIVolume.read(scratch.path("out/images/a4c_sequence.nii.gz"))
        let scale = source.greyScale()
        #expect(
            image.values(frame: 2).map { UInt8($0) }
                == source.image(frame: 2, scale: scale).pixels)
    }
}
