import FileIO
import Foundation
import Imaging
import Testing

@testable import Server

extension ServerTests {
    @Suite("Training on accepted masks")
    struct TrainingTests {
        /// A program that leaves the files of `samus`, in the time that a test has.
        ///
        /// `train` writes two epochs, waits for the file `go` or for SIGINT, and then ends.
        private static let script = #"""
            #!/bin/sh
            here=$(dirname "$0")
            echo "$@" >>"$here/calls"
            case $1 in
            data)
                echo Accepted/a >"$3/MainPatient/train-Accepted.txt"
                printf '1/Accepted/a\n1/Accepted/b\n' >"$3/MainPatient/val-Accepted.txt"
                ;;
            train)
                [ ! -e "$here/fail" ] || { echo "error: $here/x is broken" >&2; exit 69; }
                run=$3
                [ "$2" = --resume ] || {
                    while [ "$1" != --project ]; do shift; done
                    run=$2/run
                }
                mkdir -p "$run/weights"
                printf 'epoch,step,time,train/loss,val/dice\n1,2,3.0,0.5,0.7\n2,4,6.0,0.25,0.6\n' >"$run/results.csv"
                touch "$run/weights/state.safetensors" "$run/weights/best.safetensors"
                trap 'exit 130' INT
                while [ ! -e "$here/go" ]; do sleep 0.05; done
                ;;
            export) mkdir -p "$3" && echo '{}' >"$3/model.json" ;;
            evaluate)
                while [ "$1" != --output ]; do shift; done
                mkdir -p "$2"
                echo '{"cases":[{"prompt":"fixed","metrics":{"dice":0.5}},{"prompt":"box","metrics":{"dice":0.75}},{"prompt":"box","metrics":{"dice":1}}]}' >"$2/report.json"
                ;;
            esac
            """#

        /// A served folder with accepted images, and the program beside it.
        private func withTraining(
            images: Int = 12, _ body: @escaping @Sendable (Client, String) async throws -> Void
        ) async throws {
            try await withFolder { outer in
                let (folder, program) = ("\(outer)/data", "\(outer)/samus")
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true)
                // Written by another process: see `Program.install`.
                try Data(Self.script.utf8).write(to: URL(filePath: "\(program).text"))
                let install = Process()
                install.executableURL = URL(filePath: "/usr/bin/env")
                install.arguments = ["install", "-m", "755", "\(program).text", program]
                try install.run()
                install.waitUntilExit()
                for index in 0..<images {
                    try squareImage().write(to: "\(folder)/\(index).png")
                }
                try await withServer(
                    load: { BrightEngine(name: $0 == nil ? "bright" : "trained") },
                    {
                        $0.dataFolder = folder
                        $0.auditLog = "\(outer)/audit.jsonl"
                        $0.trainer = .init(program: program, model: "/models/bright.samus")
                    }
                ) { client in
                    let list = try await client.send("GET", "/v1/images").object()
                    let mask = try accepted()
                    for image in try #require(list["images"] as? [[String: Any]]) {
                        let id = try #require(image["id"] as? String)
                        let reply = try await client.json(
                            "PUT", "/v1/images/\(id)/annotation", mask)
                        #expect(reply.status == 201, "\(reply.text)")
                    }
                    try await body(client, outer)
                }
            }
        }

        private func accepted() throws -> String {
            let values = squareImage().pixels.map { UInt8($0 > 100 ? 1 : 0) }
            let runs = Mask(width: 40, height: 40, values: values).runLength().compressed
            let counts = String(decoding: try JSON.encode(runs), as: UTF8.self)
            return #"{"objects":[{"label":"square","mask":{"size":[40,40],"counts":\#(counts)}}]}"#
        }

        /// The status once it has one of the states.
        private func status(
            _ client: Client, _ states: String..., with key: String? = nil
        ) async throws -> [String: Any] {
            for _ in 0..<12_000 {
                let status = try await client.send("GET", "/v1/training").object()
                let state = status["state"] as? String ?? ""
                if states.contains(state), key.map({ status[$0] != nil }) ?? true { return status }
                try await Task.sleep(for: .milliseconds(50))
            }
            Issue.record("no state \(states) within 10 minutes")
            return [:]
        }

        @Test("a training is watched, compared with the former model, and used")
        func whole() async throws {
            try await withTraining { client, folder in
                let idle = try await client.send("GET", "/v1/training").object()
                #expect(idle["state"] as? String == "idle")
                #expect(idle["accepted"] as? Int == 12)
                #expect(idle["refusal"] == nil)
                let started = try await client.json("POST", "/v1/training", #"{"epochs":4}"#)
                #expect(started.status == 202, "\(started.text)")
                let running = try await status(client, "running", with: "epoch")
                #expect(running["epoch"] as? Int == 2)
                #expect(running["epochs"] as? Int == 4)
                #expect(running["loss"] as? Double == 0.25)
                #expect(running["dice"] as? Double == 0.7)
                #expect(running["seconds_left"] as? Double == 6)
                #expect(running["validation_images"] as? Int == 2)
                #expect((running["notice"] as? String)?.contains(ResearchNotice.text) == true)
                let second = try await client.json("POST", "/v1/training", "{}")
                #expect(second.status == 409)

                #expect(FileManager.default.createFile(atPath: "\(folder)/go", contents: nil))
                let done = try await status(client, "finished", "failed")
                #expect(done["state"] as? String == "finished", "\(done)")
                let comparison = try #require(done["comparison"] as? [String: Any])
                #expect(comparison["objects"] as? Int == 2)
                #expect((comparison["trained"] as? [String: Any])?["box"] as? Double == 0.875)
                let model = try #require(done["model"] as? [String: Any])
                #expect((model["name"] as? String)?.hasPrefix("bright-accepted-") == true)
                #expect(done["served"] as? String == "original")

                let calls = try String(contentsOfFile: "\(folder)/calls", encoding: .utf8)
                    .split(separator: "\n")
                #expect(
                    calls.map { $0.prefix { $0 != " " } } == [
                        "data", "train", "export", "evaluate", "evaluate",
                    ])
                #expect(calls[1].contains("--from /models/bright.samus"))
                #expect(calls[1].contains("--recipe decoder --from"))
                let used = try await client.json(
                    "POST", "/v1/training/model", #"{"use":"trained"}"#)
                #expect(used.status == 200, "\(used.text)")
                #expect(try used.object()["served"] as? String == "trained")
                let image = try Data(squarePNG()).base64EncodedString()
                let body = #"{"image":"\#(image)","clicks":[{"x":12,"y":22}]}"#
                let answer = try await client.json("POST", "/v1/segment", body).object()
                #expect((answer["model"] as? [String: Any])?["name"] as? String == "trained")
                _ = try await client.json("POST", "/v1/training/model", #"{"use":"original"}"#)
                let health = try await client.send("GET", "/health").object()
                #expect(health["model"] as? String == "bright")
                let audit = try String(contentsOfFile: "\(folder)/audit.jsonl", encoding: .utf8)
                #expect(audit.contains("start of a training"))
                #expect(audit.contains("change of the model"))
            }
        }

        @Test("a stopped training goes on; the copy of the data is that of its start")
        func resumed() async throws {
            try await withTraining { client, folder in
                // As 3D Slicer does by default: all trainers.
                let all = try await client.json("POST", "/train/", "{}")
                #expect(all.status == 200, "\(all.text)")
                #expect(try all.object()["samus"] != nil)
                _ = try await status(client, "running", with: "epoch")
                let data = "\(folder)/data/samus-results/training/data"
                let index = try String(
                    contentsOfFile: "\(data)/Accepted/index.csv", encoding: .utf8)
                #expect(index.split(separator: "\n").count == 13)
                let answer1 = try await client.send("DELETE", "/v1/training")
                #expect(answer1.status == 200)
                let stopped = try await status(client, "stopped")
                #expect(stopped["can_resume"] as? Bool == true)
                let answer2 = try await client.send("DELETE", "/v1/training")
                #expect(answer2.status == 404)
                let wrong = try await client.json(
                    "POST", "/v1/training", #"{"resume":true,"epochs":3}"#)
                #expect(wrong.status == 400)
                let resumed = try await client.json("POST", "/v1/training", #"{"resume":true}"#)
                #expect(resumed.status == 202, "\(resumed.text)")
                #expect(FileManager.default.createFile(atPath: "\(folder)/go", contents: nil))
                _ = try await status(client, "finished")
                let calls = try String(contentsOfFile: "\(folder)/calls", encoding: .utf8)
                #expect(calls.contains("train --resume"))
            }
        }

        @Test("a failure has the words of the program, without paths of this machine")
        func failed() async throws {
            try await withTraining { client, folder in
                #expect(FileManager.default.createFile(atPath: "\(folder)/fail", contents: nil))
                _ = try await client.json("POST", "/v1/training", "{}")
                let failed = try await status(client, "failed")
                let lines = try #require(failed["failure"] as? [String])
                #expect(lines.last?.hasSuffix("x is broken") == true, "\(lines)")
                #expect(failed["can_resume"] as? Bool == false)
                let none = try await client.json(
                    "POST", "/v1/training/model", #"{"use":"trained"}"#)
                #expect(none.status == 404)
            }
        }

        @Test("too few images, impossible options and no folder are refused with the reason")
        func refused() async throws {
            try await withTraining(images: 3) { client, _ in
                let few = try await client.json("POST", "/v1/training", "{}")
                #expect(few.status == 422)
                #expect(few.error == "3 images accepted; a training needs 10")
                for body in [
                    #"{"epochs":0}"#, #"{"epochs":1001}"#, #"{"minutes":0}"#,
                ] {
                    let reply = try await client.json("POST", "/v1/training", body)
                    #expect(reply.status == 422, "\(body)")
                }
                let recipe = try await client.json("POST", "/v1/training", #"{"recipe":"all"}"#)
                #expect(recipe.status == 400)
                let resume = try await client.json("POST", "/v1/training", #"{"resume":true}"#)
                #expect(resume.status == 409)
            }
            try await withServer { client in
                let answer3 = try await client.send("GET", "/v1/training")
                #expect(answer3.status == 404)
            }
            try await withFolder { folder in
                try await withServer({ $0.dataFolder = folder }) { client in
                    let reply = try await client.json("POST", "/v1/training", "{}")
                    #expect(reply.status == 501)
                    #expect(reply.error.contains("has no samus-train"))
                }
            }
        }

        @Test("MONAI Label starts, watches and stops a training")
        func monaiLabel() async throws {
            try await withTraining { client, _ in
                let idle = try await client.send("GET", "/train/?check_if_running=true")
                #expect(idle.status == 404)
                let answer4 = try await client.json("POST", "/train/other", "{}")
                #expect(answer4.status == 404)
                let started = try await client.json(
                    "POST", "/train/samus", #"{"max_epochs":4,"client_id":null,"name":"x"}"#)
                #expect(started.status == 200, "\(started.text)")
                _ = try await status(client, "running", with: "epoch")
                let running = try await client.send("GET", "/train/?check_if_running=true")
                #expect(try running.object()["status"] as? String == "RUNNING")
                let info = try await client.send("GET", "/info/").object()
                let stats = (info["train_stats"] as? [String: [String: Any]])?["samus"]
                #expect(stats?["epoch"] as? Int == 2)
                #expect(stats?["best_metric"] as? Double == 0.7)
                #expect((info["trainers"] as? [String: Any])?["samus"] != nil)
                let answer5 = try await client.send("DELETE", "/train/")
                #expect(answer5.status == 200)
                _ = try await status(client, "stopped")
                let last = try await client.send("GET", "/train/").object()
                #expect(last["status"] as? String == "STOPPED")
            }
        }

        @Test("a model of any name gives a bundle with a plain name")
        func bundleName() {
            let time = "20261201T141500"
            #expect(
                Trainer.bundleName(model: "samus-lite", time: time)
                    == "samus-lite-accepted-20261201T141500.samus")
            #expect(
                Trainer.bundleName(model: "/a/b/nodule.samus", time: time)
                    == "nodule-accepted-20261201T141500.samus")
            for name in ["../../x", "", "-rf", "a/b\0", "é", String(repeating: "a", count: 500)] {
                let bundle = Trainer.bundleName(model: name, time: time)
                #expect(LabelFiles.isPlain(bundle), "\(bundle)")
                #expect(!bundle.hasPrefix("-") && !bundle.hasPrefix("."), "\(bundle)")
            }
        }

        @Test("a table of results is read; a damaged one is none")
        func progress() throws {
            let progress = try #require(
                TrainingProgress(
                    table: "epoch,time,train/loss,val/dice\n1,10,0.5,0.7\n2,20,0.4,\n"))
            #expect(progress.epoch == 2)
            #expect(progress.bestDice == 0.7)
            #expect(progress.secondsLeft(epochs: 4, limit: 1000) == 20)
            #expect(progress.secondsLeft(epochs: 4, limit: 25) == 5)
            for damaged in [
                "", "epoch,time\n", "a,b\n1,2\n", "epoch,time\n-1,2\n", "epoch,time\n1\n",
            ] {
                #expect(TrainingProgress(table: damaged) == nil, "\(damaged)")
            }
        }
    }
}
