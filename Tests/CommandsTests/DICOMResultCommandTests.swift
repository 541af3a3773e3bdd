import Foundation
import Imaging
import TestSupport
import Testing

@Suite("samus segment --format dicom-seg and sr", .serialized)
struct DICOMResultCommandTests {
    private static let fixtures = Program.package.appending(path: "Tests/Fixtures/dicom")
    private let cine = fixtures.appending(path: "jpeg-cine.dcm").path
    private let single = fixtures.appending(path: "grey8.dcm").path

    /// The value of an attribute with a short length at the top level of a small file.
    private func value(_ tag: [UInt8], _ path: String) throws -> String {
        let data = try Data(contentsOf: URL(filePath: path))
        let place = try #require(data.range(of: Data(tag + Array("UI".utf8))))
        let length = Int(data[place.upperBound]) + Int(data[place.upperBound + 1]) << 8
        let bytes = data[(place.upperBound + 2)..<(place.upperBound + 2 + length)]
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .controlCharacters)
    }

    private func instance(_ path: String) throws -> String { try value([8, 0, 0x18, 0], path) }
    private func series(_ path: String) throws -> String { try value([0x20, 0, 0x0E, 0], path) }

    private func bits(_ masks: [String]) throws -> [UInt8] {
        let values = try masks.flatMap { try Image.read($0).pixels }
        var bytes = [UInt8](repeating: 0, count: (values.count + 15) / 16 * 2)
        for (place, value) in values.enumerated() where value != 0 {
            bytes[place / 8] |= 1 << (place % 8)
        }
        return bytes
    }

    @Test("a cine has one SEG and one report; its frames are the PNG masks of the same run")
    func cineResults() throws {
        let scratch = try Scratch()
        let out = scratch.path("out")
        let outcome = try Program()(
            "segment", cine, "--frame", "all", "--box", "10,6,30,20", "--format",
            "png,dicom-seg,sr", "--output", out)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let masks = (1...4).map { "jpeg-cine.frame000\($0).mask.png" }
        #expect(scratch.files("out") == masks + ["jpeg-cine.seg.dcm", "jpeg-cine.sr.dcm"])
        let seg = try Data(contentsOf: URL(filePath: out + "/jpeg-cine.seg.dcm"))
        let expected = try bits(masks.map { out + "/" + $0 })
        #expect(expected.contains { $0 != 0 })
        #expect(seg.suffix(expected.count) == Data(expected))
        // The report refers to the SEG.
        let report = try Data(contentsOf: URL(filePath: out + "/jpeg-cine.sr.dcm"))
        let uid = try instance(out + "/jpeg-cine.seg.dcm")
        #expect(report.range(of: Data(uid.utf8)) != nil)
        if DICOMValidator.areInstalled {
            for name in ["seg", "sr"] {
                let path = out + "/jpeg-cine.\(name).dcm"
                #expect(try DICOMValidator.errors(in: path) == [])
            }
        }

        // What is measured in the SEG is what is in its masks.
        let output = scratch.path("m.json")
        for options in [[], ["--image", cine]] {
            let measured = try Program().start(
                ["measure", out + "/jpeg-cine.seg.dcm", "--output", output, "--force"] + options
            ).outcome()
            #expect(measured.code == 0, "\(measured.errors)")
            let file = try #require(
                JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: output)))
                    as? [String: Any])
            let found = try #require(file["measurements"] as? [[String: Any]])
            #expect(found.map { $0["frame"] as? Int } == [1, 2, 3, 4])
            #expect(
                try found.map { $0["pixel_area"] as? Int }
                    == masks.map { try Image.read(out + "/" + $0).pixels.count { $0 != 0 } })
        }
        let other = try Program()("measure", out + "/jpeg-cine.seg.dcm", "--image", single)
        #expect(other.code == 1, "\(other.errors)")
        #expect(other.errors.contains("jpeg-cine.seg.dcm"), "\(other.errors)")
        // A folder that has nothing else.
        let segmentation = try Data(contentsOf: URL(filePath: out + "/jpeg-cine.seg.dcm"))
        try FileManager.default.createDirectory(
            atPath: scratch.path("seg"), withIntermediateDirectories: true)
        try segmentation.write(to: URL(filePath: scratch.path("seg") + "/a.seg.dcm"))
        let folder = try Program()("measure", scratch.path("seg"), "--frame", "2")
        #expect(folder.code == 0 && folder.output.contains("a.seg.dcm"), "\(folder.errors)")

        // Results are no input: a folder with them has the cine alone.
        try FileManager.default.copyItem(atPath: cine, toPath: out + "/jpeg-cine.dcm")
        let again = try Program()(
            "segment", out, "--frame", "2", "--box", "10,6,30,20", "--format", "dicom-seg,sr",
            "--output", scratch.path("again"))
        #expect(again.code == 0, "\(again.errors)")
        let name = "jpeg-cine.frame0002"
        #expect(scratch.files("again") == [name + ".seg.dcm", name + ".sr.dcm"])
    }

    @Test("files of one name in two folders: no mask gets into the results of the other patient")
    func sameNames() throws {
        let scratch = try Scratch()
        for folder in ["p1", "p2"] {
            try FileManager.default.createDirectory(
                atPath: scratch.path(folder), withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: cine, toPath: scratch.path(folder) + "/IM1.dcm")
        }
        let entries = [("p1", 1), ("p1", 2), ("p2", 3), ("p2", 4)].map { folder, frame in
            #"{"image":"\#(scratch.path(folder))/IM1.dcm","frame":\#(frame),"objects":[{"box":[10,6,30,20]}]}"#
        }.joined(separator: ",")
        let prompts = try scratch.write(Data(#"{"images":[\#(entries)]}"#.utf8), "p.json")
        let outcome = try Program()(
            "segment", "--prompts", prompts, "--format", "dicom-seg,sr", "--output",
            scratch.path("out"))
        #expect(outcome.code != 0 && outcome.errors.contains("IM1.dcm"), "\(outcome.errors)")
        #expect(!scratch.files("out").contains { $0.hasSuffix(".dcm") })
    }

    @Test("a second run gives the same UIDs; another prompt gives another in the same series")
    func uids() throws {
        let scratch = try Scratch()
        for (folder, box) in [("a", "10,6,30,20"), ("b", "10,6,30,20"), ("c", "8,6,30,20")] {
            let outcome = try Program()(
                "segment", single, "--box", box, "--format", "dicom-seg,sr", "--output",
                scratch.path(folder))
            #expect(outcome.code == 0, "\(outcome.errors)")
        }
        for name in ["/grey8.seg.dcm", "/grey8.sr.dcm"] {
            let paths = ["a", "b", "c"].map { scratch.path($0) + name }
            let uids = try paths.map(instance)
            #expect(uids[0] == uids[1])
            #expect(uids[0] != uids[2])
            #expect(Set(try paths.map(series)).count == 1)
        }
    }

    @Test("--skip-existing segments all frames of a file again where its SEG is missing")
    func skipExisting() throws {
        let scratch = try Scratch()
        let out = scratch.path("out")
        func run(_ options: String...) throws -> Program.Outcome {
            try Program().start(
                [
                    "segment", cine, "--frame", "all", "--box", "10,6,30,20", "--format",
                    "json,dicom-seg", "--output", out,
                ] + options
            ).outcome()
        }
        #expect(try run().code == 0)
        let refused = try run()
        #expect(refused.code == 73)
        let skipped = try run("--skip-existing")
        #expect(skipped.code == 0, "\(skipped.errors)")
        #expect(skipped.errors.contains("4 of 4 images were skipped"))
        let path = out + "/jpeg-cine.seg.dcm"
        let uid = try instance(path)
        for missing in [path, out + "/jpeg-cine.frame0003.json"] {
            try FileManager.default.removeItem(atPath: missing)
            let completed = try run("--skip-existing")
            #expect(completed.code == 0, "\(completed.errors)")
            #expect(!completed.errors.contains("skipped"))
            #expect(try instance(path) == uid)
            #expect(FileManager.default.fileExists(atPath: missing))
        }
    }

    @Test("labels of a prompt file are the segments; a frame that fails is left out")
    func promptFile() throws {
        let scratch = try Scratch()
        try scratch.write(Data(contentsOf: URL(filePath: cine)), "a.dcm")
        let prompts = """
            { "images": [
                { "image": "a.dcm", "frame": 2, "objects": [
                    { "label": "nodule", "box": [10, 6, 30, 20] }, { "points": [[20, 12]] }] },
                { "image": "a.dcm", "frame": 9, "objects": [{ "box": [10, 6, 30, 20] }] },
                { "image": "a.dcm", "frame": 1, "objects": [
                    { "points": [[20, 12]] }, { "label": "nodule", "box": [10, 6, 30, 20] }] }
            ] }
            """
        let file = try scratch.write(Array(prompts.utf8), "prompts.json")
        let outcome = try Program()(
            "segment", "--prompts", file, "--format", "png,dicom-seg", "--output",
            scratch.path("out"))
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("there is no frame 9"))
        let out = scratch.path("out") + "/a."
        let masks = ["1.object2", "2.object1", "1.object1", "2.object2"].map {
            out + "frame000\($0).mask.png"
        }
        let seg = try Data(contentsOf: URL(filePath: out + "seg.dcm"))
        let expected = try bits(masks)
        #expect(seg.suffix(expected.count) == Data(expected))
        if DICOMValidator.areInstalled {
            #expect(try DICOMValidator.errors(in: out + "seg.dcm") == [])
        }
    }

    @Test("what cannot have DICOM results is refused in one sentence")
    func refused() throws {
        let scratch = try Scratch()
        let png = Program.frame.path
        let outcome = try Program()(
            "segment", png, "--box", "150,48,208,140", "--format", "dicom-seg", "--output",
            scratch.path("out"))
        #expect(outcome.code == 66)
        #expect(outcome.errors.contains("is not a DICOM file: --format dicom-seg and sr refer to"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
        // Beside a DICOM file it fails alone.
        let both = try Program()(
            "segment", png, single, "--box", "10,6,30,20", "--format", "dicom-seg", "--output",
            scratch.path("both"))
        #expect(both.code == 1)
        #expect(scratch.files("both") == ["grey8.seg.dcm"])
        let candidates = try Program()(
            "segment", single, "--point", "20,12", "--multimask", "--format", "sr")
        #expect(candidates.code == 64)
        #expect(candidates.errors.contains("one mask for each object: leave out --multimask"))
        // Without the UID of the study nothing can refer to it.
        var bytes = try Data(contentsOf: URL(filePath: single))
        let place = try #require(bytes.range(of: Data([0x20, 0, 0x0D, 0, 0x55, 0x49])))
        bytes[place.lowerBound + 2] = 0x0C
        let unknown = try scratch.write(bytes, "unknown.dcm")
        let identity = try Program()(
            "segment", unknown, "--box", "10,6,30,20", "--format", "dicom-seg", "--output",
            scratch.path("unknown"))
        #expect(identity.code == 1)
        #expect(identity.errors.contains("has no valid Study Instance UID"))
    }
}
