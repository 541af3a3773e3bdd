import Foundation
import Imaging
import TestSupport
import Testing

@Suite(
    "Files that belong together are never mixed: killed, or an error, at any rename",
    .enabled(if: Preload.isAvailable, "no C compiler for the preloaded library"), .serialized)
struct TransactionTests {
    private let scratch: Scratch
    private let preload: Preload
    private let samus = Program()

    init() throws {
        scratch = try Scratch()
        preload = try Preload(in: scratch)
    }

    /// The content of every file of a folder, hidden ones too.
    private func contents(_ folder: String) throws -> [String: Data] {
        try Dictionary(
            uniqueKeysWithValues: scratch.files(folder).map {
                ($0, try Data(contentsOf: scratch.url.appending(path: "\(folder)/\($0)")))
            })
    }

    /// Runs a command with each action at each rename, from the first to the last one.
    ///
    /// - Parameters:
    ///   - exchanges: whether the file system seems able to exchange names.
    ///   - prepare: makes the state before the run.
    ///   - run: the command.
    ///   - check: checks the state after it; gets a text that names the action.
    /// - Throws: errors of the three.
    private func atEveryRename(
        exchanges: Bool = true, prepare: () throws -> Void,
        run: (Program) throws -> Program.Outcome, check: (Program.Outcome, String) throws -> Void
    ) throws {
        func runs(_ action: Preload.Action, at number: Int) throws -> Program.Outcome {
            try prepare()
            let outcome = try run(preload.samus(action, at: number, exchanges: exchanges))
            try check(outcome, "\(action.rawValue) at rename \(number): \(outcome.errors)")
            return outcome
        }
        var renames = 0
        while try runs(.kill, at: renames + 1).code != 0 {
            renames += 1
            try #require(renames < 40)
        }
        #expect(renames > 1)
        for number in 1...max(renames, 1) {
            #expect(try runs(.failOn, at: number).code == 73)
            _ = try runs(.fail, at: number)
        }
    }

    private func makeSource() throws {
        let masks: [String: [UInt8]] = [
            "a": [0, 1, 0, 0], "b": [0, 0, 1, 0], "c": [1, 0, 0, 0],
        ]
        for (name, mask) in masks {
            for (folder, values) in [("original", [1, 2, 3, mask[0]]), ("GT", mask)] {
                let image = Image(width: 2, height: 2, channels: 1, pixels: values)
                try scratch.write(image.encodedPNG(), "source/\(folder)/\(name).png")
            }
        }
    }

    private func copy(_ folder: String, to other: String) throws {
        let target = scratch.url.appending(path: other)
        try? FileManager.default.removeItem(at: target)
        try FileManager.default.copyItem(at: scratch.url.appending(path: folder), to: target)
    }

    @Test("split --force: all lists are old or all are new, and nothing is left")
    func split() throws {
        try MadeUpData.write(to: scratch.url.appending(path: "before"), train: 12, val: 0)
        #expect(try samus("data", "split", scratch.path("before"), "--force").code == 0)
        try copy("before", to: "after")
        let seed = ["--force", "--seed", "3"]
        #expect(
            try samus.start(["data", "split", scratch.path("after")] + seed).outcome().code == 0)
        let (old, new) = (try contents("before"), try contents("after"))
        #expect(old != new)
        try atEveryRename {
            try copy("before", to: "root")
        } run: { samus in
            try samus.start(["data", "split", scratch.path("root")] + seed).outcome()
        } check: { outcome, place in
            // The next start of any command that reads the lists completes what was begun.
            let checked = try samus("data", "check", scratch.path("root"))
            #expect(checked.code == 0, "\(place)\n\(checked.output)")
            let found = try contents("root")
            #expect(found == new || outcome.code != 0 && found == old, "\(place)")
        }
    }

    @Test(
        "import --force: the dataset and its lists are old or new together, and nothing is left",
        arguments: [true, false])
    func importing(exchanges: Bool) throws {
        try makeSource()
        let arguments = ["data", "import", "udiat", scratch.path("source")]
        func run(_ samus: Program, _ root: String) throws -> Program.Outcome {
            try samus.start(arguments + [scratch.path(root), "--force"]).outcome()
        }
        #expect(try run(samus, "before").code == 0)
        try FileManager.default.removeItem(atPath: scratch.path("source/original/b.png"))
        try FileManager.default.removeItem(atPath: scratch.path("source/GT/b.png"))
        try copy("before", to: "after")
        #expect(try run(samus, "after").code == 0)
        let (old, new) = (try contents("before"), try contents("after"))
        #expect(old != new)
        try atEveryRename(exchanges: exchanges) {
            try copy("before", to: "root")
        } run: { samus in
            try run(samus, "root")
        } check: { outcome, place in
            #expect(try samus("data", "check", scratch.path("root")).code <= 1, "\(place)")
            let found = try contents("root")
            #expect(found == new || outcome.code != 0 && found == old, "\(place)")
        }
    }

    @Test("segment --force: mask and JSON are of the same run")
    func segment() throws {
        let frame = try scratch.write(Data(contentsOf: Program.frame), "a.png")
        func run(_ samus: Program, _ box: String) throws -> Program.Outcome {
            try samus(
                "segment", frame, "--box", box, "-o", scratch.path("out"), "--force", "--format",
                "png,json")
        }
        func area() throws -> Int {
            struct Record: Decodable {
                struct Mask: Decodable { let pixel_area: Int }
                let masks: [Mask]
            }
            let json = try Data(contentsOf: scratch.url.appending(path: "out/a.json"))
            return try #require(
                try JSONDecoder().decode(Record.self, from: json).masks.first?.pixel_area)
        }
        #expect(try run(samus, "150,48,208,140").code == 0)
        try FileManager.default.moveItem(
            atPath: scratch.path("out"), toPath: scratch.path("before"))
        try atEveryRename {
            try copy("before", to: "out")
        } run: { samus in
            try run(samus, "140,40,180,120")
        } check: { _, place in
            if scratch.files("out").contains(where: { $0.hasPrefix(".") }) {
                // Refused, as the results exist, but completed first.
                let next = try samus(
                    "segment", frame, "--box", "1,1,9,9", "-o", scratch.path("out"))
                #expect(next.code == 73)
            }
            let mask = try Mask.read(scratch.path("out/a.mask.png"))
            let stated = try area()
            #expect(mask.area == stated, "\(place)")
            #expect(scratch.files("out") == ["a.json", "a.mask.png"], "\(place)")
        }
    }

    @Test("evaluate --force: all files of the report are of the same run")
    func evaluate() throws {
        let drawn = try DrawnData(at: scratch.url.appending(path: "data"))
        func run(_ samus: Program, _ more: [String]) throws -> Program.Outcome {
            try samus.start(
                [
                    "evaluate", "--data", drawn.root.path, "--output", scratch.path("out"),
                    "--model", "filled-box", "--force",
                ] + more
            ).outcome()
        }
        /// How many images each file of the report is about.
        func counts() throws -> [Int] {
            struct Report: Decodable {
                struct Data: Decodable { let images: Int }
                let data: Data
            }
            let files = try contents("out")
            let rows = String(decoding: try #require(files["per_case.csv"]), as: UTF8.self)
                .split(separator: "\n").dropFirst()
                .map { $0.split(separator: ",").prefix(2).joined(separator: "/") }
            let markdown = String(decoding: try #require(files["report.md"]), as: UTF8.self)
            let stated = try #require(markdown.firstMatch(of: #/, ([0-9]+) images?/#))
            let report = try JSONDecoder().decode(
                Report.self, from: try #require(files["report.json"]))
            return [Set(rows).count, try #require(Int(stated.1)), report.data.images]
        }
        #expect(try run(samus, []).code == 0)
        #expect(try counts() == [6, 6, 6])
        try copy("out", to: "before")
        try atEveryRename {
            try copy("before", to: "out")
        } run: { samus in
            try run(samus, ["--limit", "1"])
        } check: { _, place in
            _ = try samus(
                "evaluate", "--data", drawn.root.path, "--output", scratch.path("out"), "--model",
                "filled-box")
            let found = try counts()
            #expect(found == [6, 6, 6] || found == [1, 1, 1], "\(place)")
            #expect(!scratch.files("out").contains { $0.hasPrefix(".") }, "\(place)")
        }
    }

    @Test("imports into one root at the same time all keep their lines")
    func parallelImports() throws {
        try makeSource()
        let running = try (0..<6).map { index in
            try samus.start(
                ["data", "import", "udiat", scratch.path("source"), scratch.path("root")]
                    + ["--name", "Set\(index)"])
        }
        for run in running {
            let outcome = run.outcome()
            #expect(outcome.code == 0, "\(outcome.errors)")
        }
        let list = try String(
            contentsOfFile: scratch.path("root/MainPatient/train.txt"), encoding: .utf8)
        for index in 0..<6 {
            #expect(list.split(separator: "\n").count { $0.contains("Set\(index)/") } == 3)
        }
        let classes = try Data(
            contentsOf: scratch.url.appending(path: "root/MainPatient/class.json"))
        #expect(try JSONDecoder().decode([String: Int].self, from: classes).count == 6)
        #expect(!scratch.files("root").contains { $0.contains("/.") || $0.hasPrefix(".") })
    }

    @Test("a split and an import at the same time both keep their lines")
    func splitDuringImport() throws {
        try makeSource()
        try MadeUpData.write(to: scratch.url.appending(path: "root"), train: 12, val: 0)
        let root = scratch.path("root")
        let running = [
            try samus.start(["data", "split", root, "--set", "Disc", "--force"]),
            try samus.start(["data", "import", "udiat", scratch.path("source"), root]),
        ]
        for run in running {
            let outcome = run.outcome()
            #expect(outcome.code == 0, "\(outcome.errors)")
        }
        let all = try ["train", "val", "test"].map {
            try String(contentsOfFile: "\(root)/MainPatient/\($0).txt", encoding: .utf8)
        }.joined()
        #expect(all.split(separator: "\n").count { $0.contains("Disc/") } == 12)
        #expect(all.split(separator: "\n").count { $0.contains("Breast-UDIAT/") } == 3)
    }

    @Test("of two runs on one image without --force, one writes all results and one is refused")
    func parallelSegments() throws {
        let frame = try scratch.write(Data(contentsOf: Program.frame), "a.png")
        let running = try ["150,48,208,140", "140,40,180,120"].map { box in
            try samus.start(
                ["segment", frame, "--box", box, "-o", scratch.path("out"), "--format", "png,json"])
        }
        let codes = running.map { $0.outcome().code }.sorted()
        // 1: the image failed because its results exist; 73: they existed before the start.
        #expect(codes[0] == 0)
        #expect([1, 73].contains(codes[1]))
        #expect(scratch.files("out") == ["a.json", "a.mask.png"])
    }

    @Test("an evaluation into a folder that another evaluation writes names that process")
    func lockedReport() throws {
        let drawn = try DrawnData(at: scratch.url.appending(path: "data"))
        try scratch.write([], "out/x")
        let lock = open(scratch.path("out/.samus.lock"), O_RDWR | O_CREAT, 0o666)
        try #require(flock(lock, LOCK_EX | LOCK_NB) == 0)
        let holder = "process 77 on node\n"
        try #require(write(lock, holder, holder.utf8.count) == holder.utf8.count)
        let outcome = try samus(
            "evaluate", "--data", drawn.root.path, "--output", scratch.path("out"), "--model",
            "filled-box")
        close(lock)
        #expect(outcome.code == 73)
        #expect(outcome.errors.contains("another process writes to it (process 77 on node)"))
    }
}
