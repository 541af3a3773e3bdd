import FileIO
import Foundation
import Testing

/// `Studies/smoke.yaml` from its start to its end, and studies that are wrong or stopped.
@Suite("samus reproduce runs a study", .serialized)
struct ReproduceTests {
    private static let smoke = Program.package.appending(path: "Studies/smoke.yaml").path
    private static let data = Program.package.appending(path: "Tests/Fixtures/study").path

    private let scratch: Scratch
    private let samus = Program()

    init() throws {
        scratch = try Scratch()
    }

    /// A study of the baselines, which needs seconds.
    private func baselines(_ added: String = "") throws -> String {
        try scratch.write(
            Data("study: b\ndata: {sets: [Disc, Ring]}\n\(added)".utf8), "b.yaml")
    }

    private func run(_ study: String, _ options: String...) throws -> Program.Outcome {
        try samus.start(
            ["reproduce", study, "--data", Self.data, "--output", scratch.path("out")] + options
        ).outcome()
    }

    /// A limit against hangs only: the study takes one to two minutes on two cores.
    @Test(
        "the smoke study ends with all tables; the same command then runs nothing",
        .timeLimit(.minutes(20)))
    func smoke() throws {
        let folder = scratch.path("out")
        let outcome = try samus("reproduce", Self.smoke, "--output", folder, "--threads", "2")
        try #require(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("[17/17] evaluate small SAMUS"))
        #expect(outcome.output.contains("research use only, not a medical device"))
        let results = Set(scratch.files("out/results"))
        for name in [
            "results.md", "tables.tex", "statistics.csv", "per_case.csv", "costs.csv",
            "ranks-task-specific-prompted.png", "ranks-universal-prompted.svg",
            "differences-generalization-Disc.png",
        ] { #expect(results.contains(name)) }
        let rows = CSV.rows(
            try String(contentsOfFile: "\(folder)/results/statistics.csv", encoding: .utf8))
        // 5 rows in three tasks; 6 in three tasks; 6 in one task; four metrics.
        #expect(rows.count == 1 + 4 * (3 * 5 + 3 * 6 + 1 * 6))
        let costs = CSV.rows(
            try String(contentsOfFile: "\(folder)/results/costs.csv", encoding: .utf8))
        let network = try #require(costs.first { $0[0] == "CA-Net" })
        #expect(network[1] == "2785610" && network[2] == "5.5")
        // More than the program itself, less than a machine.
        #expect(try (100_000_000...8_000_000_000).contains(#require(Int(network[4]))))

        let again = try samus("reproduce", Self.smoke, "--output", folder, "--threads", "1")
        #expect(again.code == 0 && !again.errors.contains("["))
        let list = try samus("reproduce", Self.smoke, "--output", folder, "--dry-run")
        #expect(list.output.contains("17 of 17 jobs done"))
    }

    @Test("a study without training needs no libtorch, and shards share the work")
    func shards() throws {
        let study = try baselines()
        let first = try run(study, "--shard", "1/2")
        #expect(first.code == 0, "\(first.errors)")
        #expect(first.output.contains("left to other processes"))
        #expect(!FileManager.default.fileExists(atPath: scratch.path("out/results")))
        let second = try run(study, "--shard", "2/2")
        #expect(second.code == 0 && second.output.contains("results.md"))
        let started =
            first.errors.components(separatedBy: "] evaluate").count
            + second.errors.components(separatedBy: "] evaluate").count - 2
        #expect(started == 4)
    }

    @Test("a changed line repeats only what depends on it")
    func changed() throws {
        #expect(try run(baselines()).code == 0)
        let more = try run(
            baselines("models: {filled box: {model: filled-box, prompts: [box, 'box:10%']}}\n"))
        #expect(more.code == 0)
        #expect(more.errors.contains("[1/4] evaluate filled box on Disc"))
        #expect(!more.errors.contains("ellipse"))
        let table = try String(
            contentsOfFile: scratch.path("out/results/results.md"), encoding: .utf8)
        #expect(table.contains("| filled box | box grown by 10% | yes |"))
    }

    @Test("a job that fails is named with its log, and the others are done")
    func failure() throws {
        let copy = scratch.url.appending(path: "data")
        try FileManager.default.copyItem(at: URL(filePath: Self.data), to: copy)
        let study = try baselines()
        // A label whose size is not that of its image.
        try FileManager.default.removeItem(at: copy.appending(path: "Ring/label/ring12.png"))
        try FileManager.default.copyItem(
            at: Program.frame, to: copy.appending(path: "Ring/label/ring12.png"))
        let outcome = try samus(
            "reproduce", study, "--data", copy.path, "--output", scratch.path("out"))
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("failed: evaluate filled box on Ring, exit code 1"))
        #expect(outcome.errors.contains("2 jobs failed"))
        let tables = try samus(
            "reproduce", study, "--data", copy.path, "--output", scratch.path("out"), "--tables")
        #expect(tables.code == 0 && tables.output.contains("(incomplete)"))
    }

    @Test("a job that another process runs is left to it")
    func locked() throws {
        let study = try baselines()
        let list = try run(study, "--dry-run").output
        let line = try #require(list.split(separator: "\n").first { $0.contains("box on Disc") })
        let id = try #require(line.split(separator: " ").last)
        try FileManager.default.createDirectory(
            atPath: scratch.path("out/jobs"), withIntermediateDirectories: true)
        let lock = try FileLock(scratch.path("out/jobs/\(id).lock"))
        let outcome = try run(study)
        #expect(outcome.code == 0 && outcome.output.contains("1 job of the study"))
        withExtendedLifetime(lock) {}
    }

    @Test("Ctrl-C ends the job and the study, which then goes on", .timeLimit(.minutes(20)))
    func interrupted() throws {
        let text = """
            study: t
            data: {sets: [Disc]}
            networks: {CA: {network: canet, options: {batch: 2}}}
            training: {budget: {epochs: 50}}
            """
        let study = try scratch.write(Data(text.utf8), "t.yaml")
        let arguments = [
            "reproduce", study, "--data", Self.data, "--output", scratch.path("out"),
        ]
        let running = try samus.start(arguments)
        let log = scratch.url.appending(path: "out/train")
        // Until the first checkpoint of the run.
        while running.process.isRunning,
            !scratch.files("out/train").contains(where: {
                $0.hasSuffix("weights/last.safetensors")
            })
        { usleep(100_000) }
        kill(running.process.processIdentifier, SIGINT)
        let outcome = running.outcome()
        #expect(outcome.code == 130, "\(outcome.errors)")
        #expect(outcome.errors.contains("the same command continues the study"))
        let runs = try FileManager.default.contentsOfDirectory(atPath: log.path)
        #expect(runs.count == 1)
        // A shorter budget is another job: it would start anew, so the same study is only listed.
        let list = try samus.start(arguments + ["--dry-run"]).outcome()
        #expect(list.output.contains("to do  train CA on Disc, seed 0"))
        #expect(list.output.contains("2 of 4 jobs done"))
        // The next start resumes the run.
        let next = try samus.start(arguments)
        let file = scratch.url.appending(path: "out/logs/\(runs[0]).log")
        while next.process.isRunning,
            (try? String(contentsOf: file, encoding: .utf8))?.contains("resuming at step") != true
        { usleep(100_000) }
        kill(next.process.processIdentifier, SIGINT)
        #expect(next.outcome().code == 130)
        #expect(try String(contentsOf: file, encoding: .utf8).contains("resuming at step"))
    }

    @Test("what is missing, unknown or wrong is said before anything runs")
    func refusals() throws {
        let cases: [(text: String, code: Int32, message: String)] = [
            ("colour: 1", 64, "line 3: there is no key 'colour'"),
            ("models: {X: {model: none.pth}}", 66, "weights 'none.pth': no such model or file"),
            (
                "networks: {A: {network: canet, options: {batsh: 2}}}", 64,
                "line 3 of the study: samus train has no option '--batsh'"
            ),
        ]
        for one in cases {
            let outcome = try run(try baselines(one.text))
            #expect(outcome.code == one.code, "\(outcome.errors)")
            #expect(outcome.errors.contains(one.message), "\(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: scratch.path("out")))
        }
        let paper = try samus(
            "reproduce", Program.package.appending(path: "Studies/us30k.yaml").path, "--data",
            Self.data, "--output", scratch.path("out"))
        #expect(paper.code == 66)
        for part in ["sam_vit_b_01ec64.pth", "ThyroidNodule-TN3K", "Echocardiography-HMCQU"] {
            #expect(paper.errors.contains(part), "\(paper.errors)")
        }
        #expect(try samus("reproduce", "/none.yaml").code == 66)
    }
}
