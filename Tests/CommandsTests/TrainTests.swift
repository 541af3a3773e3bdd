import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite("samus train, as a user runs it", .serialized)
struct TrainTests {
    private let scratch: Scratch
    private let samus = Program()
    private let root: String

    init() throws {
        scratch = try Scratch()
        root = scratch.path("data")
        try MadeUpData.write(to: URL(filePath: root), train: 6, val: 2)
    }

    /// A network small enough for a test, two epochs of three steps.
    private func arguments(_ name: String, _ more: String...) -> [String] {
        [
            "train", "--data", root, "--recipe", "full", "--network", "samus", "--width", "16",
            "--depth", "2", "--heads", "2", "--global-blocks", "1", "--epochs", "2", "--batch", "2",
            "--prompts", "click,box,corrections:1", "--project", scratch.path("runs"), "--name",
            name, "--deterministic", "--keep-every", "0", "--ema", "0.9", "--clip", "1",
        ] + more
    }

    private func run(_ arguments: [String]) throws -> Program.Outcome {
        try samus.start(arguments).outcome()
    }

    private func weights(_ name: String, _ file: String = "last") throws -> Checkpoint {
        try Checkpoint.read(scratch.path("runs/\(name)/weights/\(file).safetensors"))
    }

    @Test("killed at any moment it goes on to the same bits, and leaves what it promises")
    func resumed() throws {
        let whole = try run(arguments("whole"))
        #expect(whole.code == 0, "\(whole.errors)")
        #expect(whole.output.contains("finished after 2 epochs, 6 steps"))
        #expect(whole.output.contains("research use only, not a medical device"))

        let running = try samus.start(arguments("killed"))
        let state = scratch.path("runs/killed/weights/state.safetensors")
        let deadline = Date().addingTimeInterval(120)
        while !FileManager.default.fileExists(atPath: state), Date() < deadline {
            usleep(2000)
        }
        kill(running.process.processIdentifier, SIGKILL)
        #expect(running.outcome().code == 9)
        let resumed = try run(["train", "--resume", scratch.path("runs/killed")])
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(resumed.output.contains("goes on at step"))
        for file in ["last", "best"] {
            #expect(try weights("killed", file).sha256 == weights("whole", file).sha256)
        }
        let rows = try ["whole", "killed"].map { name in
            try String(contentsOfFile: scratch.path("runs/\(name)/results.csv"), encoding: .utf8)
                .split(separator: "\n").map {
                    $0.split(separator: ",").prefix(9).enumerated()
                        .filter { $0.offset != 2 }.map(\.element)
                }
        }
        #expect(rows[0] == rows[1])
        #expect(rows[0].count == 3)

        let files = Set(scratch.files("runs/killed"))
        for file in [
            "args.yaml", "results.csv", "results.png", "run.json", "summary.json", "per_case.csv",
            "model_card.md", "train_batch0.png", "val_pred_worst.png", "val_pred_median.png",
            "val_pred_best.png", "weights/best.safetensors", "weights/last.safetensors",
        ] {
            #expect(files.contains(file), "\(file)")
        }
        #expect(files.filter { $0.hasPrefix("events.out.tfevents.") }.count == 2)

        let best = try weights("whole", "best")
        #expect(best.metadata["samus.kind"] == "SAMUS")
        #expect(best.metadata["samus.prompts"] == "box,click,mask")
        #expect(best.metadata["samus.origin"]?.contains("not trained") == false)
        let drawn = try samus(
            "segment", root + "/Disc/img/p6.png", "--point", "20,20", "--model",
            scratch.path("runs/whole/weights/best.safetensors"), "--output", scratch.path("drawn"))
        #expect(drawn.code == 0, "\(drawn.errors)")
        #expect(!drawn.errors.contains("outside"))
    }

    @Test("Ctrl-C keeps the state; a run is not replaced, nor taken twice")
    func interrupted() throws {
        let running = try samus.start(arguments("stopped", "--epochs", "500"))
        let state = scratch.path("runs/stopped/weights/state.safetensors")
        let deadline = Date().addingTimeInterval(120)
        while !FileManager.default.fileExists(atPath: state), Date() < deadline {
            usleep(2000)
        }
        let twice = try run(["train", "--resume", scratch.path("runs/stopped")])
        #expect(twice.code != 0)
        kill(running.process.processIdentifier, SIGINT)
        let outcome = running.outcome()
        #expect(outcome.code == 130, "\(outcome.errors)")
        #expect(outcome.output.contains("--resume"))
        let again = try run(arguments("stopped"))
        #expect(again.code != 0)
        #expect(FileManager.default.fileExists(atPath: state))
    }

    @Test("a dry run says what would be trained and writes nothing")
    func dryRun() throws {
        let outcome = try run(arguments("dry", "--dry-run"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("3 batches of 2 an epoch"))
        #expect(scratch.files("runs").isEmpty)
    }

    @Test(
        "what cannot be trained is refused with what is needed",
        arguments: [
            (["--recipe", "samus"], 64, "--data"),
            (["--data", "nowhere", "--recipe", "full", "--network", "samus"], 66, "nowhere"),
            (["--data", "ROOT", "--recipe", "full"], 64, "--network or --from"),
            (["--data", "ROOT", "--recipe", "decoder", "--from", "nothing.pth"], 69, "no model"),
            (
                ["--data", "ROOT", "--recipe", "full", "--network", "samus", "--prompts", "stare"],
                64, "is no prompt"
            ),
            (
                ["--data", "ROOT", "--recipe", "full", "--network", "samus", "--sets", "Heart"], 66,
                "Heart"
            ),
            (
                [
                    "--data", "ROOT", "--recipe", "full", "--network", "samus", "--width", "16",
                    "--depth", "2", "--prompts", "none",
                ], 64, "only AutoSAMUS"
            ),
            (["--resume", "nowhere"], 66, "nowhere"),
            (
                [
                    "--data", "ROOT", "--recipe", "full", "--network", "samus", "--width", "16",
                    "--depth", "2", "--validate", "none",
                ], 64, "needs a prompt"
            ),
            (
                [
                    "--data", "ROOT", "--recipe", "decoder", "--network", "samus", "--width", "16",
                    "--depth", "2", "--teacher", "litemedsam",
                ], 69, "could not teach"
            ),
            (["--data", "ROOT", "--network", "samus", "--embeddings-limit", "inf"], 64, "GB"),
            (["--data", "ROOT", "--network", "samus", "--divergence=-1"], 64, "--divergence"),
            (["--data", "ROOT", "--network", "samus", "--patience", "0"], 64, "--patience"),
        ])
    func refused(_ given: [String], code: Int32, words: String) throws {
        let arguments = given.map { $0 == "ROOT" ? root : $0 }
        let outcome = try run(["train"] + arguments + ["--project", scratch.path("runs")])
        #expect(outcome.code == code, "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path("runs/exp")))
    }

    @Test("what the result does not depend on may change when it goes on, the rest is refused")
    func otherOptions() throws {
        let begun = try run(arguments("changed", "--time-limit", "0", "--continue"))
        #expect(begun.code == 0, "\(begun.errors)")
        #expect(begun.output.contains("time limit after"))
        let files = scratch.files("runs/changed/weights")
        #expect(files == ["last.safetensors", "state.safetensors"])
        let folder = scratch.path("runs/changed")
        let rate = try run(["train", "--resume", folder, "--learning-rate", "1e-5"])
        #expect(rate.code == 64)
        #expect(rate.errors.contains("--learning-rate cannot change"), "\(rate.errors)")
        let usual = try run([
            "train", "--resume", folder, "--ema", "0.999", "--learning-rate", "5e-4",
        ])
        #expect(usual.code == 64)
        #expect(usual.errors.contains("--ema cannot change"), "\(usual.errors)")
        let onward = try run(arguments("changed", "--continue", "--workers", "1"))
        #expect(onward.code == 0, "\(onward.errors)")
        #expect(onward.output.contains("goes on at step"))
        #expect(onward.output.contains("finished after 2 epochs, 6 steps"))
    }

    @Test("a loss that is not a number stops it; the images are named, no ruined state stays")
    func notFinite() throws {
        let outcome = try run(arguments("nan", "--learning-rate", "1e30"))
        #expect(outcome.code == 69, "\(outcome.errors)")
        #expect(outcome.errors.contains("is not a finite number"))
        #expect(outcome.errors.contains("Disc/p"))
        // The only state was that of the step which lost the loss: it is no state to go on from.
        #expect(scratch.files("runs/nan/weights").isEmpty)
    }
}
