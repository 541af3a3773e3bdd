import Foundation
import Imaging
import TestSupport
import Testing

@Suite("samus segment and measure on DICOM and NIfTI", .serialized)
struct DICOMCommandTests {
    private static let fixtures = Program.package.appending(path: "Tests/Fixtures/dicom")
    private let cine = fixtures.appending(path: "jpeg-cine.dcm").path

    private func json(_ path: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(filePath: path))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test("one frame of a cine, with mm from its ultrasound region, and then measured")
    func frame() throws {
        let scratch = try Scratch()
        let out = scratch.path("out")
        let outcome = try Program()(
            "segment", cine, "--frame", "3", "--box", "10,6,30,20", "--output", out)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let name = out + "/jpeg-cine.frame0003"
        let record = try json(name + ".json")
        let image = try #require(record["image"] as? [String: Any])
        #expect(image["frame"] as? Int == 3)
        #expect(image["sop_instance_uid"] as? String == "1.2.826.0.1.3680043.10.9999.3.882")
        let mask = try #require((record["masks"] as? [[String: Any]])?.first)
        let pixels = try #require(mask["pixel_area"] as? Int)
        if let spacing = mask["spacing_mm"] as? [Double] {
            #expect(abs(spacing[0] - 0.5) < 1e-9)
            #expect(abs(spacing[1] - 0.25) < 1e-9)
            let area = try #require(mask["area_mm2"] as? Double)
            #expect(abs(area - Double(pixels) * 0.125) < 1e-9)
        } else {
            // The mask of an untrained shape may reach out of the region.
            #expect((mask["no_mm_reason"] as? String)?.isEmpty == false)
        }

        let measured = try Program()("measure", name + ".json", "--output", scratch.path("m.json"))
        #expect(measured.code == 0, "\(measured.errors)")
        let file = try json(scratch.path("m.json"))
        let first = try #require((file["measurements"] as? [[String: Any]])?.first)
        #expect(first["pixel_area"] as? Int == pixels)
        #expect(first["frame"] as? Int == 3)
        #expect(first["spacing_mm"] as? [Double] == mask["spacing_mm"] as? [Double])
    }

    @Test("a file that is no image is refused with all formats that are read")
    func noImage() throws {
        let scratch = try Scratch()
        let path = try scratch.write(Data("not an image".utf8), "report.dcm")
        let outcome = try Program()(
            "segment", path, "--box", "1,1,9,9", "--output", scratch.path("o"))
        #expect(outcome.code != 0)
        #expect(
            outcome.errors.contains(
                "is not an image of a known format: a PNG, JPEG, DICOM, NIfTI, GIF, AVI or MP4 file"
            ),
            "\(outcome.errors)")
    }

    @Test("all frames of a study with a DICOMDIR and of its folder, as images")
    func study() throws {
        let scratch = try Scratch()
        let study = Self.fixtures.appending(path: "study").path
        for input in [study, study + "/DICOMDIR"] {
            let out = scratch.path(input.hasSuffix("DIR") ? "dir" : "folder")
            let outcome = try Program()(
                "segment", input, "--frame", "all", "--box", "10,6,30,20", "--format", "json",
                "--output", out)
            #expect(outcome.code == 0, "\(outcome.errors)")
            let files = scratch.files(input.hasSuffix("DIR") ? "dir" : "folder")
            #expect(files.count == 5)
            #expect(files.contains("PT000000/ST000000/SE000001/IM000000.frame0004.json"))
        }
    }

    @Test("a prompt file chooses frames; a UID as a file name keeps its dots")
    func promptFile() throws {
        let scratch = try Scratch()
        let bytes = try Data(contentsOf: URL(filePath: cine))
        try scratch.write(bytes, "in/1.2.840.113")
        let prompts = """
            { "images": [
                { "image": "in/1.2.840.113", "frame": 2, "objects": [{ "box": [10, 6, 30, 20] }] },
                { "image": "in/1.2.840.113", "frame": 9, "objects": [{ "box": [10, 6, 30, 20] }] }
            ] }
            """
        let file = try scratch.write(Array(prompts.utf8), "prompts.json")
        let outcome = try Program()(
            "segment", "--prompts", file, "--format", "json", "--output", scratch.path("out"))
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("has 4 frames: there is no frame 9"))
        #expect(scratch.files("out") == ["in/1.2.840.113.frame0002.json"])
    }

    @Test("without --frame, a cine is refused in one sentence, and so is a frame too many")
    func frames() throws {
        let several = try Program()("segment", cine, "--point", "10,10")
        #expect(several.code == 66)
        #expect(
            several.errors.contains("has 4 frames: add --frame N, counted from 1, or --frame all"))
        let tooMany = try Program()("segment", cine, "--point", "10,10", "--frame", "5")
        #expect(tooMany.code == 66)
        #expect(tooMany.errors.contains("has 4 frames: there is no frame 5"))
    }

    @Test("without the decoder, samus starts and says what is missing")
    func decoder() throws {
        var program = Program()
        program.environment["SAMUS_DICOM"] = "/nonexistent/samus-dicom"
        let outcome = try program("segment", cine, "--point", "10,10", "--frame", "1")
        #expect(outcome.code == 69)
        #expect(outcome.errors.contains("reading DICOM needs the program samus-dicom"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
        // What does not start at all, as where DCMTK's libraries are missing.
        let scratch = try Scratch()
        let broken = scratch.url.appending(path: "broken")
        try Program.install(
            script: "#!/bin/sh\necho 'libdcmdata.so.17: cannot open' >&2\nexit 127\n", at: broken)
        program.environment["SAMUS_DICOM"] = broken.path
        let unusable = try program("segment", cine, "--point", "10,10", "--frame", "1")
        #expect(unusable.code == 69)
        #expect(unusable.errors.contains("needs DCMTK and OpenJPEG"))
        #expect(unusable.errors.contains("libdcmdata.so.17"))
    }

    @Test("a frame of a NIfTI cine has the pixel size of the header")
    func nifti() throws {
        let scratch = try Scratch()
        // 24 x 16 pixels of 0.4 x 0.5 mm, 3 frames of float64.
        var header = [UInt8](repeating: 0, count: 352)
        func put(_ bytes: [UInt8], _ place: Int) {
            header.replaceSubrange(place..<place + bytes.count, with: bytes)
        }
        func short(_ value: Int16) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian, Array.init)
        }
        func float(_ value: Float) -> [UInt8] {
            withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
        }
        put(short(348) + [0, 0], 0)
        put([3, 24, 16, 3].flatMap { short($0) }, 40)
        put(short(64) + short(64), 70)
        put(float(1) + float(0.4) + float(0.5) + float(1), 76)
        put(float(352), 108)
        put([2], 123)
        put(Array("n+1\0".utf8), 344)
        let values = (0..<24 * 16 * 3).flatMap { index in
            withUnsafeBytes(of: Double(index % 24 * 9).bitPattern.littleEndian, Array.init)
        }
        let file = try scratch.write(header + values, "cine.nii")
        let out = scratch.path("out")
        let outcome = try Program()(
            "segment", file, "--frame", "2", "--box", "4,4,14,12", "--format", "json", "--output",
            out)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let record = try json(out + "/cine.frame0002.json")
        let mask = try #require((record["masks"] as? [[String: Any]])?.first)
        #expect(mask["spacing_mm"] as? [Double] == [0.4, 0.5])
        #expect(mask["spacing_source"] as? String == "NIfTI header")
    }
}

@Suite("samus measure", .serialized)
struct MeasureTests {
    private static let fixtures = Program.package.appending(path: "Tests/Fixtures")
    private let blob = fixtures.appending(path: "measurements/blob.png").path

    private func measurement(_ path: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(filePath: path))
        let file = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        return try #require((file["measurements"] as? [[String: Any]])?.first)
    }

    private func quantity(_ name: String, _ record: [String: Any]) throws -> (Double, String) {
        let all = try #require(record["quantities"] as? [String: [String: Any]])
        let found = try #require(all[name])
        return (try #require(found["value"] as? Double), try #require(found["unit"] as? String))
    }

    @Test("without a pixel size, numbers are in pixels and the reason is said")
    func pixels() throws {
        let scratch = try Scratch()
        let outcome = try Program()("measure", blob, "--output", scratch.path("m.json"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("no mm: give --spacing, --spacing-table or --image"))
        #expect(outcome.output.contains("px²"))
        #expect(!outcome.output.contains(" mm²"))
        let record = try measurement(scratch.path("m.json"))
        #expect(record["unit"] as? String == "px")
        let (area, unit) = try quantity("area", record)
        #expect(area == 2211)
        #expect(unit == "px2")
    }

    @Test("--spacing, --spacing-table and the region of a DICOM image give mm")
    func millimetres() throws {
        let scratch = try Scratch()
        let output = scratch.path("m.json")
        var outcome = try Program()("measure", blob, "--spacing", "0.5,0.2", "--output", output)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try abs(quantity("area", measurement(output)).0 - 221.1) < 1e-9)

        let table = try scratch.write(
            Array("filename,pixel size(mm)\nblob.png,0.1\n".utf8), "t.csv")
        outcome = try Program()(
            "measure", blob, "--spacing-table", table, "--output", output, "--force")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try abs(quantity("area", measurement(output)).0 - 22.11) < 1e-9)
        #expect(try quantity("perimeter", measurement(output)).1 == "mm")

        // The fixture's 2D region: columns 2 to 45, rows 2 to 25.
        var values = [UInt8](repeating: 0, count: 48 * 36)
        for y in 8..<16 { for x in 10..<20 { values[y * 48 + x] = 255 } }
        let mask = Image(width: 48, height: 36, channels: 1, pixels: values)
        try mask.write(to: scratch.path("mask.png"))
        let cine = Self.fixtures.appending(path: "dicom/jpeg-cine.dcm").path
        outcome = try Program()(
            "measure", scratch.path("mask.png"), "--image", cine, "--frame", "2", "--output",
            output, "--force")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let record = try measurement(output)
        #expect(record["spacing_source"] as? String == "ultrasound region 1 of the DICOM file")
        #expect(try abs(quantity("area", record).0 - 80 * 0.125) < 1e-9)
        #expect(try abs(quantity("horizontal_extent", record).0 - 5) < 1e-9)
        #expect(try abs(quantity("vertical_extent", record).0 - 2) < 1e-9)
        #expect((record["grey_levels"] as? [String: Any])?["histogram"] != nil)

        // In the strip below it there are no mm.
        values = [UInt8](repeating: 0, count: 48 * 36)
        for y in 29..<33 { for x in 10..<20 { values[y * 48 + x] = 255 } }
        try Image(width: 48, height: 36, channels: 1, pixels: values)
            .write(to: scratch.path("strip.png"))
        outcome = try Program()(
            "measure", scratch.path("strip.png"), "--image", cine, "--frame", "2")
        #expect(outcome.output.contains("which is waveform, not 2D"))
        #expect(!outcome.output.contains("mm²"))
    }

    @Test("the distance to a second mask, and a CSV table")
    func distance() throws {
        let scratch = try Scratch()
        for (name, rows) in [("a", 4..<8), ("b", 18..<22)] {
            let pixels = (0..<40 * 30).map { UInt8(rows.contains($0 / 40) ? 255 : 0) }
            try Image(width: 40, height: 30, channels: 1, pixels: pixels)
                .write(to: scratch.path(name + ".png"))
        }
        let outcome = try Program()(
            "measure", scratch.path("a.png"), "--to", scratch.path("b.png"), "--spacing", "0.1",
            "--output", scratch.path("m.csv"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("distance                1.000 ± 0.10 mm"))
        #expect(outcome.output.contains("touches the edge of the image"))
        let table = try String(contentsOfFile: scratch.path("m.csv"), encoding: .utf8)
        #expect(table.split(separator: "\n").count == 2)
        #expect(table.hasPrefix("source,image,frame,object,candidate,label,unit,"))
    }

    @Test("what cannot be measured is refused in one sentence")
    func refused() throws {
        let scratch = try Scratch()
        let notAResult = try scratch.write(Array("{}".utf8), "x.json")
        #expect(try Program()("measure", notAResult).errors.contains("is not a result of"))
        #expect(try Program()("measure", scratch.path("none.png")).code == 66)
        #expect(try Program()("measure", blob, "--spacing", "0").code == 64)
        #expect(try Program()("measure", blob, "--spacing", "1", "--spacing-table", "x").code == 64)
        let image = Self.fixtures.appending(path: "dicom/grey8.dcm").path
        let sizes = try Program()("measure", blob, "--image", image)
        #expect(sizes.code == 1)
        #expect(sizes.errors.contains("they must have the same size"))
        let empty = Image(width: 4, height: 4, channels: 1, pixels: .init(repeating: 0, count: 16))
        try empty.write(to: scratch.path("empty.png"))
        let nothing = try Program()("measure", scratch.path("empty.png"))
        #expect(nothing.output.contains("the mask is empty: there is nothing to measure"))
    }
}

@Suite("samus deidentify", .serialized)
struct DeidentifyTests {
    private static let fixtures = Program.package.appending(path: "Tests/Fixtures/dicom")

    @Test("a study: what can be cleaned is written, what cannot is named")
    func study() throws {
        let scratch = try Scratch()
        let study = Self.fixtures.appending(path: "study").path
        let outcome = try Program()("deidentify", study, "--output", scratch.path("out"))
        #expect(outcome.code == 1)
        #expect(outcome.output.contains("4 frames, kept 2,2,46,26 and 2,27,46,36"))
        #expect(outcome.errors.contains("has no ultrasound regions"))
        let files = scratch.files("out")
        #expect(files.count == 1)
        #expect(files.allSatisfy { $0.hasPrefix("2.25.") && $0.hasSuffix(".dcm") })

        // With a part to keep, and a key, both are written, twice to the same names.
        let key = try scratch.write(Array(repeating: 7, count: 16), "key")
        for force in [[], ["--force"]] {
            let arguments =
                ["deidentify", study, "--region", "2,2,46,26", "--key-file", key, "--output"]
                + [scratch.path("both")] + force
            let both = try Program().start(arguments).outcome()
            #expect(both.code == 0, "\(both.errors)")
            #expect(scratch.files("both").count == 2)
        }
    }

    @Test("wrong options are refused")
    func options() throws {
        let scratch = try Scratch()
        let cine = Self.fixtures.appending(path: "jpeg-cine.dcm").path
        let key = try scratch.write([1, 2, 3], "key")
        let short = try Program()(
            "deidentify", cine, "--key-file", key, "--output", scratch.path("out"))
        #expect(short.code == 66)
        #expect(short.errors.contains("has 3 bytes; at least 16 are needed"))
        let box = try Program()(
            "deidentify", cine, "--region", "5,5,2,9", "--output", scratch.path("out"))
        #expect(box.code == 64)
    }
}
