import FileIO
import Foundation
import Imaging
import Testing

@Suite("samus track follows an object and writes what it found")
struct TrackTests {
    private let scratch: Scratch
    private let samus = Program()
    private static let frames = 8

    init() throws {
        scratch = try Scratch()
    }

    /// How far the example image is moved in a frame, from 1: to the right and down.
    private func shift(_ frame: Int) -> (x: Int, y: Int) { (2 * (frame - 1), frame / 2) }

    /// A folder of numbered frames: the example image, moved.
    private func makeCine(_ name: String = "cine", frames: Int = frames) throws -> String {
        let image = try Image.read(Program.frame.path).grey()
        for frame in 1...frames {
            let (dx, dy) = shift(frame)
            var pixels: [UInt8] = []
            for y in 0..<image.height {
                for x in 0..<image.width {
                    let (u, v) = (max(x - dx, 0), max(y - dy, 0))
                    pixels.append(image.pixels[v * image.width + u])
                }
            }
            let moved = Image(
                width: image.width, height: image.height, channels: 1, pixels: pixels)
            // Order is by number, not by name.
            try scratch.write(moved.encodedPNG(), "\(name)/f\(frame).png")
        }
        return scratch.path(name)
    }

    private func mask(_ frame: Int, _ folder: String = "out", _ kind: String = "") throws -> Mask {
        try Mask.read(scratch.path("\(folder)/cine.frame000\(frame)\(kind).mask.png"))
    }

    private func table(_ folder: String = "out") throws -> [[String: String]] {
        let rows = CSV.rows(
            try RegularFile.text(scratch.path("\(folder)/track.csv"), limit: 1 << 20))
        return rows.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(rows[0], $0)) }
    }

    @Test("masks, table, chart, animation and record of a track from the middle of a cine")
    func results() throws {
        let cine = try makeCine()
        let (dx, dy) = shift(4)
        let box = [150 + dx, 48 + dy, 208 + dx, 140 + dy].map(String.init).joined(separator: ",")
        let outcome = try samus(
            "track", cine, "--box", box, "--frame", "4", "--spacing", "0.5,0.4", "--smooth", "-o",
            scratch.path("out"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("found in 8 of 8 frames"))
        #expect(outcome.output.contains("research use only, not a medical device"))

        let rows = try table()
        #expect(rows.map { $0["frame"] } == (1...8).map { "\($0)" })
        let first = try mask(4)
        for (frame, row) in zip(1...8, rows) {
            let mask = try mask(frame)
            #expect(row["area_px"] == "\(mask.area)")
            #expect(row["area_mm2"] == String(format: "%.2f", Double(mask.area) * 0.2))
            #expect(row["area_smoothed_px"] == "\(try self.mask(frame, "out", ".smoothed").area)")
            #expect(row["found"] == "1" && row["prompted"] == (frame == 4 ? "1" : "0"))
            #expect(Double(row["presence"] ?? "") ?? 0 >= 0.5)
            // The mask moves with the image.
            let (u, v) = (shift(frame).x - dx, shift(frame).y - dy)
            var both = 0
            for y in 0..<mask.height {
                for x in 0..<mask.width where mask.values[y * mask.width + x] != 0 {
                    let (px, py) = (x - u, y - v)
                    guard (0..<mask.width).contains(px), (0..<mask.height).contains(py) else {
                        continue
                    }
                    both += Int(first.values[py * mask.width + px])
                }
            }
            #expect(2 * Double(both) / Double(mask.area + first.area) > 0.9, "frame \(frame)")
        }

        let record = try #require(
            JSONSerialization.jsonObject(
                with: Data(contentsOf: URL(filePath: scratch.path("out/track.json"))))
                as? [String: Any])
        #expect(record["notice"] as? String == "research use only, not a medical device")
        #expect((record["model"] as? [String: Any])?["name"] as? String == "samus-lite")
        #expect(((record["model"] as? [String: Any])?["sha256"] as? String)?.count == 64)
        let prompts = try #require(record["prompts"] as? [[String: Any]])
        #expect(prompts.count == 1 && prompts[0]["frame"] as? Int == 4)
        #expect(record["found_frames"] as? Int == 8)
        #expect(record["spacing_mm"] as? [Double] == [0.5, 0.4])

        let animation = try Image.read(scratch.path("out/track.overlay.png"))
        #expect(animation.channels == 3 && animation.height > first.height)
        #expect(try Image.read(scratch.path("out/track.area.png")).channels == 3)
        let names = Set(scratch.files("out"))
        #expect(names.contains("track.overlay.mp4") == VideoWriter.isAvailable)
        #expect(names.count == 16 + 4 + (VideoWriter.isAvailable ? 1 : 0))

        // Existing results are replaced only on request, and inputs never.
        let again = try samus("track", cine, "--box", box, "-o", scratch.path("out"))
        #expect(again.code == 73 && again.errors.contains("--force"))
        #expect(
            try samus("track", cine, "--box", box, "--force", "-o", scratch.path("out")).code == 0)
    }

    @Test("a DICOM cine has times, and mm from its region; an MP4 has frames and times")
    func files() throws {
        let dicom = Program.package.appending(path: "Tests/Fixtures/dicom/jpeg-cine.dcm").path
        let outcome = try samus(
            "track", dicom, "--box", "10,6,30,20", "--frame", "2", "--min-presence", "0", "-o",
            scratch.path("dicom"))
        #expect([0, 3].contains(outcome.code), "\(outcome.errors)")
        let rows = try table("dicom")
        #expect(rows.count > 2)

        guard VideoWriter.isAvailable else { return }
        _ = try makeCine(frames: 5)
        #expect(
            try samus(
                "track", scratch.path("cine"), "--box", "150,48,208,140", "-o",
                scratch.path("out")
            ).code == 0)
        let video = scratch.path("out/track.overlay.mp4")
        let second = try samus(
            "track", video, "--point", "178,100", "--frame", "5", "-o", scratch.path("video"))
        #expect([0, 3].contains(second.code), "\(second.errors)")
        let times = try table("video").compactMap { $0["time_s"].flatMap(Double.init) }
        #expect(times.count == 5 && abs(times[4] - 0.16) < 0.002)
        let segmented = try samus(
            "segment", video, "--frame", "all", "--point", "178,100", "--format", "json", "-o",
            scratch.path("segment"))
        #expect(segmented.code == 0, "\(segmented.errors)")
        #expect(scratch.files("segment").count == 5)
        #expect(
            try samus("segment", video, "--point", "1,1", "-o", scratch.path("x")).errors.contains(
                "5 frames"))
    }

    @Test("without ffmpeg, one sentence says what to install")
    func withoutProgram() throws {
        let path = try scratch.write(Array("GIF89a----------".utf8), "a.gif")
        var samus = samus
        samus.environment["PATH"] = scratch.path("")
        for command in ["track", "segment"] {
            let outcome = try samus.start([command, path, "--point", "1,1"]).outcome()
            #expect(outcome.code == 69)
            #expect(outcome.errors.contains("install ffmpeg"))
        }
    }

    @Test("wrong cines and prompts are refused before any work, in one sentence")
    func refusals() throws {
        let cine = try makeCine()
        try scratch.write(
            Image(width: 2, height: 2, channels: 1, pixels: [1, 2, 3, 4])
                .encodedPNG(), "unnumbered/a.png")
        func refuse(_ arguments: [String], _ code: Int32, _ words: String) throws {
            let outcome = try samus.start(["track"] + arguments + ["-o", scratch.path("no")])
                .outcome()
            #expect(outcome.code == code, "\(arguments): \(outcome.errors)")
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: scratch.path("no")))
        }
        try refuse([cine], 64, "no prompt")
        try refuse([cine, "--point", "1,1", "--at", "3:circle=1,2"], 64, "--at")
        try refuse([cine, "--background-point", "1,1"], 64, "no prompt")
        try refuse([cine, "--point", "1,1", "--at", "99:point=1,2"], 66, "8 frames")
        try refuse([cine, "--point", "1,1", "--at", "3:point=9999,2"], 66, "frame 3: the click")
        try refuse([Program.frame.path, "--point", "1,1"], 66, "samus segment")
        try refuse([scratch.path("unnumbered"), "--point", "1,1"], 66, "has no number")
        try refuse([scratch.path("missing"), "--point", "1,1"], 66, "there is no file or folder")
    }

    @Test("a damaged frame costs that frame, and the exit code is 1")
    func damage() throws {
        let cine = try makeCine(frames: 4)
        try scratch.write([1, 2, 3], "cine/f3.png")
        let outcome = try samus(
            "track", cine, "--box", "150,48,208,140", "-o", scratch.path("out"))
        #expect(outcome.code == 1 && outcome.errors.contains("failed: frame 3"))
        let rows = try table()
        #expect(rows.map { $0["found"] } == ["1", "1", "0", "1"])
        #expect(rows[2]["error"]?.isEmpty == false && rows[2]["area_px"] == "")
    }

    #if canImport(Glibc)
        @Test("memory does not grow with the number of frames")
        func memory() throws {
            func peak(_ frames: Int) throws -> Int {
                let cine = try makeCine("cine\(frames)", frames: 4)
                for frame in 5...frames {
                    try FileManager.default.copyItem(
                        atPath: "\(cine)/f4.png", toPath: "\(cine)/f\(frame).png")
                }
                let result = try samus.measured([
                    "track", cine, "--box", "150,48,208,140", "-o", scratch.path("out\(frames)"),
                ])
                #expect(result.code == 0)
                return result.peak
            }
            let (few, many) = (try peak(10), try peak(60))
            #expect(many - few < 12_000_000, "\(few) and \(many) bytes")
        }
    #endif
}
