import ArgumentParser
import Checkpoints
import Commands
import Inference
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN
import Training

/// A training as its options mean it: data, network and numbers, ready to run.
struct TrainPlan {
    let command: TrainCommand
    let start: InitializedNetwork
    let trainer: Trainer
    let validation: Validation?
    let folder: RunFolder?
    let identity: String

    /// Reads what the options name, without training anything.
    ///
    /// - Throws: why data or weights cannot be used.
    init(resolving given: TrainCommand) throws {
        let group = try ProcessGroup.fromEnvironment()
        let (command, resumed) = try Self.resumed(given, group)
        let run = command.course
        TorchRuntime.threads = run.deterministic ? 1 : run.threads ?? TorchRuntime.threads
        let device = Device(run.device, index: group?.localRank)
        try device.check()
        let selection = try SampleSelection(command.data, seed: command.steps.seed)
        let start = try Self.started(command, on: device)
        let prompts =
            try command.data.prompts.map { try PromptMix($0) }
            ?? command.network.recipe.prompts(for: start.kind)
        let teacher = try command.network.teacher.map(Self.checkpoint)
        let settings = command.settings
        let isFrozen = command.network.recipe == .decoder && !start.isEncoderTrained
        guard start.isEncoderTrained || teacher == nil else {
            throw TrainingError.start("the image encoder is frozen: a --teacher could not teach it")
        }
        let variants = command.data.variants ?? (isFrozen || teacher != nil ? 4 : nil)
        let preprocessing = try command.data.preprocessing(
            start, variants: variants, seed: settings.seed)
        validation =
            selection.validation.isEmpty
            ? nil
            : Validation(
                samples: selection.validation,
                pointings: try command.data.pointings(prompts, of: start.kind),
                preprocessing: isFrozen ? preprocessing : preprocessing.withoutVariants)
        guard validation != nil || settings.patience == nil else {
            throw ValidationError("--patience needs a validation list, and there is none")
        }
        let batches = BatchMaker(
            samples: selection.train, preprocessing: preprocessing, prompts: prompts,
            size: settings.batch, rank: group?.rank ?? 0, processes: group?.size ?? 1)
        try Trainer.check(start.network, kind: start.kind, batches: batches)
        let taught = try teacher.map { try Self.taught($0, student: start, on: device) }
        identity =
            try command.identity(of: start, teacher: teacher, selection)
            + (group.map { " processes=\($0.size)" } ?? "")
        try group?.expectEqual(identity, "options, weights or data")
        // Last of all: what cannot be trained leaves no folder.
        folder = try resumed ?? Self.newFolder(command, group)

        let kept =
            variants == nil
            ? nil : command.data.embeddings ?? folder.map { $0.path + "/embeddings" }
        func cache(_ encoder: String) throws -> EmbeddingCache? {
            try kept.map { folder in
                try EmbeddingCache(
                    folder: folder, key: "\(encoder) \(command.steps.precision.rawValue)",
                    limit: Int(command.data.embeddingsLimit * 1e9), processes: group?.size ?? 1)
            }
        }
        trainer = try Trainer(
            start.network, kind: start.kind, settings: settings, batches: batches,
            embeddings: isFrozen
                ? FrozenEmbeddings(
                    start.network, cache: try cache(start.encoderName),
                    isBFloat16: settings.isBFloat16) : nil,
            teacher: try taught.map { taught in
                Teacher(
                    FrozenEmbeddings(
                        taught.network, cache: try cache(taught.encoderName),
                        isBFloat16: settings.isBFloat16,
                        isPooled: Self.gridSize(taught) != Self.gridSize(start)),
                    inputSize: taught.configuration.inputSize,
                    preprocessing: taught.kind.preprocessing)
            }, group: try group.map { try ProcessTraining(start.network, in: $0) })
        self.command = command
        self.start = start
    }

    /// The network with its first weights, frozen where it is not trained.
    private static func started(
        _ command: TrainCommand, on device: Device
    ) throws -> InitializedNetwork {
        let options = command.network
        let start = try InitializedNetwork(
            options.kind ?? options.recipe.architecture,
            configuration: options.start == nil ? .sam(try options.sizes()) : nil,
            from: try options.start.map(checkpoint),
            decoder: try options.decoderFrom.map(checkpoint), seed: command.steps.seed)
        try options.freeze(start)
        (start.network as? SAMUS)?.checkpointsActivations = command.course.checkpointActivations
        start.network.move(to: device)
        return start
    }

    /// The options of a run that is gone on with and its folder, or the options given.
    private static func resumed(
        _ given: TrainCommand, _ group: ProcessGroup?
    ) throws -> (TrainCommand, RunFolder?) {
        var resume = given.course.resume
        if given.course.continues, let name = given.course.name {
            let path = given.course.project + "/" + name
            resume = resume ?? (RunFolder.isRun(path) ? path : nil)
        }
        guard let resume else { return (given, nil) }
        let folder = try RunFolder.shared(by: group) {
            let project = given.course.project
            guard let path = resume == "latest" ? RunFolder.latest(in: project) : resume
            else { throw RunFolderError.noRun(path: project) }
            return try RunFolder.resume(path)
        }
        var command = try TrainCommand.parse(RunArguments.read(folder.arguments).words)
            .going(onWith: given)
        command.course.dryRun = given.course.dryRun
        return (command, folder)
    }

    private static func newFolder(
        _ command: TrainCommand, _ group: ProcessGroup?
    ) throws -> RunFolder? {
        let course = command.course
        guard !course.dryRun else { return nil }
        return try RunFolder.shared(by: group) {
            let folder = try RunFolder.create(
                in: course.project, name: course.name, replacing: course.force)
            try command.arguments.write(to: folder.arguments)
            return folder
        }
    }

    static func checkpoint(_ name: String) throws -> Checkpoint {
        try Checkpoint.read(ModelCatalog.path(of: name))
    }

    private static func gridSize(_ start: InitializedNetwork) -> Int {
        start.network.promptEncoder.gridSize
    }

    /// A network that teaches, as it comes.
    private static func taught(
        _ checkpoint: Checkpoint, student: InitializedNetwork, on device: Device
    ) throws -> InitializedNetwork {
        let taught = try InitializedNetwork(nil, configuration: nil, from: checkpoint, seed: 0)
        let network = taught.network
        network.setTrainable(false)
        network.evaluate()
        network.move(to: device)
        network.foldBatchNorms()
        let (grid, own) = (gridSize(taught), gridSize(student))
        guard grid == own || grid == 2 * own else {
            throw TrainingError.start(
                "a teacher with \(grid) x \(grid) cells cannot teach \(own) x \(own)")
        }
        return taught
    }
}
