import Foundation
import Imaging
import Testing

@Suite("samus data split, check and preview")
struct DataTests {
    private let scratch: Scratch
    private let samus = Program()
    private var root: String { scratch.path("root") }

    init() throws {
        scratch = try Scratch()
        try scratch.write(Data(#"{"Breast-UDIAT": 2}"#.utf8), "root/MainPatient/class.json")
        for index in 0..<6 {
            try image("img", index, (0..<12).map { UInt8(20 * index + $0) })
            try image("label", index, [0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0])
        }
    }

    private func image(_ folder: String, _ index: Int, _ pixels: [UInt8]) throws {
        let image = Image(width: 4, height: 3, channels: 1, pixels: pixels)
        try scratch.write(image.encodedPNG(), "root/Breast-UDIAT/\(folder)/p\(index).png")
    }

    @Test("split and then check succeed; a second split is refused without --force")
    func splitThenCheck() throws {
        let dry = try samus("data", "split", root, "--dry-run")
        #expect(dry.code == 0, "\(dry.errors)")
        #expect(dry.output.contains("would write: train.txt train-Breast-UDIAT.txt val.txt"))
        #expect(scratch.files("root/MainPatient") == ["class.json"])
        #expect(try samus("data", "split", root).code == 0)
        let lists = scratch.files("root/MainPatient")
        #expect(lists.count == 7)
        let checked = try samus("data", "check", root, "--strict")
        #expect(checked.code == 0, "\(checked.output)\(checked.errors)")
        #expect(
            checked.output.hasSuffix(
                "0 errors, 0 warnings; research use only, not a medical device\n"))
        #expect(checked.errors.isEmpty)
        let again = try samus("data", "split", root)
        #expect(again.code == 73)
        #expect(again.errors.contains("--force replaces them"))
        #expect(try samus("data", "split", root, "--force", "--seed", "3").code == 0)
        #expect(try samus("data", "split", root, "--val", "0.9", "--test", "0.2").code == 64)
    }

    @Test(
        "check exits with 1 for errors, and for warnings with --strict; it writes JSON and a sheet")
    func findings() throws {
        #expect(try samus("data", "split", root).code == 0)
        try image("label", 0, [UInt8](repeating: 0, count: 12))
        let sheet = scratch.path("sheet.png")
        let lenient = try samus("data", "check", root, "--sheet", sheet)
        #expect(lenient.code == 0)
        #expect(lenient.output.contains("warning: empty-mask: Breast-UDIAT/p0: its label is empty"))
        #expect(try Image.read(sheet).channels == 3)
        #expect(try samus("data", "check", root, "--strict").code == 1)
        try FileManager.default.removeItem(atPath: "\(root)/Breast-UDIAT/img/p1.png")
        let failed = try samus("data", "check", root, "--json")
        #expect(failed.code == 1)
        let json = try #require(
            JSONSerialization.jsonObject(with: Data(failed.output.utf8)) as? [String: Any])
        #expect(json["errors"] as? Int == 1 && json["warnings"] as? Int == 1)
        #expect(json["notice"] as? String == "research use only, not a medical device")
        let report = try #require(json["report"] as? [String: Any])
        let sets = try #require(report["datasets"] as? [[String: Any]])
        #expect(sets.first?["with_patient"] as? Int == 0)
    }

    @Test("check refuses folders without the layout, and sheets that cannot be written")
    func refused() throws {
        let empty = try samus("data", "check", scratch.path("no"))
        #expect(empty.code == 66)
        #expect(empty.errors.contains("there is no such folder"))
        #expect(try samus("data", "check", root).errors.contains("MainPatient/train.txt"))
        #expect(try samus("data", "split", root).code == 0)
        #expect(
            try samus("data", "check", root, "--sheet", scratch.path("no/sheet.png")).code == 73)
        #expect(try samus("data", "check", root, "--sheet", "sheet.gif").code == 64)
    }

    @Test(
        "preview draws one row per image, depends only on the seed, and needs --force to replace a file"
    )
    func preview() throws {
        #expect(try samus("data", "split", root).code == 0)
        let sheets = ["a.png", "b.png", "c.png"].map(scratch.path)
        for (sheet, seed) in zip(sheets, ["1", "1", "2"]) {
            let drawn = try samus(
                "data", "preview", root, "--count", "2", "--versions", "3", "--augment",
                "authors,flip,speckle:0.3", "--seed", seed, "--output", sheet)
            #expect(drawn.code == 0, "\(drawn.errors)")
        }
        let images = try sheets.map { try Image.read($0) }
        #expect(images[0].width > 4 * 256 && images[0].height > 2 * 256)
        #expect(images[0] == images[1])
        #expect(images[0] != images[2])
        let again = try samus("data", "preview", root, "--output", sheets[0])
        #expect(again.code == 73)
        #expect(again.errors.contains("add --force to replace it"))
        #expect(try samus("data", "preview", root, "--augment", "blur").code == 64)
        #expect(try samus("data", "preview", root, "--count", "0").code == 64)
        let missing = try samus(
            "data", "preview", root, "--dataset", "Heart", "--output", scratch.path("d.png"))
        #expect(missing.code == 66)
        #expect(missing.errors.contains("Heart"), "\(missing.errors)")
    }
}
