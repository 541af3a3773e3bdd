import FileIO
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// Trains a network of SAM's family, step by step.
///
/// All that is random depends on the seed, the epoch and the sample's number alone, so that a
/// training that was stopped goes on as if it had not been.
public final class Trainer {
    /// The network.
    public let network: any PromptableNetwork
    /// Which network it is.
    public let kind: ModelArchitecture
    /// The numbers of the training.
    public let settings: TrainingSettings
    /// Makes the batches.
    public let batches: BatchMaker
    /// Where the training stands.
    public internal(set) var position = TrainingPosition()
    /// The moving average of weights, where there is one.
    public let average: MovingAverage?

    let embeddings: FrozenEmbeddings?
    let teacher: Teacher?
    let group: ProcessTraining?
    let optimizer: Adam
    let schedule: LearningRateSchedule

    /// A training that has not begun.
    ///
    /// - Parameters:
    ///   - network: with its first weights, frozen where it is not trained.
    ///   - kind: which network it is.
    ///   - settings: the numbers of the training.
    ///   - batches: makes the batches.
    ///   - embeddings: of a frozen image encoder, kept; nil where the encoder is trained.
    ///   - teacher: whose embeddings are to be imitated.
    ///   - group: the processes that train together; nil for this one alone.
    /// - Throws: ``TrainingError`` when there is nothing to train, or prompts and network do not go
    ///   together.
    public init(
        _ network: any PromptableNetwork, kind: ModelArchitecture, settings: TrainingSettings,
        batches: BatchMaker, embeddings: FrozenEmbeddings? = nil, teacher: Teacher? = nil,
        group: ProcessTraining? = nil
    ) throws {
        try Self.check(network, kind: kind, batches: batches)
        self.network = network
        self.kind = kind
        self.settings = settings
        self.batches = batches
        self.embeddings = embeddings
        self.teacher = teacher
        self.group = group
        optimizer = Adam(
            network.trainable, learningRate: settings.learningRate,
            weightDecay: settings.isDecoupled
                ? .decoupled(settings.weightDecay) : .inGradient(settings.weightDecay))
        average = settings.averageDecay.map { MovingAverage(of: network, decay: $0) }
        schedule = LearningRateSchedule(
            settings.learningRate, shape: settings.shape, warmUp: settings.warmUp,
            total: settings.epochs * ((batches.count - 1) / settings.accumulation + 1))
    }

    /// Makes sure that there is something to train, with prompts that the network takes.
    ///
    /// - Parameters:
    ///   - network: frozen where it is not trained.
    ///   - kind: which network it is.
    ///   - batches: makes the batches.
    /// - Throws: ``TrainingError`` with what is missing.
    public static func check(
        _ network: any PromptableNetwork, kind: ModelArchitecture, batches: BatchMaker
    ) throws(TrainingError) {
        guard !network.trainable.isEmpty else { throw .nothingToTrain }
        guard
            kind.isPromptFree || !batches.prompts.parts.contains(where: { $0.kind == .promptFree })
        else { throw .unprompted(kind: kind) }
        guard batches.count > 0 else {
            throw .start(
                "\(batches.samples.count) samples cannot be shared out among "
                    + "\(batches.processes) processes")
        }
    }

    /// Goes on with the epoch under way.
    ///
    /// - Parameters:
    ///   - after: told of each batch, and asked what is wanted; what one of several processes wants
    ///     happens in all, after a step of the optimizer.
    ///   - keep: keeps the state.
    /// - Returns: whether the epoch is done, and why it was stopped; both after its last step.
    /// - Throws: ``TrainingError`` when the loss is not finite or diverges, and what reading
    ///   images throws.
    func runEpoch(
        after: (StepReport) throws -> StepWish, keep: () throws -> Void
    ) throws -> (isDone: Bool, ending: StepWish) {
        setMode()
        let epoch = position.epoch
        let order = batches.order(of: epoch)
        let loader = Loader(position.batch..<order.count, workers: settings.workers) {
            [batches] place in
            try batches.batch(order[place], place: place, epoch: epoch)
        }
        defer { loader.stop() }
        var waited = 0.0
        var ending: StepWish = []
        while ending.isEmpty, let batch = try loader.next() {
            let start = ContinuousClock.now
            let isLast = position.batch + 1 == order.count
            let isStep = isLast || (position.batch + 1) % settings.accumulation == 0
            let first = position.batch / settings.accumulation * settings.accumulation
            let parts = min(settings.accumulation, order.count - first)
            var report = try self.batch(batch, share: 1 / Double(parts), isStep: isStep)
            let wait = loader.waited - waited
            waited = loader.waited
            report.waited = wait
            report.seconds = (ContinuousClock.now - start).inSeconds + wait
            report.batches = order.count
            position.seconds += report.seconds
            var wish = try after(report)
            guard isStep else { continue }
            if let group { wish = try group.union(wish) }
            if wish.contains(.keep) {
                try keep()
                try group?.meet()
            }
            ending = wish.intersection([.interrupted, .timeLimit])
        }
        return (position.batch == order.count, ending)
    }

    /// Runs `body` with the averaged weights, where there are some.
    func averaged<Result>(_ body: () throws -> Result) rethrows -> Result {
        try average.map { try $0.applied(body) } ?? body()
    }

    /// Begins the next epoch.
    public func nextEpoch() {
        position.epoch += 1
        position.batch = 0
        position.sums = .init()
    }

    /// Training's behaviour of layers; what is frozen keeps that of inference, with its statistics.
    private func setMode() {
        guard embeddings != nil else {
            network.train()
            network.visit { _, module in
                let weights = module.parameters
                if !weights.isEmpty, !weights.contains(where: \.isTrainable) { module.evaluate() }
            }
            return
        }
        network.evaluate()
        network.foldBatchNorms()
    }

    /// One batch forward and backward, and where it is due a step of the optimizer.
    private func batch(_ batch: Batch, share: Double, isStep: Bool) throws -> StepReport {
        var loss = try self.loss(of: batch)
        var total = loss.total.item()
        if let group {
            // Each process has the figures of its own part.
            let means = try group.mean([total, loss.crossEntropy, loss.dice, loss.teacher])
            (total, loss.crossEntropy, loss.dice, loss.teacher) = (
                means[0], means[1], means[2], means[3]
            )
        }
        guard total.isFinite else {
            throw TrainingError.notFinite(
                what: "loss", step: position.step, samples: batch.names)
        }
        group?.willRunBackward(isLast: isStep)
        (loss.total * share).backward()
        var sums = position.sums
        sums.loss += total
        sums.crossEntropy += loss.crossEntropy
        sums.dice += loss.dice
        sums.teacher += loss.teacher
        sums.batches += 1
        var norm: Double?
        let rate = schedule.rate(at: position.step)
        if isStep {
            try group?.finishGradients()
            norm =
                settings.clip.map { GradientClipping.clip(network.trainable, to: $0) }
                ?? GradientClipping.norm(of: network.trainable)
            guard let norm, norm.isFinite else {
                throw TrainingError.notFinite(
                    what: "gradient", step: position.step, samples: batch.names)
            }
            optimizer.learningRate = rate
            optimizer.step()
            network.zeroGrad()
            average?.update()
            sums.gradientNorm += norm
            sums.steps += 1
            position.step += 1
        }
        position.sums = sums
        position.batch += 1
        position.samples += batch.examples.count * batches.processes
        try watch(total, batch)
        return StepReport(
            epoch: position.epoch, batch: position.batch, step: position.step, loss: total,
            crossEntropy: loss.crossEntropy, dice: loss.dice, teacher: loss.teacher,
            gradientNorm: norm, learningRate: rate,
            samples: batch.examples.count * batches.processes)
    }

    /// Stops a training whose loss has left its lowest far below.
    private func watch(_ loss: Double, _ batch: Batch) throws(TrainingError) {
        let smoothed = position.smoothedLoss.map { 0.98 * $0 + 0.02 * loss } ?? loss
        position.smoothedLoss = smoothed
        let lowest = min(position.lowestLoss ?? smoothed, smoothed)
        position.lowestLoss = lowest
        guard settings.divergence > 0, position.step > 100, smoothed > settings.divergence * lowest
        else { return }
        throw .diverged(
            loss: smoothed, lowest: lowest, step: position.step, samples: batch.names)
    }
}
