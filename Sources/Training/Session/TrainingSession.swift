import Checkpoints
import Datasets
import FileIO
import Imaging
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// A training, new or resumed, before it starts.
///
/// Making a session has no side effects. ``prepare()`` reads data and weights and makes the run's
/// folder last, so that a training that cannot start leaves no folder.
public struct TrainingSession {
    /// A new run or one that is resumed.
    public enum Start: Sendable {
        /// A new run with a configuration, in a folder of `project`.
        ///
        /// `name` is the folder's name, nil for the first free one of exp, exp2, …; `replacing`
        /// removes a run of that name first.
        case new(
            TrainingConfiguration, project: String = "runs/train", name: String? = nil,
            replacing: Bool = false)
        /// The run of a folder, with some options changed.
        case resume(path: String, changes: RunArguments = RunArguments([]))
        /// A new run without a folder, to see what would be trained.
        case dryRun(TrainingConfiguration)
    }

    private let start: Start
    private let path: (String) throws -> String
    /// Whether a processor may train in float16, for tests: it is slow.
    var allowsFloat16 = false

    /// - Parameters:
    ///   - start: a new run or one that is resumed.
    ///   - path: finds the file of named weights, for example `litemedsam`; by default a name is a
    ///     file.
    public init(_ start: Start, path: @escaping (String) throws -> String = { $0 }) {
        self.start = start
        self.path = path
    }

    /// Reads data and weights, makes or opens the run's folder, and loads its checkpoint.
    ///
    /// - Returns: a trainer that is ready to fit.
    /// - Throws: ``TrainingError``, ``RunFolderError``, `DatasetError`, `CheckpointError` and
    ///   `ProcessGroupError` with the reason why the training cannot start.
    public func prepare() throws -> PreparedTraining {
        let group = try ProcessGroup.fromEnvironment()
        let (given, arguments, resumedFolder) = try readConfiguration(group)
        try given.check()
        TorchRuntime.threads = given.deterministic ? 1 : given.threads ?? TorchRuntime.threads
        let device = Device(given.device.kind, index: group?.localRank)
        try device.check()
        guard given.precision != .f16 || device.kind == .cuda || allowsFloat16 else {
            throw TrainingError.option(
                "--precision f16 needs --device cuda; on this device, use bf16 or f32")
        }
        guard given.precision != .bf16 || device.kind != .cpu || Processor.current.hasBFloat16
        else {
            throw TrainingError.option(
                "--precision bf16: this processor (\(Processor.current.name)) has no bfloat16 "
                    + "arithmetic (AVX512-BF16, AMX or ARM's bf16), and would be many times slower "
                    + "than with f32")
        }

        let samples = try SampleSelection(given)
        let network = try makeNetwork(given, classes: samples.classes, on: device)
        let isFrozen = given.recipe == .decoder && !network.isEncoderTrained
        guard network.isEncoderTrained || given.teacher == nil else {
            throw TrainingError.start(
                "--teacher: the image encoder is frozen, so that it cannot learn from a teacher")
        }
        let teacher = try given.teacher.map(read)
        let configuration = try given.resolved(
            for: network, variants: isFrozen || teacher != nil ? 4 : 0)
        let prompts = try PromptMix(configuration.prompts ?? "")
        let strategies = try configuration.validationStrategies(
            trainedWith: prompts, for: network.architecture)
        let selectable = ResultsTable.validationColumns(
            sets: Set(samples.validation.map { "\($0.dataset)#\($0.label)" }).sorted(),
            prompts: strategies.map(\.description))
        guard samples.validation.isEmpty || selectable.contains(configuration.select) else {
            throw TrainingError.option(
                "--select \(configuration.select): the validation of this run has "
                    + selectable.joined(separator: ", "))
        }
        guard !samples.validation.isEmpty || configuration.patience == nil else {
            throw TrainingError.option("--patience needs a validation list, and there is none")
        }

        let transform = try makeTransform(
            configuration, for: network, classes: samples.classes)
        let batches = TrainingBatches(
            samples: samples.train, transform: transform, prompts: prompts,
            size: configuration.batch, balance: configuration.balance, rank: group?.rank ?? 0,
            processes: group?.size ?? 1)
        try Trainer.check(network.network, network.architecture, batches)
        let teacherNetwork = try teacher.map { try makeTeacher($0, student: network, on: device) }
        let identity = RunIdentity(
            configuration, weights: network.sources, teacher: try teacher?.sha256,
            samples: samples.fingerprint, processes: batches.processes)
        try group?.expectEqual(try identity.json, "options, weights or data")
        let folder = try resumedFolder ?? makeFolder(configuration, group)

        func encoder(_ network: InitializedNetwork, isPooled: Bool = false) throws -> CachedEncoder
        {
            let path = configuration.embeddings ?? folder.map { $0.path + "/embeddings" }
            let cache =
                transform.variants == nil
                ? nil
                : try path.map {
                    try EmbeddingCache(
                        folder: $0,
                        key: "\(network.encoderName) \(configuration.precision.rawValue)",
                        limit: Int(configuration.embeddingsLimit * 1e9),
                        processes: batches.processes)
                }
            return CachedEncoder(
                network.network, cache: cache, dtype: configuration.precision.dtype,
                isPooled: isPooled)
        }
        let cachedEncoder = isFrozen ? try encoder(network) : nil
        let distributed = try group.map { try DistributedTraining(network.network, in: $0) }
        let validation =
            samples.validation.isEmpty
            ? nil
            : Validation(
                samples: samples.validation, strategies: strategies,
                transform: isFrozen ? transform : transform.withoutVariants,
                network: network.network, encoder: cachedEncoder,
                dtype: configuration.precision.dtype,
                workers: configuration.workers, group: distributed)
        let checkpoint = folder.map {
            TrainingCheckpoint(path: $0.state, identity: identity, arguments: arguments)
        }
        let trainer = try Trainer(
            network.network, architecture: network.architecture, configuration: configuration,
            batches: batches, validation: validation, encoder: cachedEncoder,
            teacher: try teacherNetwork.map {
                Teacher(
                    try encoder($0, isPooled: $0.gridSize != network.gridSize),
                    inputSize: $0.configuration.inputSize,
                    preprocessing: $0.architecture.preprocessing)
            }, group: distributed, checkpoint: batches.rank == 0 ? checkpoint : nil)
        if let checkpoint { try trainer.resume(from: checkpoint) }
        try group?.expectEqual(
            "\(trainer.position.step)",
            "the checkpoint in '\(folder?.path ?? "")': all processes need the same folder")
        return PreparedTraining(
            trainer: trainer, folder: folder, start: network, classes: samples.classes,
            isResumed: checkpoint?.exists ?? false)
    }

    /// The configuration before automatic values are resolved, the `args.yaml` of a resumed run,
    /// and its folder.
    private func readConfiguration(
        _ group: ProcessGroup?
    ) throws -> (TrainingConfiguration, RunArguments, RunFolder?) {
        switch start {
        case .new(var configuration, _, _, _), .dryRun(var configuration):
            configuration.precision = configuration.precision.chosen(on: configuration.device)
            return (configuration, configuration.arguments, nil)
        case .resume(let path, let changes):
            let folder = try RunFolder.shared(by: group) { try RunFolder.resume(path) }
            let arguments = try RunArguments.read(folder.arguments)
            var configuration = TrainingConfiguration.default
            do throws(TrainingError) {
                try configuration.set(arguments)
            } catch {
                throw RunFolderError.unreadable(path: folder.arguments, reason: "\(error)")
            }
            // The time limit applies to one start only.
            configuration.timeLimit = nil
            try configuration.change(changes)
            configuration.precision = configuration.precision.chosen(on: configuration.device)
            return (configuration, arguments, folder)
        }
    }

    private func makeFolder(
        _ configuration: TrainingConfiguration, _ group: ProcessGroup?
    ) throws -> RunFolder? {
        guard case .new(_, let project, let name, let replacing) = start else { return nil }
        return try RunFolder.shared(by: group) {
            let folder = try RunFolder.create(in: project, name: name, replacing: replacing)
            try configuration.arguments.write(to: folder.arguments)
            return folder
        }
    }

    private func read(_ name: String) throws -> Checkpoint {
        try Checkpoint.read(try path(name))
    }

    /// The network with its first weights, frozen where it is not trained.
    private func makeNetwork(
        _ configuration: TrainingConfiguration, classes: [ClassLabel]?, on device: Device
    ) throws -> InitializedNetwork {
        let architecture = configuration.network ?? configuration.recipe.architecture
        var newConfiguration = try configuration.newConfiguration(of: architecture)
        if let architecture { try configuration.checkClasses(for: architecture) }
        if let classes { newConfiguration = newConfiguration?.segmenting(classes: classes.count) }
        let checkpoint = try configuration.from.map(read)
        try checkpoint?.check(classes)
        let start = try InitializedNetwork(
            architecture, configuration: newConfiguration,
            from: checkpoint,
            adapter: try configuration.chosenAdapter(for: architecture),
            method: configuration.adapter,
            inputSize: configuration.inputSize,
            decoder: try configuration.decoderFrom.map(read), seed: configuration.seed)
        try configuration.checkClasses(for: start.architecture)
        guard configuration.without == nil || start.configuration == newConfiguration else {
            throw TrainingError.start(
                "--without \(configuration.without ?? ""): the weights of --from are a "
                    + "\(start.architecture.rawValue) with other parts")
        }
        guard configuration.recipe != .adapter || start.configuration.adapter != nil else {
            throw TrainingError.start(
                "--recipe adapter: this \(start.architecture.rawValue) has no adapters; "
                    + "--adapter adds them")
        }
        try configuration.recipe.freeze(start.network)
        configuration.adapter?.unfreezeDecoder(of: start.network)
        try setTrainable(false, configuration.freeze, in: start.network)
        try setTrainable(true, configuration.unfreeze, in: start.network)
        (start.network as? SAMUS)?.checkpointsActivations = configuration.checkpointActivations
        TorchRuntime.outOfMemoryAdvice = Self.memoryAdvice(
            configuration, inputSize: start.configuration.inputSize,
            canCheckpoint: start.network is SAMUS)
        start.network.move(to: device)
        return start
    }

    /// What needs less memory than this configuration.
    ///
    /// - Parameters:
    ///   - configuration: the configuration.
    ///   - inputSize: height and width of the network's input.
    ///   - canCheckpoint: whether the network can compute activations again.
    /// - Returns: a clause with batch, size and options.
    static func memoryAdvice(
        _ configuration: TrainingConfiguration, inputSize: Int, canCheckpoint: Bool
    ) -> String {
        var remedies: [String] = []
        if configuration.batch > 1 {
            remedies.append("a smaller --batch (and --accumulate for the same step)")
        }
        if canCheckpoint, !configuration.checkpointActivations {
            remedies.append("--checkpoint-activations")
        }
        if configuration.precision == .f32 { remedies.append("--precision bf16") }
        return "a step has batch \(configuration.batch) of \(inputSize)x\(inputSize) pixels"
            + (remedies.isEmpty ? "" : ": use \(remedies.joined(separator: ", or "))")
    }

    private func setTrainable(
        _ isTrainable: Bool, _ prefixes: String?, in network: any SegmentationNetwork
    ) throws(TrainingError) {
        for prefix in prefixes?.split(separator: ",") ?? [] {
            guard network.namedParameters().contains(where: { $0.name.hasPrefix(prefix) }) else {
                throw .start("no weight has the name prefix '\(prefix)' (--freeze, --unfreeze)")
            }
            network.setTrainable(isTrainable) { $0.hasPrefix(prefix) }
        }
    }

    /// The teacher's network, frozen.
    private func makeTeacher(
        _ checkpoint: Checkpoint, student: InitializedNetwork, on device: Device
    ) throws -> InitializedNetwork {
        let teacher = try InitializedNetwork(nil, configuration: nil, from: checkpoint, seed: 0)
        teacher.network.setTrainable(false)
        teacher.network.evaluate()
        teacher.network.move(to: device)
        teacher.network.foldBatchNorms()
        let (grid, own) = (teacher.gridSize, student.gridSize)
        guard grid == own || grid == 2 * own else {
            throw TrainingError.start(
                "the teacher's embedding has \(grid) x \(grid) cells, the student's \(own) x "
                    + "\(own): the teacher needs as many or twice as many")
        }
        return teacher
    }

    private func makeTransform(
        _ configuration: TrainingConfiguration, for network: InitializedNetwork,
        classes: [ClassLabel]?
    ) throws -> ExampleTransform {
        let recipe = try AugmentationRecipe(words: configuration.augment)
        // A network that pads its input never sees an image that was stretched to a square.
        let keepsProportions = network.architecture.preprocessing.keepsProportions
        let cache = LabelledImageCache(limit: Int(configuration.imageCache * 1e9))
        let variants = configuration.variants ?? 0
        return ExampleTransform(
            inputSize: network.configuration.inputSize,
            preprocessing: network.architecture.preprocessing,
            variants: variants == 0 ? nil : variants, objects: configuration.objects,
            classes: classes?.map(\.value),
            nothing: configuration.nothing, seed: configuration.seed,
            augment: { image, random in
                image =
                    keepsProportions
                    ? recipe.applyKeepingProportions(to: image, using: &random)
                    : recipe.apply(to: image, using: &random)
            },
            read: { try cache.image(of: $0) })
    }
}

/// A training that is ready to start.
public struct PreparedTraining {
    /// The trainer, at the step where it starts.
    public let trainer: Trainer
    /// The run's folder; nil for a dry run.
    public let folder: RunFolder?
    /// Whether a checkpoint was loaded.
    public let isResumed: Bool
    private let start: InitializedNetwork
    private let classes: [ClassLabel]?

    init(
        trainer: Trainer, folder: RunFolder?, start: InitializedNetwork, classes: [ClassLabel]?,
        isResumed: Bool
    ) {
        self.trainer = trainer
        self.folder = folder
        self.start = start
        self.classes = classes
        self.isResumed = isResumed
    }

    /// Makes the observers that write the run's folder.
    ///
    /// - Parameter versions: versions of the program and what it runs on, for `run.json`.
    /// - Returns: the observers; none for a dry run, and none on ranks other than 0.
    /// - Throws: ``RunFolderError`` when the folder cannot be written, `DatasetError` when the data
    ///   cannot be read.
    public func makeWriters(versions: [String: String]) throws -> [any TrainingObserver] {
        guard let folder, trainer.batches.rank == 0 else { return [] }
        let configuration = trainer.configuration
        let weights = TrainedWeights(
            architecture: start.architecture, configuration: start.configuration,
            origin: "trained by the recipe '\(configuration.recipe.rawValue)' with "
                + "\(counted(trainer.batches.samples.count, "sample")); \(start.origin)",
            licence: configuration.licence ?? start.licence,
            prompts: trainer.batches.prompts.promptKinds, classes: classes)
        let step = isResumed ? trainer.position.step : nil
        let images = ImageWriter(folder)
        let results = try ResultsWriter(
            folder, validation: trainer.validation, resumingAt: step)
        return [
            images, CaseWriter(folder), WeightsWriter(folder, weights), results,
            try EventLogger(folder, images: images, resumingAt: step),
            try RecordWriter(folder, try makeRecord(folder, versions)),
            ModelCardWriter(folder, weights, results: results),
        ]
    }

    private func makeRecord(
        _ folder: RunFolder, _ versions: [String: String]
    ) throws -> RunRecord {
        guard !isResumed else {
            var record = try RunRecord.read(folder.record)
            record.resumes.append(.init(step: trainer.position.step))
            return record
        }
        let samples = trainer.batches.samples + (trainer.validation?.samples ?? [])
        return RunRecord(
            seed: trainer.configuration.seed, dataHash: try DatasetCollection.hash(of: samples),
            startWeightsHash: start.sources.sorted { $0.key < $1.key }.map(\.value)
                .joined(separator: " "), adapter: start.configuration.adapter?.rawValue,
            classes: classes,
            versions: versions)
    }

    /// Network, data and options of the training, in several lines for the terminal.
    public var summary: String {
        let configuration = trainer.configuration
        let trained = trainer.network.trainable.reduce(0) { $0 + $1.value.elementCount }
        let all = trainer.network.parameters.reduce(0) { $0 + $1.value.elementCount }
        let batches = trainer.batches
        let sets = Dictionary(grouping: batches.samples, by: \.dataset).mapValues(\.count)
            .sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let validation = trainer.validation.map { validation in
            "\(counted(validation.samples.count, "sample")), prompts "
                + validation.strategies.map(\.description).joined(separator: " and ")
        }
        let classes = classes.map { "\nclasses    \($0.text)" } ?? ""
        let processes = batches.processes > 1 ? "\(batches.processes) processes of " : ""
        return """
            network    \(start.architecture.text(start.configuration)), \(all.formatted()) parameters, \
            \(trained.formatted()) trained (\(configuration.recipe.rawValue)); \(start.origin)
            samples    \(batches.samples.count) (\(sets))
            validation \(validation ?? "none: there is no best.safetensors, only last.safetensors")
            prompts    \(batches.prompts)\(classes)
            steps      \(batches.count == 1 ? "1 batch" : "\(batches.count) batches") of \(batches.size * batches.processes) per epoch, \
            \(counted(configuration.epochs, "epoch")), \(processes)\(counted(TorchRuntime.threads, "thread")), \
            \(configuration.precision.rawValue)
            folder     \(folder?.path ?? "none: a dry run trains nothing")
            \(ResearchNotice.text)
            """
    }
}

extension TrainingConfiguration {
    /// The configuration with effective values: automatic ones are replaced by what they mean for
    /// this network.
    ///
    /// - Parameters:
    ///   - network: the network that is trained.
    ///   - automaticVariants: number of variants where none is given.
    /// - Returns: the configuration without automatic values.
    /// - Throws: ``TrainingError`` for prompts that cannot be read or used.
    fileprivate func resolved(
        for network: InitializedNetwork, variants automaticVariants: Int
    ) throws -> TrainingConfiguration {
        var resolved = self
        resolved.network = network.architecture
        if case .sam(let sizes) = network.configuration {
            resolved.width = sizes.width
            resolved.depth = sizes.depth
            resolved.heads = sizes.heads
            resolved.globalBlocks = sizes.globalBlocks.map(String.init).joined(separator: ",")
        }
        resolved.prompts = prompts ?? recipe.prompts(for: network.architecture).description
        let mix = try PromptMix(resolved.prompts ?? "")
        guard network.architecture.isPromptFree || !mix.containsPromptFree else {
            throw TrainingError.needsPrompt(network.architecture)
        }
        if validationPrompts == nil {
            resolved.validationPrompts = try validationStrategies(
                trainedWith: mix, for: network.architecture
            ).map(\.description).joined(separator: ",")
        }
        resolved.variants = variants ?? automaticVariants
        resolved.weightDecay = effectiveWeightDecay
        resolved.iouLoss = effectiveIoULoss
        if !(network.network is any PromptableNetwork) {
            guard (iouLoss ?? 0) == 0 else {
                throw TrainingError.option(
                    "--iou-loss: \(network.architecture.rawValue) has no IoU estimate to train")
            }
            resolved.iouLoss = 0
        }
        resolved.threads = TorchRuntime.threads
        return resolved
    }
}

extension Checkpoint {
    /// Checks that the weights to start from segment the classes that are trained.
    ///
    /// - Parameter classes: the classes that are trained at once; nil for one object.
    /// - Throws: ``TrainingError/start(_:)`` where they differ, and `ConfigurationError`.
    fileprivate func check(_ classes: [ClassLabel]?) throws {
        guard let architecture else { return }
        let own = try self.classes(of: configuration(of: architecture))
        guard own?.map(\.value) != classes?.map(\.value), own != nil || classes != nil else {
            return
        }
        throw TrainingError.start(
            "the weights in '\(path)' segment \(own?.text ?? "one object"), and "
                + "\(classes?.text ?? "one object") is to be trained (--classes): start without "
                + "--from, or from weights of the same classes")
    }
}

extension TrainingDevice {
    /// The kind of device.
    public var kind: Device.Kind {
        switch self {
        case .cpu: .cpu
        case .cuda: .cuda
        case .mps: .mps
        }
    }
}

extension InitializedNetwork {
    /// Height and width of the image embedding in cells.
    fileprivate var gridSize: Int { network.embeddingSize }

    /// Everything that the image encoder depends on, as one line: a key of the embedding cache.
    fileprivate var encoderName: String {
        let files = sources.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        // Version 0.1 wrote ViT-B's sizes for networks without sizes: its caches stay valid.
        let sizes =
            if case .lite(let parts) = configuration {
                "parts \(parts.rawValue), \(architecture.preprocessing)"
            } else {
                configuration.metadata
                    ?? SAMConfiguration.base(imageSize: configuration.inputSize).json
            }
        return ([architecture.rawValue, sizes, origin] + files).joined(separator: " ")
    }
}
