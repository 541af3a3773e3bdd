import Datasets
import Foundation
import Imaging
import Testing

@testable import Training

@Suite("Files of a run folder")
struct RunFilesTests {
    private let arguments = RunArguments([
        .init("data", .text("/data/us 30k: a #1")), .init("recipe", .text("samus")),
        .init("name", .text("no")), .init("tag", .text("1e3")), .init("date", .text("2024-01-01")),
        .init("note", .text("two\nlines \"quoted\" é \u{1}")), .init("empty", .text("")),
        .init("octal", .text("012")), .init("tilde", .text("~")), .init("time", .text("1:30")),
        .init("start", .null), .init("ema", .flag(true)), .init("epochs", .integer(-200)),
        .init("lr", .number(5e-4)), .init("tiny", .number(1e-300)), .init("whole", .number(2)),
        .init("limit", .number(.infinity)), .init("third", .number(1.0 / 3)),
        .init("freeze", .list([.text("yes"), .text("image_encoder.*"), .integer(3)])),
        .init("none", .list([])),
    ])

    @Test("args.yaml: options and their order are equal after writing and reading")
    func roundTrip() throws {
        try withTemporaryFolder { folder in
            try arguments.write(to: folder + "/args.yaml")
            #expect(try RunArguments.read(folder + "/args.yaml") == arguments)
        }
    }

    @Test("args.yaml: one line per option, quoted only where needed")
    func plain() throws {
        try withTemporaryFolder { folder in
            try arguments.write(to: folder + "/args.yaml")
            let text = try String(contentsOfFile: folder + "/args.yaml", encoding: .utf8)
            let lines = text.split(separator: "\n").map(String.init)
            #expect(lines.count == arguments.entries.count)
            #expect(lines.contains("recipe: samus") && lines.contains("name: \"no\""))
            #expect(lines.contains("lr: 0.0005") && lines.contains("epochs: -200"))
        }
    }

    @Test(
        "args.yaml: text that is not a list of options is refused",
        arguments: ["a: [1", "- 1", "a: {b: 1}", "a: 1\na: 2", "", "\u{0}"])
    func badArguments(text: String) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/args.yaml"
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: RunFolderError.self) { try RunArguments.read(path) }
        }
    }

    /// Texts that are too long for the log of a test.
    private static let hostile = [
        "brackets": String(repeating: "[", count: 500_000),
        "braces": "a: " + String(repeating: "{b: ", count: 200_000),
        "lists of lists": "a: &a [1, 2]\nb: &b [*a, *a]\nc: [*b, *b]",
        "references": "a: &a [" + String(repeating: "1, ", count: 5_000) + "1]\n"
            + (0..<5_000).map { "b\($0): *a\n" }.joined(),
    ]

    @Test(
        "args.yaml: a file designed to exhaust memory is refused", arguments: hostile.keys.sorted())
    func hostileArguments(name: String) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/args.yaml"
            let text = try #require(Self.hostile[name])
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: RunFolderError.self) { try RunArguments.read(path) }
        }
    }

    @Test("args.yaml: numbers to other bases than 10, and those that do not fit, stay text")
    func numbers() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/args.yaml"
            let texts = [
                "1:30", "9223372036854775807:59", "99999999999999999999:59:59", "1:2.5", "012",
                "0x1F", "0b1", "1_000", "9223372036854775808", "-1:9223372036854775807",
            ]
            let lines = texts.enumerated().map { "o\($0): \($1)\n" }
            try Data((lines.joined() + "a: +7\nb: -0.5\nc: 1.0e3\nd: -.inf\n").utf8)
                .write(to: URL(fileURLWithPath: path))
            let values = try RunArguments.read(path).entries.map(\.value)
            #expect(
                values == texts.map { .text($0) } + [
                    .integer(7), .number(-0.5), .number(1000), .number(-.infinity),
                ])
        }
    }

    @Test(
        "results.csv: counts that are none, and numbers that cannot be drawn, are refused",
        arguments: ["nan,0", "inf,0", "1e300,0", "-1,0", "0.5,0", "1,1e300", "1,x", "1"])
    func badRows(row: String) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/results.csv"
            try Data("step,val/dice\n\(row)\n".utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: RunFolderError.self) { try ResultsTable(reading: path) }
        }
    }

    @Test("only positions that a training can have are accepted")
    func positions() {
        #expect(TrainingPosition().isPossible(epochs: 2, batches: 3))
        var last = TrainingPosition()
        (last.epoch, last.step, last.samples) = (2, 6, 12)
        (last.best, last.bestEpoch, last.smoothedLoss) = (0.5, 1, 0.1)
        #expect(last.isPossible(epochs: 2, batches: 3))
        let changes: [(inout TrainingPosition) -> Void] = [
            { $0.epoch = -1 }, { $0.epoch = 3 }, { $0.batch = 4 }, { $0.batch = -1 },
            { $0.step = 7 }, { $0.step = .max }, { $0.samples = .max }, { $0.seconds = 1e308 },
            { $0.seconds = .nan }, { $0.seconds = -1 }, { $0.bestEpoch = 9 }, { $0.best = .nan },
            { $0.sums.steps = .max }, { $0.sums.batches = -1 }, { $0.sums.loss = .nan },
        ]
        for (index, change) in changes.enumerated() {
            var position = last
            change(&position)
            #expect(!position.isPossible(epochs: 2, batches: 3), "change \(index)")
        }
    }

    @Test("results.csv has one row per epoch; resuming removes the rows after its step")
    func results() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/results.csv"
            let columns = ["epoch", "step", "val/dice", "val/dice/A,B"]
            var table = try ResultsTable(creating: path, columns: columns)
            try table.append(["epoch": 1, "step": 100, "val/dice": 0.5])
            try table.append(["epoch": 2, "step": 200, "val/dice": .nan, "val/dice/A,B": 1e-9])
            try table.append(["epoch": 3, "step": 300, "val/dice": 2.0 / 3])
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(
                text == """
                    epoch,step,val/dice,"val/dice/A,B"
                    1,100,0.5,
                    2,200,nan,1e-09
                    3,300,0.6666667,

                    """)
            var resumed = try ResultsTable(
                resuming: path, columns: columns, keepingUpTo: 200)
            #expect(resumed.rows.count == 2)
            try resumed.append(["epoch": 3, "step": 300, "val/dice": 0.75])
            let read = try ResultsTable(reading: path)
            #expect(read.values(of: "val/dice").map(\.0) == [100, 200, 300])
            #expect(read.rows.last == [3, 300, 0.75, nil])
            #expect(throws: RunFolderError.self) {
                try ResultsTable(resuming: path, columns: ["step"], keepingUpTo: 9)
            }
            #expect(read.image() != nil)
        }
    }

    @Test("a table of a former version gets the columns that this version added")
    func addedColumns() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/results.csv"
            try Data("epoch,step,val/dice,val/iou\n1,100,0.5,0.4\n".utf8)
                .write(to: URL(fileURLWithPath: path))
            let columns = ["epoch", "step", "val/dice", "val/dice_box", "val/iou"]
            var table = try ResultsTable(resuming: path, columns: columns, keepingUpTo: 100)
            try table.append(["epoch": 2, "step": 200, "val/dice": 0.6, "val/dice_box": 0.7])
            #expect(
                try String(contentsOfFile: path, encoding: .utf8) == """
                    epoch,step,val/dice,val/dice_box,val/iou
                    1,100,0.5,,0.4
                    2,200,0.6,0.7,

                    """)
            #expect(throws: RunFolderError.self) {
                try ResultsTable(
                    resuming: path, columns: ["step", "epoch", "val/dice"], keepingUpTo: 100)
            }
        }
    }

    @Test("a validation's means are over objects that are in their images, also for each prompt")
    func validationMeans() {
        func sample(_ name: String, _ label: Int) -> Sample {
            Sample(
                dataset: "A", name: name, label: label, classes: 3, imagePath: "", labelPath: "")
        }
        func one(_ number: Int, _ strategy: PromptStrategy, _ dice: Double, _ isPresent: Bool)
            -> Validation.Case
        {
            Validation.Case(
                number: number, strategy: strategy, isPresent: isPresent, dice: dice, iou: dice / 2,
                estimate: 0)
        }
        // A network that finds nothing: 'p' has class 1 only, 'q' has both classes.
        let samples = [sample("p", 1), sample("p", 2), sample("q", 1), sample("q", 2)]
        let blind = Validation.Result(
            samples: samples,
            cases: [one(0, .box(), 0, true), one(1, .box(), 1, false), one(2, .box(), 0, true)])
        #expect(blind.meanDice == 0)
        #expect(blind.columns == ["val/dice": 0, "val/iou": 0, "val/dice/A#1": 0])
        let result = Validation.Result(
            samples: samples,
            cases: [
                one(0, .fixedClick, 0.25, true), one(0, .box(), 0.75, true),
                one(1, .fixedClick, 1, false), one(1, .box(), 0, false),
                one(3, .fixedClick, 0.5, true), one(3, .box(), 1, true),
            ])
        #expect(
            result.columns == [
                "val/dice": 0.625, "val/iou": 0.3125, "val/dice_fixed": 0.375,
                "val/dice_box": 0.875,
                "val/dice/A#1": 0.5, "val/dice/A#2": 0.75,
            ])
        let known = ResultsTable.validationColumns(
            sets: ["A#1", "A#2"], prompts: ["fixed", "box"])
        #expect(Set(result.columns.keys) == Set(known))
    }

    @Test("results.csv of version 0.1 is read: its column pictures_per_s is images_per_s now")
    func formerColumn() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/results.csv"
            try Data("step,pictures_per_s\n100,2.5\n".utf8).write(to: URL(fileURLWithPath: path))
            let table = try ResultsTable(
                resuming: path, columns: ["step", "images_per_s"], keepingUpTo: 100)
            #expect(table.row(0) == ["step": 100, "images_per_s": 2.5])
        }
    }

    @Test("run.json is equal after writing and reading, and states the intended use")
    func record() throws {
        try withTemporaryFolder { folder in
            var record = RunRecord(seed: .max, dataHash: "ab", versions: ["samus": "0.1"])
            record.resumes.append(RunRecord.Resume(step: 30))
            record.ended = Date(timeIntervalSince1970: 1_700_000_000)
            try record.write(to: folder + "/run.json")
            #expect(try RunRecord.read(folder + "/run.json") == record)
            let text = try String(contentsOfFile: folder + "/run.json", encoding: .utf8)
            #expect(text.contains(ResearchNotice.text) && text.contains("2023-11-14T22:13:20Z"))
            #expect(record.machine.cores > 0 && record.machine.memory > 1 << 20)
        }
    }

    @Test("run.json without a seed is refused with the name of the key")
    func badRecord() throws {
        try withTemporaryFolder { folder in
            try Data("{\"notice\": \"x\"}".utf8).write(
                to: URL(fileURLWithPath: folder + "/run.json"))
            let error = try #require(throws: RunFolderError.self) {
                try RunRecord.read(folder + "/run.json")
            }
            #expect("\(error)".contains("'seed' is missing"))
        }
    }

    @Test("model_card.md has a header for Hugging Face, tables and the intended use")
    func card() throws {
        try withTemporaryFolder { folder in
            let card = ModelCard(
                name: "exp: small", summary: "A small SAMUS.", licence: "CC-BY-NC-4.0",
                start: "LiteMedSAM's decoder",
                data: [
                    .init(
                        name: "BUSI", images: [("train", 500), ("val", 60)], licence: "CC BY 4.0"),
                    .init(name: "a|b", images: []),
                ],
                recipe: [("epochs", "20")],
                figures: [
                    .init(data: "BUSI: val", prompt: "one click", metric: "Dice", value: 0.81234)
                ],
                limits: ["Small."])
            try card.write(to: folder + "/model_card.md")
            let text = try String(contentsOfFile: folder + "/model_card.md", encoding: .utf8)
            for words in [
                "---\nlicense: cc-by-nc-4.0\n", "pipeline_tag: image-segmentation", "value: 0.8123",
                "**Research use only, not a medical device.**",
                "| BUSI | 500 train, 60 val | CC BY 4.0 |", "a\\|b", "- Small.",
                "| BUSI: val | one click | Dice | 0.8123 |",
            ] {
                #expect(text.contains(words), "\(words)")
            }
        }
    }

    @Test("per_case.csv: fields with commas are quoted")
    func cases() throws {
        try withTemporaryFolder { folder in
            var cases = CaseTable(columns: ["name", "dice"])
            cases.append(["BUSI/benign (1), left", "0.5"])
            try cases.write(to: folder + "/per_case.csv")
            #expect(
                try String(contentsOfFile: folder + "/per_case.csv", encoding: .utf8)
                    == "name,dice\n\"BUSI/benign (1), left\",0.5\n")
        }
    }
}
