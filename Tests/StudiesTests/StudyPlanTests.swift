import Foundation
import TestSupport
import Testing

@testable import Studies

@Suite("The jobs of a study")
struct StudyPlanTests {
    static let data = Shared.package.appending(path: "Tests/Fixtures/study").path

    static let text = """
        study: test
        data: {sets: [Disc, "Ring#1", "Ring#2"]}
        networks:
          CA:
            network: canet
            protocols: [task-specific]
          Small:
            network: samus
            prompts: [fixed, box]
            protocols: [universal, generalization]
            options: {width: 64, depth: 1}
        training:
          options: {batch: 3}
          budget: {epochs: 2}
          seeds: [0, 1]
        evaluation:
          protocols: [task-specific, universal, generalization]
          held-out: [[Disc]]
        """

    static func plan(_ text: String = text, data: String = data) throws -> StudyPlan {
        let study = try Study(StudyNode(text: text, file: "s.yaml"))
        return try StudyPlan(
            study, StudyInputs(study, root: data, folders: ["/none"], canTrain: true))
    }

    private static func bothSeeds(_ part: String) -> [String] {
        ["train \(part), seed 0", "train \(part), seed 1"]
    }

    private func training(_ plan: StudyPlan, _ title: String) throws -> StudyJob {
        try #require(plan.jobs.first { $0.title == title })
    }

    @Test("each protocol has its trainings, and an evaluation of each tested dataset")
    func protocols() throws {
        let jobs = try Self.plan().jobs
        let parts = ["CA on Disc", "CA on Ring#1", "CA on Ring#2", "Small on all tasks"]
        let titles = (parts + ["Small on all but Disc"]).flatMap(Self.bothSeeds)
        #expect(jobs.filter(\.isTraining).map(\.title) == titles)
        // Baselines 2 x 2 sets; CA 6; Small 2 seeds x 2 sets, and 2 seeds x Disc.
        let evaluations = jobs.filter { !$0.isTraining }
        #expect(evaluations.count == 16)
        #expect(Set(jobs.map(\.id)).count == jobs.count)
    }

    @Test("a network that learns several classes at once has one training for each such dataset")
    func classes() throws {
        let text = Self.text.replacing(
            "    protocols: [task-specific]\n  Small",
            with: "    protocols: [task-specific]\n  All:\n    network: unet-bilinear\n"
                + "    options: {classes: all}\n    protocols: [task-specific]\n  Small")
        let plan = try Self.plan(text)
        let trainings = plan.jobs.filter { $0.title.hasPrefix("train All") }
        #expect(trainings.map(\.title) == Self.bothSeeds("All on Ring"))
        let arguments = trainings[0].arguments
        #expect(arguments.contains("Ring#1,Ring#2"))
        #expect(zip(arguments, arguments.dropFirst()).contains { $0 == "--classes" && $1 == "all" })
        // Its rows are beside those of the networks of one class.
        let rows = plan.entries.filter { $0.system.name == "All" && $0.seed == 0 }
        #expect(rows.map(\.task.name) == ["Ring#1", "Ring#2"])
        #expect(Set(rows.map(\.evaluation)).count == 1)
    }

    @Test("classes are refused for networks of one object, and where datasets differ")
    func refusedClasses() throws {
        for (network, kind, words) in [
            ("samus", "task-specific", "segments one object at a time"),
            ("unet", "universal", "have different classes"),
        ] {
            let text = """
                study: test
                data: {sets: [Disc, Ring]}
                networks:
                  One: {network: \(network), options: {classes: all}}
                evaluation: {protocols: [\(kind)]}
                """
            let error = #expect(throws: StudyError.self) { try Self.plan(text) }
            #expect("\(try #require(error))".contains(words), "\(String(describing: error))")
        }
    }

    @Test("published figures of a task that the study does not have are refused")
    func publishedTasks() throws {
        let text = """
            study: test
            data: {sets: [Disc]}
            models:
              box: {model: filled-box, published: {task-specific: {Discs: 0.5}}}
            """
        let error = #expect(throws: StudyError.self) { try Self.plan(text) }
        #expect("\(try #require(error))".contains("box names the task 'Discs'; the tasks are Disc"))
    }

    @Test("a model is not evaluated on datasets that no protocol tests")
    func untested() throws {
        let text = """
            study: test
            data: {sets: [Disc, Ring]}
            evaluation: {protocols: [generalization], held-out: [[Ring]]}
            """
        let titles = try Self.plan(text).jobs.map(\.title)
        #expect(titles == ["evaluate filled box on Ring", "evaluate ellipse in the box on Ring"])
    }

    @Test("a budget of steps counts accumulated batches as one")
    func accumulation() throws {
        func epochs(_ options: String) throws -> String {
            let text = """
                study: test
                data: {sets: [Disc]}
                networks: {CA: {network: canet}}
                training: {options: {\(options)}, budget: {steps: 12}}
                """
            let plan = try Self.plan(text)
            let job = try #require(plan.jobs.first { $0.isTraining })
            let place = try #require(job.arguments.firstIndex(of: "--epochs"))
            return job.arguments[place + 1]
        }
        // Eight discs: four batches of two, which are two steps of two batches.
        #expect(try epochs("batch: 2") == "3")
        #expect(try epochs("batch: 2, accumulate: 2") == "6")
    }

    @Test("arguments are those of samus train and samus evaluate")
    func arguments() throws {
        let plan = try Self.plan()
        let folder = StudyFolder("/study")
        let ring = try training(plan, "train CA on Ring#1, seed 1")
        #expect(
            folder.arguments(of: ring, root: "D", threads: 2)
                == [
                    "train", "--network", "canet", "--recipe", "full", "--sets", "Ring#1",
                    "--fraction", "1.0", "--seed", "1", "--epochs", "2", "--batch", "3", "--data",
                    "D", "--threads", "2", "--project", "/study/train", "--name", ring.id,
                    "--continue",
                ])
        let small = try training(plan, "train Small on all but Disc, seed 0")
        #expect(small.arguments.contains("Ring#1,Ring#2"))
        let box = try #require(plan.jobs.first { $0.title == "evaluate filled box on Ring" })
        #expect(
            folder.arguments(of: box, root: "D", threads: nil)
                == [
                    "evaluate", "--split", "test-Ring", "--prompt", "box", "--resolution", "model",
                    "--masks", "--model", "filled-box", "--data", "D", "--output",
                    "/study/evaluate/\(box.id)", "--force",
                ])
    }

    @Test("a change of one network repeats only its jobs")
    func changedNetwork() throws {
        let before = Set(try Self.plan().jobs.map(\.id))
        let changed = Self.text.replacing("depth: 1", with: "depth: 2")
        let after = try Self.plan(changed).jobs
        #expect(after.filter { !before.contains($0.id) }.allSatisfy { $0.title.contains("Small") })
        #expect(after.filter { !before.contains($0.id) }.count == 10)
        let moved = Self.text.replacing("{width: 64, depth: 1}", with: "{depth: 1, width: 64}")
        #expect(Set(try Self.plan(moved).jobs.map(\.id)) == before)
    }

    @Test("a change of the evaluation repeats no training, a new title nothing")
    func changedEvaluation() throws {
        let before = Set(try Self.plan().jobs.map(\.id))
        let after = try Self.plan(Self.text + "\n  limit: 2").jobs
        #expect(after.filter { !before.contains($0.id) } == after.filter { !$0.isTraining })
        let titled = try Self.plan("title: T\n" + Self.text).jobs
        #expect(Set(titled.map(\.id)) == before)
    }

    @Test("a changed pixel of a training image repeats what was trained with its dataset")
    func changedData() throws {
        let copy = FileManager.default.temporaryDirectory.appending(path: "\(UUID())")
        try FileManager.default.copyItem(at: URL(filePath: Self.data), to: copy)
        defer { try? FileManager.default.removeItem(at: copy) }
        let before = Set(try Self.plan().jobs.map(\.id))
        #expect(Set(try Self.plan(data: copy.path).jobs.map(\.id)) == before)
        let image = copy.appending(path: "Disc/img/disc00.png")
        try FileManager.default.removeItem(at: image)
        try FileManager.default.copyItem(
            at: copy.appending(path: "Disc/img/disc01.png"), to: image)
        let after = try Self.plan(data: copy.path).jobs.filter { !before.contains($0.id) }
        let titles = ["CA on Disc", "Small on all tasks"].flatMap(Self.bothSeeds)
        #expect(after.filter(\.isTraining).map(\.title) == titles)
    }

    @Test("held-out datasets that nothing is trained with need no training of their own")
    func testOnly() throws {
        let text = Self.text.replacing(
            #"sets: [Disc, "Ring#1", "Ring#2"]"#, with: #"sets: [Disc, "Ring#1"], test-only: Disc"#)
        let jobs = try Self.plan(text).jobs
        let titles = ["CA on Ring#1", "Small on all tasks"].flatMap(Self.bothSeeds)
        #expect(jobs.filter(\.isTraining).map(\.title) == titles)
        let universal = try Self.plan(text).entries.filter { $0.kind == .universal }
        #expect(Set(universal.map(\.task.name)) == ["Ring#1"])
    }

    @Test("datasets that are only trained with are in no table")
    func trainOnly() throws {
        let text = Self.text.replacing(
            #"sets: [Disc, "Ring#1", "Ring#2"]"#, with: #"sets: [Disc, Ring], train-only: Ring"#)
        let plan = try Self.plan(text)
        #expect(Set(plan.entries.map(\.task.name)) == ["Disc"])
        #expect(plan.jobs.contains { $0.arguments.contains("Disc,Ring#1,Ring#2") })
    }

    @Test("steps become whole epochs: at least so many steps")
    func steps() throws {
        // 8 objects and batches of 3: 3 steps an epoch.
        let text = Self.text.replacing("{epochs: 2}", with: "{steps: 7}")
        let plan = try Self.plan(text)
        let disc = try training(plan, "train CA on Disc, seed 0")
        let place = try #require(disc.arguments.firstIndex(of: "--epochs"))
        #expect(disc.arguments[place + 1] == "3")
    }

    @Test("shards divide the jobs, and an evaluation stays with its training")
    func shards() throws {
        let plan = try Self.plan()
        for job in plan.jobs {
            if case .evaluation(let training?) = job.kind { #expect(job.shardKey == training) }
        }
        #expect(Set(plan.jobs.map(\.shardKey)).count == 14)
    }

    @Test("everything that is missing is listed at once")
    func missing() throws {
        let text =
            Self.text + """

                models:
                  X: {model: none.pth}
                """
        let study = try Study(
            StudyNode(text: text.replacing("Disc, ", with: "Gone, Disc, "), file: "s.yaml"))
        let error = #expect(throws: StudyError.self) {
            try StudyInputs(study, root: Self.data, folders: ["/none"], canTrain: false)
        }
        let words = "\(try #require(error))"
        for part in ["samus-train", "'none.pth'", "no dataset 'Gone'"] {
            #expect(words.contains(part), "\(words)")
        }
        let without = #expect(throws: StudyError.self) {
            try StudyInputs(study, root: nil, folders: [], canTrain: true)
        }
        #expect("\(try #require(without))".contains("--data"))
    }

    @Test("a network's false replaces the study's true")
    func flagOff() throws {
        let on = Self.text.replacing("{batch: 3}", with: "{batch: 3, dice-per-image: true}")
        let off = on.replacing("depth: 1}", with: "depth: 1, dice-per-image: false}")
        let trainings = try Self.plan(off).jobs.filter(\.isTraining)
        for job in trainings {
            #expect(job.arguments.contains("--dice-per-image") == job.title.contains("CA"))
        }
        let ids = Set(try Self.plan().jobs.map(\.id))
        #expect(trainings.filter { $0.title.contains("Small") }.allSatisfy { ids.contains($0.id) })
    }

    @Test("a study with more jobs than the limit is refused")
    func largest() throws {
        let plan = try Self.plan()
        let count = plan.jobs.count
        #expect(try StudyPlan(plan.study, plan.inputs, jobLimit: count).jobs == plan.jobs)
        let error = #expect(throws: StudyError.self) {
            try StudyPlan(plan.study, plan.inputs, jobLimit: count - 1)
        }
        #expect("\(try #require(error))".contains("it has more than \(count - 1) jobs"))
    }

    @Test("a prompt-free network cannot have one model for two classes of one image")
    func crowded() throws {
        let text = Self.text.replacing(
            "network: canet\n    protocols: [task-specific]",
            with: "network: canet\n    protocols: [universal]")
        let error = #expect(throws: StudyError.self) { try Self.plan(text) }
        #expect("\(try #require(error))".contains("cannot tell the 2 classes of Ring apart"))
    }
}
