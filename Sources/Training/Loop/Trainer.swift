import FileIO
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// Trains a network of SAM's family.
///
/// Everything random depends on the seed, the epoch and the sample's index only, so that a run that
/// was stopped resumes bit for bit.
public final class Trainer {
    /// The network.
    public let network: any SegmentationNetwork
    /// The architecture of the network.
    public let architecture: ModelArchitecture
    /// All options, with effective values.
    public let configuration: TrainingConfiguration
    /// The batches of every epoch.
    public let batches: TrainingBatches
    /// The validation after each epoch; nil for none.
    public let validation: Validation?
    /// The position of the training.
    public private(set) var position = TrainingPosition()
    /// Training speed since the start of the program.
    public private(set) var throughput = Throughput()

    private let objective: TrainingObjective
    private let group: DistributedTraining?
    private let checkpoint: TrainingCheckpoint?
    private let optimizer: Adam
    private let schedule: LearningRateSchedule
    private let average: MovingAverage?
    private let start = ContinuousClock.now

    /// Prepares a training.
    ///
    /// - Parameters:
    ///   - network: the network with its first weights, frozen where it is not trained.
    ///   - architecture: the architecture of the network.
    ///   - configuration: all options, with effective values.
    ///   - batches: the batches of every epoch.
    ///   - validation: the validation after each epoch; nil for none.
    ///   - encoder: the frozen image encoder with its cache; nil where the encoder is trained.
    ///   - teacher: the network whose embeddings are predicted; nil for none.
    ///   - group: the processes that train together; nil for one process.
    ///   - checkpoint: the file to save to; nil for none.
    /// - Throws: ``TrainingError`` when nothing is trained, or the network cannot be trained with
    ///   these prompts.
    init(
        _ network: any SegmentationNetwork, architecture: ModelArchitecture,
        configuration: TrainingConfiguration, batches: TrainingBatches, validation: Validation?,
        encoder: CachedEncoder?, teacher: Teacher?, group: DistributedTraining?,
        checkpoint: TrainingCheckpoint?
    ) throws(TrainingError) {
        try Self.check(network, architecture, batches)
        self.network = network
        self.architecture = architecture
        self.configuration = configuration
        self.batches = batches
        self.validation = validation
        self.group = group
        self.checkpoint = checkpoint
        objective = TrainingObjective(
            network: network, configuration: configuration, encoder: encoder, teacher: teacher,
            group: group)
        optimizer = Adam(
            network.trainable, learningRate: configuration.learningRate,
            weightDecay: configuration.optimizer == .adamw
                ? .decoupled(configuration.effectiveWeightDecay)
                : .inGradient(configuration.effectiveWeightDecay))
        if configuration.precision == .f16 { position.scaler = GradientScaler() }
        average = configuration.ema.map { MovingAverage(of: network, decay: $0) }
        schedule = LearningRateSchedule(
            configuration.learningRate, shape: configuration.schedule.shape,
            warmUp: configuration.warmUp,
            total: configuration.epochs * ((batches.count - 1) / configuration.accumulate + 1))
    }

    /// Trains until the last epoch or a stop condition.
    ///
    /// - Parameter observer: writes files and shows progress.
    /// - Returns: why the training ended.
    /// - Throws: ``TrainingError`` when the loss is not finite or diverges, and errors of reading
    ///   images and writing files. The last confirmed checkpoint stays.
    public func fit(observer: any TrainingObserver) throws -> TrainingEnd {
        do {
            try observer.trainingWillStart(self)
            let end = try trainEpochs(observer)
            try averaged { try observer.trainingDidEnd(end, self) }
            checkpoint?.finish(isComplete: !end.isResumable)
            return end
        } catch let error as TrainingError {
            // The last checkpoint may have the weights that gave the loss that is not finite.
            try checkpoint?.discardUnconfirmed()
            throw error
        }
    }

    private func trainEpochs(_ observer: any TrainingObserver) throws -> TrainingEnd {
        while position.epoch < configuration.epochs {
            if isPatienceExhausted { return .patience }
            // The first process may have written files in the meantime.
            try group?.meet()
            let stop = try trainEpoch(observer)
            if position.batch == batches.count { try finishEpoch(observer) }
            try save(observer)
            if let stop { return stop }
        }
        return .finished
    }

    /// Trains the rest of the current epoch.
    ///
    /// - Returns: why the training ended early; nil if the epoch is complete.
    private func trainEpoch(_ observer: any TrainingObserver) throws -> TrainingEnd? {
        setLayerModes()
        let epoch = position.epoch
        let order = batches.order(of: epoch)
        let prefetcher = Prefetcher(position.batch..<order.count, workers: configuration.workers) {
            [batches] index in
            try batches.batch(order[index], index: index, epoch: epoch)
        }
        defer { prefetcher.stop() }
        var waitedBefore = 0.0
        while let batch = try prefetcher.next() {
            let begin = ContinuousClock.now
            let result = try train(batch, of: order.count)
            let waited = prefetcher.waited - waitedBefore
            waitedBefore = prefetcher.waited
            let report = StepReport(
                epoch: epoch, batch: position.batch, batches: order.count, step: position.step,
                loss: result.loss.value, crossEntropy: result.loss.crossEntropy,
                dice: result.loss.dice, teacher: result.loss.teacher,
                gradientNorm: result.gradientNorm, learningRate: result.rate,
                samples: batch.examples.count * batches.processes,
                seconds: (ContinuousClock.now - begin).inSeconds + waited, waited: waited)
            position.seconds += report.seconds
            throughput.add(report)
            checkpoint?.confirm()
            try observer.stepDidEnd(report, self)
            guard report.gradientNorm != nil else { continue }
            let decision = try agreedDecision(after: report, observer)
            if decision.contains(.save) {
                try save(observer)
                try group?.meet()
            }
            if decision.contains(.interrupt) { return .interrupted }
            if decision.contains(.timeLimit) { return .timeLimit }
        }
        return nil
    }

    /// One batch forward and backward and, after the last batch of an accumulation, one step of the
    /// optimizer.
    private func train(
        _ batch: Batch, of count: Int
    ) throws -> (loss: BatchLoss.Values, gradientNorm: Double?, rate: Double) {
        let accumulate = configuration.accumulate
        let isStep = position.batch + 1 == count || (position.batch + 1) % accumulate == 0
        let parts = min(accumulate, count - position.batch / accumulate * accumulate)
        // Dropout draws from the default generator: the same numbers after a resume, and others in
        // each process.
        if var random = batch.randoms.first { Generator.seedDefault(random.next()) }
        let loss = try objective(batch)
        let own = loss.values()
        let values = try group?.mean(own) ?? own
        guard values.value.isFinite else {
            throw TrainingError.notFinite(
                what: "loss", step: position.step, samples: batch.names)
        }
        group?.willRunBackward(isLast: isStep)
        let weighted = loss.total * (1 / Double(parts))
        (position.scaler.map { weighted * Double($0.scale) } ?? weighted).backward()
        let rate = schedule.rate(at: position.step)
        var norm: Double?
        if isStep {
            try group?.finishGradients()
            norm = try takeStep(at: rate, after: batch)
            network.zeroGrad()
        }
        position.add(
            values, gradientNorm: norm, samples: batch.examples.count * batches.processes)
        try stopIfDiverged(values.value, batch)
        return (values, norm, rate)
    }

    /// One step of the optimizer.
    ///
    /// - Parameters:
    ///   - rate: the learning rate.
    ///   - batch: the last batch, for the message of an error.
    /// - Returns: the norm of the gradient; nil if the step was skipped, because gradients in
    ///   float16 were not finite.
    /// - Throws: ``TrainingError/notFinite(what:step:samples:)``.
    private func takeStep(at rate: Double, after batch: Batch) throws(TrainingError) -> Double? {
        if let isFinite = position.scaler?.unscale(network.trainable) {
            position.scaler?.update(isFinite: isFinite)
            if !isFinite, let scale = position.scaler?.scale, scale >= 1 { return nil }
        }
        let norm =
            configuration.clip.map { GradientClipping.clip(network.trainable, to: $0) }
            ?? GradientClipping.norm(of: network.trainable)
        guard norm.isFinite else {
            throw .notFinite(what: "gradient", step: position.step, samples: batch.names)
        }
        optimizer.learningRate = rate
        optimizer.step()
        average?.update()
        return norm
    }

    /// Validates, and moves on to the next epoch.
    private func finishEpoch(_ observer: any TrainingObserver) throws {
        var row = position.sums.means
        row["epoch"] = Double(position.epoch + 1)
        row["step"] = Double(position.step)
        row["time"] = position.seconds
        row["lr"] = schedule.rate(at: max(position.step - 1, 0))
        row["images_per_s"] = throughput.rate
        row["waited"] = throughput.waitedFraction
        row["memory_mb"] = Double(ProcessMemory.resident() ?? 0) / 1e6
        if let peak = TorchRuntime.peakMemory(of: network.device) {
            row["device_memory_mb"] = Double(peak.reserved) / 1e6
        }
        row["skipped_steps"] = position.scaler.map { Double($0.skippedSteps) }
        try averaged {
            if let validation {
                // Batch statistics are those of the first process, whose weights are written.
                try group?.shareValues()
                let result = try validation.run { observer.validationDidAdvance($0, of: $1) }
                row.merge(result.columns) { $1 }
                // A best value of version 0.1 counts absent objects as Dice 1.
                if position.bestColumn == nil, result.present.count < result.cases.count {
                    position.best = nil
                }
                let score = row[configuration.select] ?? 0
                let isBest = score > position.best ?? -1
                if isBest {
                    position.best = score
                    position.bestEpoch = position.epoch
                    position.bestColumn = configuration.select
                }
                try observer.validationDidEnd(result, isBest: isBest, self)
            }
            try observer.epochDidEnd(EpochReport(number: position.epoch + 1, row: row), self)
        }
        position.nextEpoch()
    }

    private func save(_ observer: any TrainingObserver) throws {
        try observer.checkpointWillBeSaved(self)
        try checkpoint?.save(
            network: network, optimizer: optimizer, average: average, position: position)
    }

    /// Loads a checkpoint into a training that has not begun.
    ///
    /// - Parameter checkpoint: the checkpoint's file; nothing happens where it does not exist.
    /// - Throws: ``TrainingError/state(path:reason:)`` when it belongs to another run.
    func resume(from checkpoint: TrainingCheckpoint) throws {
        guard checkpoint.exists else { return }
        position = try checkpoint.load(
            network: network, optimizer: optimizer, average: average,
            epochs: configuration.epochs, batches: batches.count)
    }
}

extension Trainer {
    /// What happens after a step of the optimizer.
    struct Decision: OptionSet {
        let rawValue: Int

        static let interrupt = Decision(rawValue: 1)
        static let timeLimit = Decision(rawValue: 2)
        static let save = Decision(rawValue: 4)
    }

    /// The combined decision of all processes: what one process needs happens in all of them.
    private func agreedDecision(
        after report: StepReport, _ observer: any TrainingObserver
    ) throws -> Decision {
        var decision: Decision = []
        if observer.isStopRequested { decision.insert(.interrupt) }
        if let limit = configuration.timeLimit, (ContinuousClock.now - start).inSeconds > 60 * limit
        {
            decision.insert(.timeLimit)
        }
        // A state with a loss far above its minimum is not worth resuming from.
        let isSound = (position.smoothedLoss ?? 0) <= 1.5 * (position.lowestLoss ?? .infinity)
        if let checkpoint, checkpoint.secondsSinceSave > 60 * configuration.saveEvery, isSound,
            report.batch < report.batches
        {
            decision.insert(.save)
        }
        return try group?.union(decision) ?? decision
    }

    private var isPatienceExhausted: Bool {
        guard let patience = configuration.patience, let best = position.bestEpoch else {
            return false
        }
        return position.epoch - 1 - best >= patience
    }

    /// Runs `body` while the network has its averaged weights, where there is an average.
    private func averaged<Result>(_ body: () throws -> Result) rethrows -> Result {
        try average.map { try $0.applied(body) } ?? body()
    }

    /// Sets layers to training mode; frozen layers keep their batch statistics.
    private func setLayerModes() {
        guard objective.encoder == nil else {
            network.evaluate()
            network.foldBatchNorms()
            return
        }
        network.train()
        network.visit { _, module in
            let weights = module.parameters
            if !weights.isEmpty, !weights.contains(where: \.isTrainable) { module.evaluate() }
        }
    }

    private func stopIfDiverged(_ loss: Double, _ batch: Batch) throws(TrainingError) {
        let smoothed = position.smoothedLoss.map { 0.98 * $0 + 0.02 * loss } ?? loss
        let lowest = min(position.lowestLoss ?? smoothed, smoothed)
        position.smoothedLoss = smoothed
        position.lowestLoss = lowest
        let limit = configuration.divergence
        guard limit > 0, position.step > 100, smoothed > limit * lowest else { return }
        throw .diverged(
            loss: smoothed, lowest: lowest, step: position.step, samples: batch.names)
    }

    /// Checks that there is something to train, with prompts that the network takes.
    static func check(
        _ network: any SegmentationNetwork, _ architecture: ModelArchitecture,
        _ batches: TrainingBatches
    ) throws(TrainingError) {
        guard !network.trainable.isEmpty else { throw .nothingToTrain }
        guard architecture.isPromptFree || !batches.prompts.containsPromptFree else {
            throw .needsPrompt(architecture)
        }
        guard
            network is any PromptableNetwork
                || batches.prompts.parts.allSatisfy({ $0.strategy == .promptFree })
        else { throw .takesNoPrompts(architecture) }
        guard batches.count > 0 else {
            throw .start(
                "\(batches.samples.count) samples are too few for \(batches.processes) processes")
        }
    }
}

extension TrainingConfiguration {
    /// The weight decay, by the optimizer where none is given.
    var effectiveWeightDecay: Double { weightDecay ?? (optimizer == .adamw ? 0.1 : 0) }
}

extension ScheduleName {
    /// The shape of the learning rate.
    var shape: LearningRateSchedule.Shape {
        switch self {
        case .constant: .constant
        case .polynomial: .polynomial(power: 0.9)
        case .cosine: .cosine(lowest: 0.01)
        }
    }
}
