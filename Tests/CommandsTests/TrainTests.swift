import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite("samus train", .serialized)
struct TrainTests {
    private let scratch: Scratch
    private let samus = Program()
    private let root: String

    init() throws {
        scratch = try Scratch()
        root = scratch.path("data")
        try MadeUpData.write(to: URL(filePath: root), train: 6, val: 2)
    }

    /// Options of a small network, two epochs of three steps.
    private func arguments(_ name: String, _ more: String...) -> [String] {
        [
            "train", "--data", root, "--recipe", "full", "--network", "samus", "--width", "16",
            "--depth", "2", "--heads", "2", "--global-blocks", "1", "--epochs", "2", "--batch", "2",
            "--prompts", "click,box,corrections:1", "--project", scratch.path("runs"), "--name",
            name, "--deterministic", "--save-every", "0", "--ema", "0.9", "--clip", "1",
        ] + more
    }

    private func run(_ arguments: [String]) throws -> Program.Outcome {
        try samus.start(arguments).outcome()
    }

    private func weights(_ name: String, _ file: String = "last") throws -> Checkpoint {
        try Checkpoint.read(scratch.path("runs/\(name)/weights/\(file).safetensors"))
    }

    @Test("--select chooses the best weights by a prompt's column; --resume alone means the latest")
    func select() throws {
        let refused = try run(arguments("none", "--select", "val/dice_boxes"))
        #expect(refused.code == 64)
        #expect(
            refused.errors.contains("val/dice, val/dice_fixed, val/dice_box, val/iou"),
            "\(refused.errors)")
        let outcome = try run(arguments("boxes", "--select", "val/dice_box"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("; best val/dice_box "))
        let path = scratch.path("runs/boxes/results.csv")
        let table = try String(contentsOfFile: path, encoding: .utf8)
        #expect(table.contains("val/dice,val/dice_fixed,val/dice_box,val/iou,"))
        let again = try run(["train", "--project", scratch.path("runs"), "--resume"])
        #expect(again.code == 0, "\(again.errors)")
        #expect(again.output.contains("finished after 2 epochs, 6 steps"))
    }

    @Test("a run that was killed is resumed bit for bit, and its folder has all files")
    func resumed() throws {
        let whole = try run(arguments("whole"))
        #expect(whole.code == 0, "\(whole.errors)")
        #expect(whole.output.contains("finished after 2 epochs, 6 steps"))
        #expect(whole.output.contains("research use only, not a medical device"))

        try killAfterCheckpoint("killed")
        let resumed = try run(["train", "--resume", scratch.path("runs/killed")])
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(resumed.output.contains("resuming at step"))
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

        let options = try String(
            contentsOfFile: scratch.path("runs/whole/args.yaml"), encoding: .utf8)
        for line in [
            "network: samus", "weight-decay: 0.0", "iou-loss: 0.1", "variants: 0", "threads: 1",
            "prompts: \"click,box,corrections:1\"", "validation-prompts: \"fixed,box\"",
        ] {
            #expect(options.contains(line + "\n"), "\(line)\n\(options)")
        }

        let best = try weights("whole", "best")
        #expect(best.metadata["samus.kind"] == "SAMUS")
        #expect(best.metadata["samus.prompts"] == "box,click,mask")
        #expect(best.metadata["samus.origin"]?.contains("not trained") == false)
        let drawn = try samus(
            "segment", root + "/Disc/img/p6.png", "--point", "20,20", "--model",
            scratch.path("runs/whole/weights/best.safetensors"), "--output", scratch.path("drawn"))
        #expect(drawn.code == 3, "two epochs on six discs find none: \(drawn.errors)")
        #expect(!drawn.errors.contains("outside"))
    }

    /// Starts a run and kills it between its first checkpoint and its end.
    private func killAfterCheckpoint(_ name: String) throws {
        // A run that ends before the signal arrives is started again.
        for _ in 0..<5 {
            let running = try samus.start(arguments(name, "--force"))
            try waitForCheckpoint(name, of: running)
            kill(running.process.processIdentifier, SIGKILL)
            if running.outcome().code == SIGKILL { return }
        }
        Issue.record("no run was killed before its end")
    }

    /// Waits until a run has written a checkpoint, or has ended.
    @discardableResult
    private func waitForCheckpoint(_ name: String, of running: Program.Running) throws -> String {
        let state = scratch.path("runs/\(name)/weights/state.safetensors")
        while !FileManager.default.fileExists(atPath: state), running.process.isRunning {
            usleep(2000)
        }
        try #require(FileManager.default.fileExists(atPath: state), "no checkpoint was written")
        return state
    }

    @Test("Ctrl-C leaves a checkpoint; a run is not replaced, nor opened twice")
    func interrupted() throws {
        let running = try samus.start(arguments("stopped", "--epochs", "500"))
        let state = try waitForCheckpoint("stopped", of: running)
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

    @Test(
        "a damaged state and hostile files of a run folder are refused by name; a state with a way out"
    )
    func hostileFolder() throws {
        let begun = try run(arguments("run", "--time-limit", "0"))
        #expect(begun.code == 0, "\(begun.errors)")
        let folder = scratch.path("runs/run")
        let statePath = "\(folder)/weights/state.safetensors"
        let whole = try Data(contentsOf: URL(filePath: statePath))
        let state = try Checkpoint.read(try scratch.write(whole, "state.safetensors"))
        let key = "samus.training.progress"
        let position = try #require(state.metadata[key])
        func expectDamaged(_ what: String) throws {
            let outcome = try run(["train", "--resume", folder])
            #expect(outcome.code == 69, "\(what): \(outcome.errors)")
            #expect(
                outcome.errors.contains("weights/state.safetensors' is damaged"),
                "\(what): \(outcome.errors)")
            #expect(outcome.errors.contains("--from '"), "\(what): \(outcome.errors)")
            #expect(outcome.errors.contains("weights/last.safetensors'"))
        }
        for (field, value) in [
            ("batch", "-1"), ("batch", "4000000"), ("epoch", "9223372036854775807"),
            ("epoch", "-3"), ("step", "9223372036854775807"), ("samples", "-1"),
            ("samples", "9223372036854775807"), ("seconds", "1e308"), ("seconds", "-1"),
            ("best_epoch", "-1"), ("best_epoch", "77"), ("epoch", "1e308"), ("sums", "[]"),
        ] {
            let pattern = try Regex("\"\(field)\":[^,{}]*(?=[,}])|\"sums\":\\{[^}]*\\}")
            let changed =
                field == "best_epoch"
                ? "{\"best_epoch\":\(value)," + position.dropFirst()
                : position.replacing(pattern) { match in
                    match.0.hasPrefix("\"\(field)\"") ? "\"\(field)\":\(value)" : "\(match.0)"
                }
            #expect(changed != position)
            var metadata = state.metadata
            metadata[key] = changed
            let tensors = state.names.compactMap { name in state[name].map { (name, $0) } }
            let copy = scratch.path("copy.safetensors")
            try Safetensors.write(tensors, metadata: metadata, to: copy)
            try Data(contentsOf: URL(filePath: copy)).write(to: URL(filePath: statePath))
            try expectDamaged("\(field): \(value)")
        }
        try whole.prefix(whole.count / 2).write(to: URL(filePath: statePath))
        try expectDamaged("truncated")
        try whole.write(to: URL(filePath: statePath))

        for (file, words) in [
            ("results.csv", "nan"), ("results.csv", "1e300"), ("results.csv", "-1"),
            ("results.csv", "0.5"), ("args.yaml", "99999999999999:59:59"),
        ] {
            let url = URL(filePath: "\(folder)/\(file)")
            let before = try Data(contentsOf: url)
            let text = String(decoding: before, as: UTF8.self)
            let line = text.split(separator: "\n")[0]
            let hostile =
                file == "args.yaml"
                ? text.replacing(#/epochs: .*/#, with: "epochs: \(words)")
                : "\(line)\n1,\(words)"
                    + String(repeating: ",", count: line.count { $0 == "," } - 1)
            try Data(hostile.utf8).write(to: url)
            let outcome = try run(["train", "--resume", folder])
            #expect(outcome.code == 66, "\(file) \(words): \(outcome.errors)")
            #expect(outcome.errors.contains(file), "\(outcome.errors)")
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
            try before.write(to: url)
        }
        let resumed = try run(["train", "--resume", folder])
        #expect(resumed.code == 0, "\(resumed.errors)")
    }

    @Test("a run whose folder was removed ends with the code of results that cannot be written")
    func removedFolder() throws {
        let running = try samus.start(arguments("gone", "--epochs", "500"))
        try waitForCheckpoint("gone", of: running)
        try FileManager.default.removeItem(atPath: scratch.path("runs/gone"))
        let outcome = running.outcome()
        #expect(outcome.code == 73, "\(outcome.errors)")
        #expect(outcome.errors.contains("runs/gone"))
    }

    @Test("a dry run prints what would be trained, and the time it would take; it writes nothing")
    func dryRun() throws {
        let outcome = try run(arguments("dry", "--dry-run"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("3 batches of 2 per epoch"))
        let time =
            #/time +about \d+ s of steps on this machine \(\d+\.\d+ images/s in 1 batch\)/#
        #expect(outcome.output.contains(time), "\(outcome.output)")
        #expect(scratch.files("runs").isEmpty)
    }

    @Test(
        "a training that cannot start exits with the code and the reason of the error",
        arguments: [
            (["--recipe", "samus"], 64, "--data"),
            (["--data", "ROOT"], 64, "--from is needed"),
            (
                ["--data", "ROOT", "--recipe", "decoder", "--network", "samus"], 64,
                "--from is needed"
            ),
            (["--data", "nowhere", "--recipe", "full", "--network", "samus"], 66, "nowhere"),
            (["--data", "ROOT", "--recipe", "full"], 64, "--network or --from"),
            (["--data", "ROOT", "--recipe", "decoder", "--from", "nothing.pth"], 69, "no model"),
            (
                ["--data", "ROOT", "--recipe", "full", "--network", "samus", "--prompts", "stare"],
                64, "is not a training prompt"
            ),
            (
                ["--data", "ROOT", "--recipe", "full", "--network", "samus", "--sets", "Heart"], 66,
                "Heart"
            ),
            (
                [
                    "--data", "ROOT", "--recipe", "full", "--network", "samus", "--width", "16",
                    "--depth", "2", "--prompts", "prompt-free",
                ], 64, "cannot be trained prompt-free"
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
                    "--data", "ROOT", "--recipe", "full", "--network", "samus", "--width", "16",
                    "--depth", "2", "--freeze", "image_encoder", "--teacher", "litemedsam",
                ], 69, "cannot learn"
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

    @Test("on resume, only options that do not affect the result can change")
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
        let second = try run([
            "train", "--resume", folder, "--ema", "0.999", "--learning-rate", "5e-4",
        ])
        #expect(second.code == 64)
        #expect(second.errors.contains("--ema cannot change"), "\(second.errors)")
        let onward = try run(arguments("changed", "--continue", "--workers", "1"))
        #expect(onward.code == 0, "\(onward.errors)")
        #expect(onward.output.contains("resuming at step"))
        #expect(onward.output.contains("finished after 2 epochs, 6 steps"))
    }

    @Test("a loss that is not finite ends the run, names the images and leaves no checkpoint of it")
    func notFinite() throws {
        let outcome = try run(arguments("nan", "--learning-rate", "1e30"))
        #expect(outcome.code == 69, "\(outcome.errors)")
        #expect(outcome.errors.contains("is not a finite number"))
        #expect(outcome.errors.contains("Disc/p"))
        // The only checkpoint had the weights that gave the loss that is not finite.
        #expect(scratch.files("runs/nan/weights").isEmpty)
    }

    @Test("names of former versions work and print a note")
    func formerNames() throws {
        let outcome = try run(
            arguments("dry", "--dry-run", "--picture-cache", "1", "--validate", "click"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("--picture-cache is now called --image-cache"))
        #expect(outcome.errors.contains("--validate is now called --validation-prompts"))
        #expect(outcome.output.contains("prompts fixed"), "\(outcome.output)")
    }
}
