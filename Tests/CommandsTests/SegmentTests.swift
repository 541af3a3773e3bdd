import Checkpoints
import FileIO
import Foundation
import Imaging
import Testing

@Suite("samus segment writes masks, overlays and numbers")
struct SegmentTests {
    private let scratch: Scratch
    private let samus = Program()
    private let box = ["--box", "150,48,208,140"]

    init() throws {
        scratch = try Scratch()
    }

    private func segment(_ arguments: String...) throws -> Program.Outcome {
        try samus.start(["segment"] + arguments + ["--output", scratch.path("out")]).outcome()
    }

    private func record(_ name: String) throws -> [String: Any] {
        let data = try Data(contentsOf: scratch.url.appending(path: "out/\(name).json"))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test("the left ventricle of the example: mask, overlay, numbers and messages agree")
    func example() throws {
        let outcome = try segment(
            Program.frame.path, "--box", "150,48,208,140", "--model", "litemedsam")
        #expect(outcome.code == 0)
        #expect(outcome.errors == "")
        #expect(outcome.output.contains("research use only, not a medical device"))
        #expect(
            scratch.files("out") == [
                "echo-a4c-frame10.json", "echo-a4c-frame10.mask.png",
                "echo-a4c-frame10.overlay.png",
            ])
        let mask = try Mask.read(scratch.path("out/echo-a4c-frame10.mask.png"))
        let golden = try Mask.read(
            Program.package.appending(path: "Tests/Fixtures/echo-a4c-frame10-mask.png").path)
        let both = zip(mask.values, golden.values).count { $0 == 1 && $1 == 1 }
        #expect(2 * Double(both) / Double(mask.area + golden.area) >= 0.99)

        let record = try record("echo-a4c-frame10")
        #expect(record["notice"] as? String == "research use only, not a medical device")
        #expect(record["format_version"] as? Int == 2)
        let model = try #require(record["model"] as? [String: Any])
        var manifest = SHA256()
        manifest.update(
            try Array(
                Data(
                    contentsOf: Program.package.appending(
                        path: "Models/litemedsam.samus/model.json"))))
        #expect(model["sha256"] as? String == manifest.hexDigest)
        let outline = try #require((record["masks"] as? [[String: Any]])?.first)
        #expect(outline["pixel_area"] as? Int == mask.area)
        let found = try #require(mask.boundingBox)
        #expect(outline["bounding_box"] as? [Int] == [found.x0, found.y0, found.x1, found.y1])
        let contours = try #require(outline["contours"] as? [[[Int]]]).map { contour in
            Contour(corners: contour.map { PixelCorner(x: $0[0], y: $0[1]) })
        }
        #expect(Mask(filling: contours, size: mask.size) == mask)
        let overlay = try Image.read(scratch.path("out/echo-a4c-frame10.overlay.png"))
        #expect(overlay.channels == 3 && overlay.height > 240)

        let again = try segment(Program.frame.path, "--box", "150,48,208,140")
        #expect(again.code == 73)
        #expect(again.errors.contains("3 of the results exist already"))
        #expect(again.errors.contains("--force"))
        #expect(try segment(Program.frame.path, "--box", "150,48,208,140", "--force").code == 0)
    }

    @Test("several objects, candidates, clicks, run lengths, the largest part")
    func objects() throws {
        let outcome = try segment(
            Program.frame.path, "--object", "--box", "150,48,208,140", "--point", "178,100",
            "--multimask", "--format", "png,rle,contour", "--keep", "largest", "--model",
            "litemedsam")
        #expect(outcome.code == 0)
        #expect(outcome.errors.contains("trained with box prompts, not with a click prompt"))
        let masks = (1...2).flatMap { object in
            (1...3).map { "echo-a4c-frame10.object\(object).candidate\($0).mask.png" }
        }
        #expect(
            scratch.files("out")
                == (["echo-a4c-frame10.contour.json", "echo-a4c-frame10.rle.json"] + masks).sorted()
        )
        let data = try Data(
            contentsOf: scratch.url.appending(path: "out/echo-a4c-frame10.rle.json"))
        let lengths = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let entries = try #require(lengths["masks"] as? [[String: Any]])
        #expect(entries.count == 6)
        for (entry, name) in zip(entries, masks) {
            let mask = try Mask.read(scratch.path("out/\(name)"))
            let coded = try #require(entry["segmentation"] as? [String: Any])
            #expect(coded["counts"] as? String == mask.runLength().compressed)
            #expect(mask.components().count <= 1)
        }
    }

    @Test("a click on litemedsam gets a hint to the model trained with clicks, which segments it")
    func click() throws {
        let foreign = try segment(
            Program.frame.path, "--point", "178,105", "--model", "litemedsam")
        // LiteMedSAM finds nothing without a box.
        #expect(foreign.code == 3)
        #expect(foreign.errors.contains("--model samus-lite"), "\(foreign.errors)")
        let outcome = try segment(
            Program.frame.path, "--point", "178,105", "--force")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(!outcome.errors.contains("warning"), "\(outcome.errors)")
        let part = try Mask.read(scratch.path("out/echo-a4c-frame10.mask.png"))
        #expect(part.values[105 * part.width + 178] == 1)
        // The training had no hearts: one click takes ventricle and atrium for one object.
        #expect(part.values[158 * part.width + 175] == 1)
        let clicks =
            ["178,100", "170,75"].flatMap { ["--point", $0] }
            + ["175,165", "175,150"].flatMap { ["--background-point", $0] }
        let arguments = ["segment", Program.frame.path, "-o", scratch.path("out"), "--force"]
        let corrected = try samus.start(arguments + clicks).outcome()
        #expect(corrected.code == 0, "\(corrected.errors)")
        let mask = try Mask.read(scratch.path("out/echo-a4c-frame10.mask.png"))
        #expect(
            mask.values[100 * mask.width + 178] == 1 && mask.values[150 * mask.width + 175] == 0)
        // The area of the ventricle, with a tolerance for the rounding of other processors.
        #expect((3300...4300).contains(mask.area), "\(mask.area)")
    }

    private static let heartWeights = Program.package.appending(
        path: "Models/samus-lite-heart.samus/weights.safetensors")

    @Test(
        "a click takes the left ventricle with the model for hearts, which is not for commercial use",
        .enabled(
            if: FileManager.default.fileExists(atPath: heartWeights.path),
            "the weights of samus-lite-heart are not here: run 'make setup'"))
    func heart() throws {
        let outcome = try segment(
            Program.frame.path, "--point", "178,105", "--model", "samus-lite-heart")
        #expect(outcome.code == 0)
        #expect(
            outcome.errors.contains(
                "note: samus-lite-heart is licensed for non-commercial use only (CC-BY-NC-SA-4.0)"))
        let mask = try Mask.read(scratch.path("out/echo-a4c-frame10.mask.png"))
        // As the outline that was looked at; a model that takes both chambers has 5,800 pixels.
        #expect((3_200...4_300).contains(mask.area), "\(mask.area)")
        let box = try #require(mask.boundingBox)
        #expect((60...75).contains(box.y0) && (155...180).contains(box.y1), "\(box)")
    }

    @Test("--uncertainty writes the probability of each pixel")
    func uncertainty() throws {
        let outcome = try segment(
            Program.frame.path, "--box", "150,48,208,140", "--format", "json,png", "--uncertainty")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(
            scratch.files("out") == [
                "echo-a4c-frame10.json", "echo-a4c-frame10.mask.png",
                "echo-a4c-frame10.probability.png",
            ])
        let mask = try Mask.read(scratch.path("out/echo-a4c-frame10.mask.png"))
        let map = try Image.read(scratch.path("out/echo-a4c-frame10.probability.png"))
        #expect(map.size == mask.size && map.channels == 1)
        // Where the moved prompts agree, so does the mask.
        let pairs = zip(mask.values, map.pixels)
        #expect(pairs.allSatisfy { $1 > 20 || $0 == 0 } && pairs.allSatisfy { $1 < 235 || $0 == 1 })
        #expect(map.pixels.contains { (50...205).contains($0) })
        let masks = try #require(record("echo-a4c-frame10")["masks"] as? [[String: Any]])
        let uncertainty = try #require(masks[0]["uncertainty"] as? [String: Any])
        #expect(uncertainty["prompts"] as? Int == 17)
        let interval = try #require(uncertainty["pixel_area_interval"] as? [Int])
        #expect(interval.count == 2 && (interval[0]...interval[1]).contains(mask.area))
        #expect(uncertainty["coverage"] as? Double == 0.9)
        #expect(masks[0]["low_confidence"] as? Bool == false)
        for wrong in ["--multimask", "--prompt-free"] {
            #expect(try segment(Program.frame.path, "--uncertainty", wrong).code == 64)
        }
    }

    @Test("each missing image of a long prompt file is named")
    func missingImages() throws {
        for number in 0..<200 { try scratch.write([], "there/\(number).png") }
        let entries = (0..<5_000).map {
            #"{"image":"there/m\#($0).png","objects":[{"box":[1,1,9,9]}]}"#
        }.joined(separator: ",")
        let prompts = try scratch.write(Data(#"{"images":[\#(entries)]}"#.utf8), "p.json")
        let outcome = try segment("--prompts", prompts)
        #expect(outcome.code == 1)
        #expect(outcome.errors.split(separator: "\n").count { $0.hasPrefix("failed: ") } == 5_000)
    }

    @Test("a folder with bad images: the good ones are segmented, the bad ones listed")
    func badImages() throws {
        let good = try Data(contentsOf: Program.frame)
        try scratch.write(good, "in/a-good.png")
        try scratch.write(good, "in/below/z-good.png")
        try scratch.write(good.prefix(good.count / 2), "in/b-truncated.png")
        try scratch.write(Data("no image".utf8), "in/c-text.png")
        try scratch.write(header(good, width: 0, height: 0), "in/d-nothing.png")
        try scratch.write(header(good, width: 40_000, height: 40_000), "in/e-huge.png")
        try scratch.write([], "in/f-empty.jpg")
        try scratch.write(
            Image(width: 100, height: 20, channels: 1, pixels: (0..<2000).map { UInt8($0 % 200) })
                .encodedPNG(), "in/g-small.png")
        let outcome = try segment(
            scratch.path("in"), "--box", "208,140,150,48", "--format", "png")
        #expect(outcome.code == 1)
        #expect(scratch.files("out") == ["a-good.mask.png", "below/z-good.mask.png"])
        #expect(outcome.errors.contains("6 of 8 images failed"))
        #expect(outcome.errors.contains("the corners of the box 208,140,150,48 were put in order"))
        for (name, reason) in [
            ("b-truncated.png", "damaged"), ("c-text.png", "not an image"),
            ("d-nothing.png", "0x0"), ("e-huge.png", "40000x40000"), ("f-empty.jpg", "empty"),
            ("g-small.png", "outside the image, which is 100x20"),
        ] {
            let line = outcome.errors.split(separator: "\n").first { $0.contains(name) }
            #expect(line?.contains(reason) == true, "\(name): \(line ?? "not listed")")
        }
    }

    @Test("a prompt file: labels, masks, relative paths")
    func promptFile() throws {
        try scratch.write(Data(contentsOf: Program.frame), "in/frame.png")
        try scratch.write(
            Data(
                contentsOf: Program.package.appending(
                    path: "Tests/Fixtures/echo-a4c-frame10-mask.png")), "in/rough.png")
        let prompts = try scratch.write(
            Data(
                """
                {"images": [{"image": "frame.png", "objects": [
                  {"label": "left ventricle", "box": [150, 48, 208, 140]},
                  {"points": [[178, 100]], "background_points": [[20, 20]], "mask": "rough.png"}]}]}
                """.utf8), "in/prompts.json")
        let outcome = try segment("--prompts", prompts, "--format", "json,overlay")
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("1 left ventricle"))
        let masks = try #require(try record("frame")["masks"] as? [[String: Any]])
        #expect(masks.map { $0["label"] as? String } == ["left ventricle", nil])
        let used = try #require(masks[1]["prompt"] as? [String: Any])
        #expect(used["foreground_points"] as? [[Double]] == [[178, 100]])
        #expect(used["background_points"] as? [[Double]] == [[20, 20]])
        #expect((used["mask"] as? String)?.hasSuffix("in/rough.png") == true)
    }

    @Test("options and prompt files of the former version still work, options with a note")
    func formerNames() throws {
        let option = try segment(
            Program.frame.path, "--box", "150,48,208,140", "--negative", "20,20", "--negative=9,9",
            "--format", "json")
        #expect(option.code == 0, "\(option.errors)")
        let note = "note: --negative is now called --background-point"
        #expect(option.errors.components(separatedBy: note).count == 2, "\(option.errors)")
        let masks = try #require(try record("echo-a4c-frame10")["masks"] as? [[String: Any]])
        let used = try #require(masks[0]["prompt"] as? [String: Any])
        #expect(used["background_points"] as? [[Double]] == [[20, 20], [9, 9]])

        try scratch.write(Data(contentsOf: Program.frame), "in/frame.png")
        let former = """
            {"pictures": [{"picture": "frame.png", "objects": [
              {"box": [150, 48, 208, 140], "negatives": [[20, 20], [9, 9]]}]}]}
            """
        let prompts = try scratch.write(Data(former.utf8), "in/prompts.json")
        let file = try segment("--prompts", prompts, "--format", "json")
        #expect(file.code == 0, "\(file.errors)")
        let again = try #require(try record("frame")["masks"] as? [[String: Any]])
        #expect(again[0]["contours"] as? [[[Int]]] == masks[0]["contours"] as? [[[Int]]])
    }

    @Test("a disk that is full: the result is named, and no file is incomplete")
    func fullDisk() throws {
        // Files may grow to one block of 512 bytes, which is less than an overlay has.
        let shell = Program(executable: URL(filePath: "/bin/sh"))
        let outcome = try shell(
            "-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"", samus.executable.path, "segment",
            Program.frame.path, "--box", "150,48,208,140", "--output", scratch.path("out"))
        #expect(outcome.code == 73)
        #expect(outcome.errors.contains("cannot be written"))
        #expect(scratch.files("out") == [])
    }

    @Test("an interrupted run leaves complete results, and exit code 130")
    func interrupted() throws {
        let good = try Data(contentsOf: Program.frame)
        for index in 0..<40 {
            try scratch.write(good, "in/frame\(index).png")
        }
        let running = try samus.start(
            ["segment", scratch.path("in"), "--output", scratch.path("out")] + box)
        let first = scratch.path("out/frame0.json")
        while running.process.isRunning && !FileManager.default.fileExists(atPath: first) {
            Thread.sleep(forTimeInterval: 0.05)
        }
        running.process.interrupt()
        let outcome = running.outcome()
        #expect(outcome.code == 130)
        let files = scratch.files("out")
        #expect(files.count % 3 == 0 && files.count < 120)
        #expect(outcome.errors.contains("\(files.count / 3) of 40 images are done"))
    }

    /// A PNG whose header states another size, with a valid checksum.
    private func header(_ png: Data, width: UInt32, height: UInt32) -> Data {
        var bytes = [UInt8](png)
        for (place, value) in [(16, width), (20, height)] {
            for index in 0..<4 {
                bytes[place + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * index))
            }
        }
        var checksum: UInt32 = 0xFFFF_FFFF
        for byte in bytes[12..<29] {
            checksum ^= UInt32(byte)
            for _ in 0..<8 {
                checksum = checksum >> 1 ^ (checksum & 1 == 1 ? 0xEDB8_8320 : 0)
            }
        }
        for index in 0..<4 {
            bytes[29 + index] = UInt8(truncatingIfNeeded: ~checksum >> (24 - 8 * index))
        }
        return Data(bytes)
    }
}
