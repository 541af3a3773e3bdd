import Datasets
import Evaluation
import FileIO

/// A training or an evaluation: one process that can be run alone, stopped and resumed.
public struct StudyJob: Equatable, Sendable {
    /// What a job does.
    public enum Kind: Equatable, Sendable {
        /// `samus train`; minutes is the budget where it is one of time.
        case training(minutes: Double?)
        /// `samus evaluate` of a model, or of the weights of a training.
        case evaluation(training: String?)
    }

    /// Name of its folder: what it is, and the beginning of its hash.
    public let id: String
    /// For people: `train U-Net on Breast-BUSI, seed 0`.
    public let title: String
    /// What it does.
    public let kind: Kind
    /// SHA-256 of everything that affects the result: arguments, data and weights.
    public let hash: String
    /// Arguments of `samus`, without those that do not affect the result.
    let arguments: [String]
    /// Jobs with the same key belong to the same shard.
    public let shardKey: String

    init(
        _ name: String, title: String, kind: Kind, arguments: [String], inputs: [String],
        shardKey: String? = nil
    ) {
        hash = SHA256.hexDigest(of: Array((["study 1"] + inputs).joined(separator: "\n").utf8))
        let plain = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        id = "\(String(plain.prefix(80)))-\(hash.prefix(12))"
        (self.title, self.kind, self.arguments) = (title, kind, arguments)
        self.shardKey = shardKey ?? id
    }

    /// Whether it is a training.
    public var isTraining: Bool {
        if case .training = kind { true } else { false }
    }
}

/// A row of a table: a network or model of the study.
public struct StudySystem: Hashable, Sendable {
    /// The name.
    public var name: String
    /// Whether it is trained in the study.
    public var isTrained: Bool
    /// Multiply-add operations for one image in 10^9, where the study gives them.
    public var gmac: Double?
    /// The Dice that a paper prints.
    public var published: PublishedDice
}

/// A cell of the tables: one system on one task, by one evaluation for each seed.
public struct StudyEntry: Equatable, Sendable {
    /// The protocol.
    public var kind: StudyProtocol
    /// The fraction of the training images; nil for systems that are not trained.
    public var fraction: Double?
    /// The row.
    public var system: StudySystem
    /// The column.
    public var task: StudyTask
    /// The seed of the training.
    public var seed: Int?
    /// The evaluation's job.
    public var evaluation: String
    /// The training's job.
    public var training: String?
}

/// All jobs of a study in the order in which one process would run them, and what each one is for.
public struct StudyPlan: Sendable {
    /// The study.
    public let study: Study
    /// Its data and weights.
    public let inputs: StudyInputs
    /// Every training before its evaluations; the models that are not trained first.
    public private(set) var jobs: [StudyJob] = []
    /// The cells of the tables.
    public private(set) var entries: [StudyEntry] = []
    private var places: [String: Int] = [:]
    private let jobLimit: Int

    /// - Parameters:
    ///   - study: the study.
    ///   - inputs: its data and weights.
    ///   - jobLimit: the largest number of jobs.
    /// - Throws: ``StudyError/missing(_:)`` where a network cannot do what a protocol needs, or the
    ///   study has more jobs than the limit.
    public init(
        _ study: Study, _ inputs: StudyInputs, jobLimit: Int = 100_000
    ) throws(StudyError) {
        self.study = study
        self.inputs = inputs
        self.jobLimit = jobLimit
        try checkPublished()
        for model in study.models { try add(model) }
        for network in study.networks {
            for kind in network.protocols ?? study.evaluation.protocols {
                for part in try parts(kind, of: network) { try add(network, kind, part) }
            }
        }
    }

    /// The job of an identifier.
    public func job(_ id: String) -> StudyJob? { places[id].map { jobs[$0] } }

    /// A training of a protocol: what is trained, and what is tested.
    private struct Part {
        var training: [StudyTask]
        var test: [StudyTask]
        var name: String
    }

    private func parts(_ kind: StudyProtocol) -> [Part] {
        let trained = inputs.tasks.filter { !study.testOnly.contains($0.dataset) }
        let tested = trained.filter { !study.trainOnly.contains($0.dataset) }
        switch kind {
        case .taskSpecific:
            return tested.map { Part(training: [$0], test: [$0], name: $0.name) }
        case .universal: return [Part(training: trained, test: tested, name: "all tasks")]
        case .generalization:
            return study.evaluation.heldOut.map { group in
                let training = trained.filter { !group.contains($0.dataset) }
                // The universal model is the same where only test-only datasets are held out.
                let name = training == trained ? "tasks" : "but " + group.joined(separator: ", ")
                return Part(
                    training: training,
                    test: inputs.tasks.filter { group.contains($0.dataset) }, name: "all \(name)")
            }
        }
    }

    /// The trainings of a network: one that learns several classes at once has one for each dataset
    /// with several in place of one for each task.
    private func parts(
        _ kind: StudyProtocol, of network: StudyNetwork
    ) throws(StudyError) -> [Part] {
        let parts = parts(kind)
        guard network.learnsClasses else { return parts }
        guard kind == .taskSpecific else {
            // One list of classes must mean the same in all datasets.
            for part in parts {
                let labels = Dictionary(grouping: part.training, by: \.dataset)
                    .values.map { Set($0.map(\.label)) }
                guard let first = labels.first, labels.allSatisfy({ $0 == first }) else {
                    throw .missing([
                        "\(network.name) learns several classes at once, and the datasets of the "
                            + "protocol \(kind.rawValue) have different classes: give it "
                            + "'protocols: [task-specific]'"
                    ])
                }
            }
            return parts
        }
        let tasks = parts.flatMap(\.test)
        let crowded = tasks.map(\.dataset).uniqued.map { dataset in
            tasks.filter { $0.dataset == dataset }
        }.filter { $0.count > 1 }
        guard !crowded.isEmpty else {
            throw .missing([
                "\(network.name) learns several classes at once, and data.sets has no dataset with "
                    + "several classes"
            ])
        }
        return crowded.map { Part(training: $0, test: $0, name: $0[0].dataset) }
    }

    /// Refuses published figures of a task that the study does not have, which no table would show.
    private func checkPublished() throws(StudyError) {
        let names = Set(inputs.tasks.map(\.name))
        let published =
            study.networks.map { ($0.name, $0.published) }
            + study.models.map { ($0.name, $0.published) }
        for (name, figures) in published {
            if let task = figures.values.flatMap(\.keys).sorted().first(where: {
                !names.contains($0)
            }) {
                throw .missing([
                    "'published' of \(name) names the task '\(task)'; the tasks are "
                        + names.sorted().joined(separator: ", ")
                ])
            }
        }
    }

    private mutating func add(_ model: StudyModel) throws(StudyError) {
        let weights = inputs.weights(named: model.model)
        let system = StudySystem(
            name: model.name, isTrained: false, gmac: model.gmac,
            published: model.published)
        let sets = inputs.tasks.map(\.dataset).uniqued
        for dataset in sets where !study.trainOnly.contains(dataset) {
            let job = evaluation(
                of: model.name, on: dataset, prompts: model.prompts, training: nil,
                arguments: ["--model", weights.argument], model: weights.hash)
            let tested = study.evaluation.protocols.flatMap { kind in
                parts(kind).flatMap(\.test).filter { $0.dataset == dataset }.map { task in
                    StudyEntry(kind: kind, system: system, task: task, evaluation: job.id)
                }
            }
            guard !tested.isEmpty else { continue }
            try add(job)
            entries += tested
        }
    }

    private mutating func add(
        _ network: StudyNetwork, _ kind: StudyProtocol, _ part: Part
    ) throws(StudyError) {
        let crowded = Dictionary(grouping: part.training, by: \.dataset).first {
            $0.value.count > 1
        }
        if let crowded, network.prompts.contains(.promptFree), !network.learnsClasses {
            throw .missing([
                "\(network.name) segments without a prompt: one model of the protocol "
                    + "\(kind.rawValue) cannot tell the \(crowded.value.count) classes of "
                    + "\(crowded.key) apart; give it 'protocols: [task-specific]', or name one class "
                    + "in data.sets"
            ])
        }
        let system = StudySystem(
            name: network.name, isTrained: true, gmac: network.gmac,
            published: network.published)
        for fraction in study.training.fractions.sorted(by: >) {
            for seed in study.training.seeds {
                let training = training(of: network, part, fraction: fraction, seed: seed)
                try add(training)
                for dataset in part.test.map(\.dataset).uniqued {
                    let job = evaluation(
                        of: training.title.dropFirst("train ".count).description, on: dataset,
                        prompts: network.prompts, training: training.id, arguments: [],
                        model: training.hash)
                    try add(job)
                    entries += part.test.filter { $0.dataset == dataset }.map { task in
                        StudyEntry(
                            kind: kind, fraction: fraction, system: system, task: task, seed: seed,
                            evaluation: job.id, training: training.id)
                    }
                }
            }
        }
    }

    private mutating func add(_ job: StudyJob) throws(StudyError) {
        guard places[job.id] == nil else { return }
        guard jobs.count < jobLimit else {
            throw .missing([
                "it has more than \(jobLimit) jobs; divide it into several studies"
            ])
        }
        places[job.id] = jobs.count
        jobs.append(job)
    }

    private func training(
        of network: StudyNetwork, _ part: Part, fraction: Double, seed: Int
    ) -> StudyJob {
        let others = study.training.options.filter { option in
            !network.options.contains { $0.name == option.name }
        }
        let options = (network.options + others).sorted { $0.name < $1.name }.flatMap(\.arguments)
        var minutes: Double?
        let budget = network.budget ?? study.training.budget
        let epochs: Int
        switch budget {
        case .epochs(let count): epochs = count
        case .steps(let count):
            let batch =
                Study.option("batch", network, study.training).flatMap(Int.init) ?? 1
            let objects =
                Double(
                    network.learnsClasses
                        ? inputs.trainingImages(of: part.training)
                        : inputs.trainingObjects(of: part.training)) * fraction
            let accumulated =
                Study.option("accumulate", network, study.training).flatMap(Int.init) ?? 1
            let batches = (objects / Double(max(batch, 1))).rounded(.up)
            let steps = max((batches / Double(max(accumulated, 1))).rounded(.up), 1)
            epochs = max(Int((Double(count) / steps).rounded(.up)), 1)
        case .minutes(let count):
            minutes = count
            // Never the end: an epoch with its validation takes more than a tenth of a second.
            epochs = min(max(Int(600 * count), 1), 1_000_000)
        }
        let sets = part.training.map(\.name).joined(separator: ",")
        let start = network.from.map { inputs.weights(named: $0) }
        let common = [
            "--network", network.architecture.commandName, "--recipe", network.recipe, "--sets",
            sets, "--fraction", "\(fraction)", "--seed", "\(seed)", "--epochs", "\(epochs)",
        ]
        let data = part.training.map(\.dataset).uniqued.map(inputs.trainingHash)
        let portion = fraction < 1 ? ", \(percent(fraction)) of the images" : ""
        return StudyJob(
            "\(network.name)-\(part.name)-\(fraction < 1 ? "\(percent(fraction))-" : "")s\(seed)",
            title: "train \(network.name) on \(part.name), seed \(seed)\(portion)",
            kind: .training(minutes: minutes),
            arguments: ["train"] + common + (start.map { ["--from", $0.argument] } ?? []) + options,
            inputs: ["train"] + common + options
                + ["from \(start?.hash ?? "nothing")", "minutes \(minutes ?? 0)"] + data)
    }

    private func evaluation(
        of name: String, on dataset: String, prompts: [PromptStrategy], training: String?,
        arguments: [String], model: String
    ) -> StudyJob {
        let options = study.evaluation
        let common =
            [
                "--split", "\(options.split.rawValue)-\(dataset)", "--prompt",
                prompts.map(\.description).joined(separator: ","), "--resolution",
                options.resolution.rawValue,
            ] + (options.limit.map { ["--limit", "\($0)"] } ?? [])
            + (study.results.sheets > 0 ? ["--masks"] : [])
        return StudyJob(
            "\(name)-on-\(dataset)", title: "evaluate \(name) on \(dataset)",
            kind: .evaluation(training: training), arguments: ["evaluate"] + common + arguments,
            inputs: ["evaluate"] + common + [model, inputs.testHash(of: dataset)],
            shardKey: training)
    }
}

/// `50 %` as a part of a name.
func percent(_ fraction: Double) -> String {
    let text = (fraction * 100).fixed(4)
    let short = text.replacing(#/\.?0+$/#, with: "")
    return "\(short)%"
}
