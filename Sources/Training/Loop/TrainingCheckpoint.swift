import Checkpoints
import FileIO
import Foundation
import Torch
import TorchNN

/// The progress of a training, without its tensors.
public struct TrainingPosition: Codable, Equatable, Sendable {
    /// The current or next epoch, from 0.
    public var epoch = 0
    /// Batches of the epoch that are done.
    public var batch = 0
    /// Optimizer steps so far.
    public var step = 0
    /// Samples seen so far.
    public var samples = 0
    /// Seconds of training so far, over all starts.
    public var seconds = 0.0
    /// The selected mean of the best validation so far.
    public var best: Double?
    /// The column of ``best`` in `results.csv`; nil in checkpoints of version 0.1.
    public var bestColumn: String?
    /// Epoch of the best validation.
    public var bestEpoch: Int?
    /// Sums over the current epoch.
    public var sums = Sums()
    /// Exponential moving average of the loss.
    public var smoothedLoss: Double?
    /// Minimum of the smoothed loss.
    public var lowestLoss: Double?
    /// Scales the loss of a training in float16; nil in other precisions.
    public var scaler: GradientScaler?

    /// Sums over the batches and steps of an epoch, for their means.
    public struct Sums: Codable, Equatable, Sendable {
        var loss = 0.0
        var crossEntropy = 0.0
        var dice = 0.0
        var teacher = 0.0
        var batches = 0
        var gradientNorm = 0.0
        var steps = 0

        /// Means by their columns in `results.csv`.
        var means: [String: Double] {
            let batches = Double(max(batches, 1))
            return [
                "train/loss": loss / batches, "train/bce": crossEntropy / batches,
                "train/dice_loss": dice / batches,
                "grad_norm": gradientNorm / Double(max(steps, 1)),
            ]
        }
    }

    /// The position at the start of a training.
    public init() {}

    /// Whether numbers that were read from a file are possible in a training.
    ///
    /// - Parameters:
    ///   - epochs: number of epochs of the training.
    ///   - batches: number of batches of an epoch.
    /// - Returns: false also for numbers with which later sums could overflow.
    func isPossible(epochs: Int, batches: Int) -> Bool {
        let numbers = [
            best ?? 0, smoothedLoss ?? 0, lowestLoss ?? 0, sums.loss, sums.crossEntropy, sums.dice,
            sums.teacher, sums.gradientNorm,
        ]
        let counts = [samples, sums.steps, sums.batches]
        return (0...epochs).contains(epoch) && (0...batches).contains(batch)
            && (0...(epochs * batches)).contains(step)
            && (bestEpoch.map { (0...epoch).contains($0) } ?? true)
            && counts.allSatisfy { (0...(1 << 53)).contains($0) }
            && numbers.allSatisfy { !$0.isNaN } && (0...1e10).contains(seconds)
            && scaler?.isPossible != false
    }

    /// Adds one batch.
    ///
    /// - Parameters:
    ///   - values: the loss of all processes.
    ///   - gradientNorm: norm of the gradient; nil where the optimizer took no step.
    ///   - samples: samples of all processes.
    mutating func add(_ values: BatchLoss.Values, gradientNorm: Double?, samples: Int) {
        sums.loss += values.value
        sums.crossEntropy += values.crossEntropy
        sums.dice += values.dice
        sums.teacher += values.teacher
        sums.batches += 1
        if let gradientNorm {
            sums.gradientNorm += gradientNorm
            sums.steps += 1
            step += 1
        }
        batch += 1
        self.samples += samples
    }

    /// Moves on to the next epoch.
    mutating func nextEpoch() {
        epoch += 1
        batch = 0
        sums = Sums()
    }
}

/// `weights/state.safetensors`: everything that resuming needs, in one file that is replaced
/// atomically.
///
/// A checkpoint is *confirmed* once a finite loss has been computed with its weights. Until then
/// the previous checkpoint is kept as `state.safetensors.before`.
final class TrainingCheckpoint {
    static let positionKey = "samus.training.progress"
    static let identityKey = "samus.training.run"
    private static let averageStepsKey = "samus.training.average.steps"

    private let path: String
    private let identity: RunIdentity
    private let arguments: RunArguments
    private var lastSave = ContinuousClock.now
    private var isConfirmed: Bool
    private var hasFallback = true

    /// - Parameters:
    ///   - path: the file.
    ///   - identity: what must agree for resuming.
    ///   - arguments: the run's `args.yaml`, to read checkpoints of former versions.
    init(path: String, identity: RunIdentity, arguments: RunArguments) {
        self.path = path
        self.identity = identity
        self.arguments = arguments
        isConfirmed = access(path + ".before", F_OK) != 0
    }

    /// Whether there is a checkpoint to resume from.
    var exists: Bool { access(path, F_OK) == 0 }

    var secondsSinceSave: Double { (ContinuousClock.now - lastSave).inSeconds }

    /// Writes the checkpoint; the previous one is kept until the new one is confirmed.
    ///
    /// - Throws: `CheckpointError` when it cannot be written.
    func save(
        network: Module, optimizer: Adam, average: MovingAverage?, position: TrainingPosition
    ) throws {
        if isConfirmed { hasFallback = setAside() }
        var tensors = network.namedValues().map { ("model.\($0.name)", $0.value.value) }
        let moments = optimizer.stateDictionary(network.namedParameters())
        tensors += moments.names.compactMap { name in
            moments[name].map { ("optimizer.\(name)", $0) }
        }
        var metadata = [
            Self.positionKey: String(decoding: try JSON.encode(position), as: UTF8.self),
            Self.identityKey: try identity.json, "format": "pt",
        ]
        if let average {
            let averages = average.stateDictionary
            tensors += averages.names.compactMap { name in
                averages[name].map { ("average.\(name)", $0) }
            }
            metadata[Self.averageStepsKey] = "\(average.steps)"
        }
        try Safetensors.write(
            tensors.map { (name: $0.0, tensor: StoredTensor($0.1)) }, metadata: metadata, to: path)
        isConfirmed = false
        lastSave = .now
    }

    /// Confirms the last checkpoint after a finite loss, and removes the previous one.
    func confirm() {
        if !isConfirmed { unlink(before) }
        isConfirmed = true
    }

    /// Removes files that are not needed after the end of the training.
    ///
    /// - Parameter isComplete: whether resuming would not train further.
    func finish(isComplete: Bool) {
        if isConfirmed || isComplete { unlink(before) }
    }

    /// Goes back to the previous checkpoint, or to none, unless the last checkpoint is confirmed.
    ///
    /// - Throws: ``TrainingError/state(path:reason:)`` with the system's reason.
    func discardUnconfirmed() throws(TrainingError) {
        guard !isConfirmed, hasFallback else { return }
        let result = access(before, F_OK) == 0 ? rename(before, path) : unlink(path)
        guard result == 0 || errno == ENOENT else {
            throw .state(path: path, reason: String(cString: strerror(errno)))
        }
    }

    private var before: String { path + ".before" }

    /// Gives the checkpoint a second name, under which the next ``save`` does not replace it.
    ///
    /// - Returns: whether it has one, or there is no checkpoint yet.
    private func setAside() -> Bool {
        unlink(before)
        if link(path, before) == 0 || errno == ENOENT { return true }
        // Some network file systems have no hard links.
        do {
            try FileManager.default.copyItem(atPath: path, toPath: before)
            return true
        } catch {
            unlink(before)
            return false
        }
    }

    /// Loads the checkpoint into a network and its optimizer.
    ///
    /// - Parameters:
    ///   - network: gets the weights.
    ///   - optimizer: gets the moments.
    ///   - average: gets the averages; nil where there are none.
    ///   - epochs: number of epochs of the training.
    ///   - batches: number of batches of an epoch.
    /// - Returns: the position of the training.
    /// - Throws: ``TrainingError/state(path:reason:)`` when it belongs to another run, and
    ///   ``TrainingError/damagedState(path:reason:weights:)``.
    func load(
        network: Module, optimizer: Adam, average: MovingAverage?, epochs: Int, batches: Int
    ) throws(TrainingError) -> TrainingPosition {
        do {
            return try read(
                network: network, optimizer: optimizer, average: average, epochs: epochs,
                batches: batches)
        } catch let error as TrainingError {
            throw error
        } catch {
            throw damaged("\(error)")
        }
    }

    private func damaged(_ reason: String) -> TrainingError {
        let last = URL(fileURLWithPath: path).deletingLastPathComponent()
            .appendingPathComponent("last.safetensors")
        let isWhole = (try? Checkpoint.read(last.path)) != nil
        return .damagedState(
            path: path, reason: reason, weights: isWhole ? last.relativePath : nil)
    }

    private func read(
        network: Module, optimizer: Adam, average: MovingAverage?, epochs: Int, batches: Int
    ) throws -> TrainingPosition {
        let checkpoint = try Checkpoint.read(path)
        guard let text = checkpoint.metadata[Self.positionKey] else {
            throw damaged("it is not a training checkpoint")
        }
        guard let position = try? JSON.decode(TrainingPosition.self, from: text.utf8) else {
            throw damaged("the position of the training in its metadata cannot be read")
        }
        let differences = identity.differences(
            from: checkpoint.metadata[Self.identityKey], arguments: arguments)
        guard differences.isEmpty else {
            throw TrainingError.state(
                path: path,
                reason: "it belongs to a run with other options or data: "
                    + differences.joined(separator: "; "))
        }
        guard position.isPossible(epochs: epochs, batches: batches) else {
            throw damaged(
                "it states a position that this training cannot have: epoch \(position.epoch), "
                    + "batch \(position.batch), step \(position.step), \(position.samples) "
                    + "samples, \(position.seconds) seconds")
        }
        try network.load(PrefixedSource(prefix: "model.", source: checkpoint))
        try optimizer.load(
            PrefixedSource(prefix: "optimizer.", source: checkpoint), network.namedParameters())
        if let average {
            let steps = checkpoint.metadata[Self.averageStepsKey].flatMap(Int.init) ?? 0
            guard (0...(1 << 53)).contains(steps) else {
                throw damaged("its average states \(steps) steps")
            }
            try average.load(PrefixedSource(prefix: "average.", source: checkpoint), steps: steps)
        }
        return position
    }
}

/// The tensors of a checkpoint with one name prefix, without the prefix.
private struct PrefixedSource: TensorSource {
    let prefix: String
    let source: Checkpoint

    var names: [String] {
        source.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    func shape(of name: String) -> [Int]? { source.shape(of: prefix + name) }
    func dtype(of name: String) -> DType? { source.dtype(of: prefix + name) }
    func read(_ name: String, into target: Tensor) throws {
        try source.read(prefix + name, into: target)
    }
}
