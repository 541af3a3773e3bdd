import Checkpoints
import Foundation
import Imaging
import SAMUSCommand
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN
import Training
import Ultrasound

/// A training as its options mean it: data, network and numbers, ready to run.
struct TrainPlan {
    let command: TrainCommand
    let start: NetworkStart
    let trainer: Trainer
    let validation: Validation?
    let folder: RunFolder?
    let identity: String

    /// Reads what the options name, without training anything.
    ///
    /// - Throws: why data or weights cannot be used.
    init(resolving given: TrainCommand) throws {
        let (command, folder) = try Self.resumed(given)
        let run = command.course
        TorchRuntime.threads = run.deterministic ? 1 : run.threads ?? TorchRuntime.threads
        let selection = try SampleSelection(command.data, seed: command.steps.seed)
        let start = try NetworkStart(
            command.network.kind?.kind ?? command.network.recipe.kind,
            sizes: command.network.start == nil ? try command.network.sizes() : nil,
            from: try command.network.start.map(Self.checkpoint),
            decoder: try command.network.decoderFrom.map(Self.checkpoint),
            seed: command.steps.seed)
        try command.network.freeze(start)
        if let samus = start.network as? SAMUS {
            samus.checkpointsActivations = run.checkpointActivations
        }
        var settings = command.steps.settings(
            recipe: command.network.recipe,
            teacherWeight: command.network.teacher == nil ? 0 : command.network.teacherWeight)
        settings.workers = run.workers
        settings.patience = run.patience
        settings.timeLimit = run.timeLimit.map { 60 * $0 }
        settings.keepEvery = 60 * run.keepEvery
        let device = Device(run.device)
        try device.check()
        start.network.move(to: device)

        let prompts =
            try command.data.prompts.map { try PromptMix($0) } ?? command.network.recipe.prompts
        let isFrozen = command.network.recipe == .decoder
        let hasTeacher = command.network.teacher != nil
        let variants = command.data.variants ?? (isFrozen || hasTeacher ? 4 : nil)
        let preparation = try command.data.preparation(
            start, variants: variants, seed: settings.seed)
        let batches = BatchMaker(
            samples: selection.train, preparation: preparation, prompts: prompts,
            size: settings.batch)
        identity = try Self.identity(
            command, prompts: prompts, selection: selection, sources: start.sources)
        let kept =
            variants == nil
            ? nil : command.data.embeddings ?? folder.map { $0.path + "/embeddings" }
        func cache(_ sources: String) throws -> EmbeddingCache? {
            guard let kept else { return nil }
            return try EmbeddingCache(
                folder: kept,
                key: "\(sources) \(command.data.augment) \(settings.seed) \(settings.isBFloat16)",
                limit: Int(command.data.embeddingsLimit * 1e9))
        }
        let frozen = try isFrozen ? cache(start.sources.description) : nil
        trainer = try Trainer(
            start.network, kind: start.kind, settings: settings, batches: batches,
            embeddings: isFrozen
                ? FrozenEmbeddings(
                    start.network, cache: frozen, isBFloat16: settings.isBFloat16) : nil,
            teacher: try command.network.teacher.map { name in
                try Self.teacher(
                    try Self.checkpoint(name), student: start, settings: settings, device: device,
                    cache: try cache(Self.checkpoint(name).sha256 + " teacher"))
            })
        let plain = try command.data.preparation(
            start, variants: isFrozen ? variants : nil, seed: settings.seed)
        validation =
            selection.validation.isEmpty
            ? nil
            : Validation(
                samples: selection.validation,
                pointings: try command.data.pointings(prompts), preparation: plain)
        self.command = command
        self.start = start
        self.folder = folder
    }

    /// The options of a run that is gone on with, or those given, and the run's folder.
    private static func resumed(_ given: TrainCommand) throws -> (TrainCommand, RunFolder?) {
        guard let resume = given.course.resume else {
            guard !given.course.dryRun else { return (given, nil) }
            let folder = try RunFolder.create(
                in: given.course.project, name: given.course.name, replacing: given.course.force)
            try given.arguments.write(to: folder.arguments)
            return (given, folder)
        }
        guard let path = resume == "latest" ? RunFolder.latest(in: given.course.project) : resume
        else { throw RunFolderError.noRun(path: given.course.project) }
        let folder = try RunFolder.resume(path)
        var command = try TrainCommand.parse(
            RunArguments.read(folder.arguments).words)
        // What may differ from start to start without a change of the result.
        command.course.timeLimit = given.course.timeLimit
        command.course.threads = given.course.threads ?? command.course.threads
        command.course.dryRun = given.course.dryRun
        return (command, folder)
    }

    static func checkpoint(_ name: String) throws -> Checkpoint {
        try Checkpoint.read(ModelCatalog.path(of: name))
    }

    private static func teacher(
        _ checkpoint: Checkpoint, student: NetworkStart, settings: TrainingSettings,
        device: Device, cache: EmbeddingCache?
    ) throws -> Teacher {
        let taught = try NetworkStart(nil, sizes: nil, from: checkpoint, seed: 0)
        let network = taught.network
        network.setTrainable(false)
        network.evaluate()
        network.move(to: device)
        network.foldBatchNorms()
        let grids = [taught, student].map {
            $0.kind == .liteMedSAM ? 64 : $0.sizes.imageSize / ($0.kind == .sam ? 16 : 8)
        }
        guard grids[0] == grids[1] || grids[0] == 2 * grids[1] else {
            throw TrainingError.start(
                "a teacher with \(grids[0]) x \(grids[0]) cells cannot teach \(grids[1]) x \(grids[1])"
            )
        }
        return Teacher(
            FrozenEmbeddings(
                network, cache: cache, isBFloat16: settings.isBFloat16,
                isPooled: grids[0] != grids[1]),
            inputSize: taught.kind == .liteMedSAM ? LiteMedSAM.inputSize : taught.sizes.imageSize,
            preparation: taught.kind.preparation)
    }

    /// Everything that the result depends on, as one line.
    private static func identity(
        _ command: TrainCommand, prompts: PromptMix, selection: SampleSelection,
        sources: [String: String]
    ) throws -> String {
        let free: Set = [
            "project", "name", "force", "resume", "dry-run", "time-limit", "keep-every", "threads",
            "workers", "deterministic", "device", "licence", "embeddings", "embeddings-limit",
            "picture-cache", "patience", "data",
        ]
        let options = command.arguments.entries.filter { !free.contains($0.name) }
            .map { "\($0.name)=\($0.value)" }
        let files = sources.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return (options + files + ["samples=\(selection.fingerprint)"]).joined(separator: " ")
    }
}
