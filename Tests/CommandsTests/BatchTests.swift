import FileIO
import Foundation
import Imaging
import Testing

@testable import Commands

/// Many images: parts of a list, restarts, one line an image, one table, constant memory.
@Suite("samus segment over many images", .serialized)
struct BatchTests {
    private static let isHere = FileManager.default.fileExists(
        atPath: Program.package.appending(path: ".deps/openvino/libs").path)
    private static let reason: Comment = "OpenVINO is not here: run 'make setup'"
    private static let bundles = Program.package.appending(path: "Tests/Fixtures/bundle")

    private let scratch: Scratch
    private var samus: Program

    init() throws {
        // Results are flushed to the disk, which takes most of the time of small images.
        scratch = try Scratch(inMemory: true)
        samus = Program()
        samus.environment["SAMUS_CACHE"] = scratch.path("cache")
    }

    /// Writes images of 24 x 24 pixels, each with a bright square elsewhere.
    private func writeImages(_ count: Int, _ folder: String = "in") throws {
        for number in 0..<count {
            var pixels = [UInt8](repeating: 20, count: 24 * 24)
            for row in 0..<6 {
                for column in 0..<6 {
                    pixels[(row + number % 17) * 24 + column + number / 17 % 17] = 220
                }
            }
            let image = Image(width: 24, height: 24, channels: 1, pixels: pixels)
            try scratch.write(image.encodedPNG(), "\(folder)/\(number / 1000)/i\(number).png")
        }
    }

    private func arguments(_ more: [String], model: String = "clicks", out: String = "out")
        -> [String]
    {
        [
            "segment", scratch.path("in"), "--point", "9,7", "--model",
            Self.bundles.appending(path: "\(model).samus").path, "--output", scratch.path(out),
            "--threads", "1",
        ] + more
    }

    private func segment(_ more: String..., out: String = "out") throws -> Program.Outcome {
        try samus.start(arguments(more, out: out)).outcome()
    }

    private func lines(_ outcome: Program.Outcome) throws -> [[String: Any]] {
        try outcome.output.split(separator: "\n").map { line in
            try #require(
                JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
        }
    }

    private func table(_ name: String) throws -> [[String]] {
        CSV.rows(try String(contentsOfFile: scratch.path(name), encoding: .utf8))
    }

    @Test(
        "the parts of a list have every image once, and their results are those of one run",
        .enabled(if: isHere, reason))
    func shards() throws {
        try writeImages(40)
        #expect(try segment("--format", "png", out: "whole").code == 3)
        var seen: [String] = []
        for number in 1...3 {
            let outcome = try segment("--shard", "\(number)/3", "--summary")
            #expect(outcome.code == 3, "\(outcome.errors)")
            let rows = try table("out/summary-\(number)-of-3.csv").dropFirst()
            #expect(rows.count > 5, "an even distribution")
            seen += rows.map { $0[0] }
        }
        #expect(seen.count == 40 && Set(seen).count == 40)
        for name in scratch.files("whole") {
            let one = try Data(contentsOf: scratch.url.appending(path: "whole/\(name)"))
            #expect(try Data(contentsOf: scratch.url.appending(path: "out/\(name)")) == one)
        }
    }

    @Test("an image stays in its part when others are added, and parts are even")
    func stableShards() throws {
        let parts = try (1...16).map { try #require(Shard(argument: "\($0)/16")) }
        let names = (0..<16_000).map { "folder/\($0 / 100)/image-\($0)" }
        let counts = parts.map { part in names.count(where: part.contains) }
        #expect(counts.reduce(0, +) == names.count)
        #expect(counts.allSatisfy { (850...1150).contains($0) }, "\(counts)")
        // A fixed value: another version of this program must not move images to other machines.
        #expect(
            names.prefix(8).map { name in parts.firstIndex { $0.contains(name) } }
                == Self.expectedParts)
        for wrong in ["0/3", "4/3", "1", "1/0", "a/b", "1/2/3", "-1/3", "1/1000001"] {
            #expect(Shard(argument: wrong) == nil, "\(wrong)")
        }
    }
    private static let expectedParts = [11, 15, 8, 6, 3, 12, 11, 0]

    @Test(
        "after kill -9, --skip-existing completes the results and the summary",
        .enabled(if: isHere, reason))
    func restart() throws {
        try writeImages(120)
        #expect(try segment("--summary", out: "whole").code == 3)
        let running = try samus.start(arguments(["--summary"]))
        let some = scratch.path("out/0/i50.json")
        while running.process.isRunning && !FileManager.default.fileExists(atPath: some) {
            Thread.sleep(forTimeInterval: 0.01)
        }
        kill(running.process.processIdentifier, SIGKILL)
        _ = running.outcome()
        #expect(!FileManager.default.fileExists(atPath: scratch.path("out/summary.csv")))
        // A result that is incomplete, and one that is damaged.
        try FileManager.default.removeItem(atPath: scratch.path("out/0/i0.mask.png"))
        try scratch.write(Data("{".utf8), "out/0/i1.json")

        let outcome = try segment("--skip-existing", "--summary", "--json-lines")
        #expect(outcome.code == 3, "\(outcome.errors)")
        let status = try lines(outcome).map { $0["status"] as? String }
        #expect(status.count == 120)
        #expect(Set(status) == ["done", "skipped"])
        let whole = try table("whole/summary.csv")
        let resumed = try table("out/summary.csv")
        // The third column says done or skipped.
        func values(_ rows: [[String]]) -> [[String]] { rows.map { Array($0[..<2] + $0[3...]) } }
        #expect(values(resumed) == values(whole))
        #expect(whole.count == 121)
        for name in scratch.files("whole") where name.hasSuffix(".mask.png") {
            let one = try Data(contentsOf: scratch.url.appending(path: "whole/\(name)"))
            #expect(try Data(contentsOf: scratch.url.appending(path: "out/\(name)")) == one)
        }
        let again = try segment("--skip-existing")
        #expect(again.code == 3)
        #expect(again.errors.contains("120 of 120 images were skipped"))
    }

    @Test(
        "results of another model are not taken for results of this run",
        .enabled(if: isHere, reason))
    func otherModel() throws {
        try writeImages(2)
        #expect(try segment().code == 3)
        let copy = scratch.url.appending(path: "other.samus")
        try FileManager.default.copyItem(
            at: Self.bundles.appending(path: "clicks.samus"), to: copy)
        let manifest = copy.appending(path: "model.json")
        let text = try String(contentsOf: manifest, encoding: .utf8)
        try Data((text + " ").utf8).write(to: manifest)
        let outcome = try samus(
            "segment", scratch.path("in"), "--point", "9,7", "--model", copy.path, "--output",
            scratch.path("out"), "--skip-existing")
        #expect(outcome.code == 73)
        #expect(outcome.errors.contains("is a result of the model"), "\(outcome.errors)")
    }

    @Test(
        "--json-lines: a line for each image, done or failed, with the numbers of NAME.json",
        .enabled(if: isHere, reason))
    func jsonLines() throws {
        try writeImages(3)
        try scratch.write(Data("no image".utf8), "in/0/i2.png")
        let outcome = try segment("--json-lines", "--summary")
        #expect(outcome.code == 1)
        let found = try lines(outcome)
        #expect(found.map { $0["status"] as? String } == ["done", "done", "failed"])
        let mask = try #require((found[0]["masks"] as? [[String: Any]])?.first)
        let data = try Data(contentsOf: scratch.url.appending(path: "out/0/i0.json"))
        let record = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let written = try #require((record["masks"] as? [[String: Any]])?.first)
        for key in ["object", "candidate", "pixel_area"] {
            #expect(mask[key] as? Int == written[key] as? Int, "\(key)")
        }
        #expect(mask["bounding_box"] as? [Int] == written["bounding_box"] as? [Int])
        #expect(mask["mask_file"] as? String == "i0.mask.png")
        #expect((found[2]["error"] as? String)?.contains("not an image") == true)
        let rows = try table("out/summary.csv")
        #expect(
            rows[0].prefix(6) == ["image", "frame", "status", "object", "candidate", "label"])
        #expect(rows[1][6] == "\(mask["pixel_area"] as? Int ?? -1)")
        #expect(rows[3][2] == "failed" && rows[3].last?.contains("not an image") == true)
        #expect(rows.allSatisfy { $0.count == rows[0].count })
    }

    @Test("options that contradict each other are refused")
    func contradictions() throws {
        try writeImages(1)
        #expect(try segment("--force", "--skip-existing").code == 64)
        #expect(try segment("--summary", "--skip-existing", "--format", "png").code == 64)
        #expect(try segment("--shard", "3/2").code == 64)
        try scratch.write([1], "out/summary.csv")
        let existing = try segment("--summary")
        #expect(existing.code == 73)
        #expect(existing.errors.contains("summary.csv' exists already"), "\(existing.errors)")
    }

    @Test(
        "the Slurm script segments its part, and again after a restart",
        .enabled(if: isHere, reason))
    func slurm() throws {
        try writeImages(12)
        var shell = Program(executable: URL(filePath: "/bin/bash"))
        shell.environment = samus.environment
        shell.environment["SAMUS"] = samus.executable.path
        shell.environment["SLURM_ARRAY_TASK_COUNT"] = "2"
        let script = Program.package.appending(path: "Deploy/slurm-array.sh").path
        let model = Self.bundles.appending(path: "clicks.samus").path
        var count = 0
        for (task, status) in [("1", "done"), ("2", "done"), ("1", "skipped")] {
            shell.environment["SLURM_ARRAY_TASK_ID"] = task
            let outcome = try shell(
                script, scratch.path("in"), scratch.path("out"), "--point", "9,7", "--model", model)
            #expect(outcome.code == 3, "\(outcome.errors)")
            let found = try lines(outcome)
            #expect(found.allSatisfy { $0["status"] as? String == status })
            count += status == "done" ? found.count : 0
        }
        #expect(count == 12)
        #expect(try shell(script).code == 64)
    }

    @Test("the command of the Kubernetes job runs", .enabled(if: isHere, reason))
    func kubernetes() throws {
        try writeImages(6)
        let text = try String(
            contentsOf: Program.package.appending(path: "Deploy/kubernetes-job.yaml"),
            encoding: .utf8)
        let match = try #require(
            text.firstMatch(of: #/(exec \/opt.*?)\n +env:/#.dotMatchesNewlines()))
        let command = match.1.split(separator: "\n")
            .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
            .replacing("/opt/samus/bin/samus", with: samus.executable.path)
            .replacing("/scans/images", with: scratch.path("in"))
            .replacing("/scans/results", with: scratch.path("out"))
            .replacing("/scans/model.samus", with: Self.bundles.appending(path: "finds.samus").path)
        var shell = Program(executable: URL(filePath: "/bin/sh"))
        shell.environment = samus.environment
        for index in 0..<16 {
            shell.environment["JOB_COMPLETION_INDEX"] = "\(index)"
            let outcome = try shell("-c", command)
            #expect(outcome.code == 0, "\(outcome.errors)")
        }
        #expect(scratch.files("out").count(where: { $0.hasSuffix(".mask.png") }) == 6)
    }

    #if canImport(Glibc)
        @Test(
            "the peak memory of 3,000 images is that of 300", .enabled(if: isHere, reason),
            .timeLimit(.minutes(60)))
        func memory() throws {
            try writeImages(3000)
            // Only the first 300 images: those of folder 0 with three digits at most.
            for number in 0..<300 {
                let name = "\(number / 1000)/i\(number).png"
                try scratch.write(
                    Data(contentsOf: scratch.url.appending(path: "in/\(name)")), "few/\(name)")
            }
            let few = try peak(of: "few", out: "few-out")
            let many = try peak(of: "in", out: "many-out")
            #expect(scratch.files("many-out").count == 2 * 3000 + 1)
            // 2,700 more names and paths take less than 4 MB; each leaked image of results more.
            #expect(many - few < 8_000_000, "\(few) and \(many) bytes")
        }

        /// Peak memory of `samus segment` in bytes.
        private func peak(of folder: String, out: String) throws -> Int {
            let outcome = try samus.measured(
                ["segment", scratch.path(folder)]
                    + arguments(["--format", "png,json", "--summary", "--json-lines"], out: out)
                    .dropFirst(2))
            #expect(outcome.code == 3)
            return outcome.peak
        }
    #endif
}
