import Checkpoints
import FileIO
import Foundation
import Torch
import TorchNN

/// Where a training stands, besides its tensors.
public struct TrainingPosition: Codable, Equatable, Sendable {
    /// The epoch that comes next or is under way, from 0.
    public var epoch = 0
    /// Batches of it that are done.
    public var batch = 0
    /// Steps of the optimizer so far.
    public var step = 0
    /// Samples seen so far.
    public var samples = 0
    /// Seconds of training so far, over all starts.
    public var seconds = 0.0
    /// The best validation so far.
    public var best: Double?
    /// Its epoch.
    public var bestEpoch: Int?
    /// Sums over the epoch under way: loss, cross entropy, Dice loss, gradient norm, and the number
    /// of batches and steps they were added up from.
    public var sums = Sums()
    /// The loss, smoothed.
    public var smoothedLoss: Double?
    /// Its lowest value.
    public var lowestLoss: Double?

    /// What an epoch's means are made of.
    public struct Sums: Codable, Equatable, Sendable {
        /// Loss.
        public var loss = 0.0
        /// Cross entropy.
        public var crossEntropy = 0.0
        /// Dice loss.
        public var dice = 0.0
        /// Distance to the teacher.
        public var teacher = 0.0
        /// Batches.
        public var batches = 0
        /// Length of the gradient.
        public var gradientNorm = 0.0
        /// Steps.
        public var steps = 0

        /// Nothing yet.
        public init() {}
    }

    /// A training that has not begun.
    public init() {}
}

/// All that a training needs to go on as if it had not stopped: one file, so that its parts belong
/// together whenever the program is killed.
struct TrainingState {
    static let positionKey = "samus.training.progress"
    static let runKey = "samus.training.run"

    let path: String
    /// Options and data that must agree for going on.
    let run: String

    /// Writes the state; an earlier one stays until this one is whole.
    ///
    /// - Parameters:
    ///   - network: its weights.
    ///   - optimizer: its moments.
    ///   - average: the moving average of weights, where there is one.
    ///   - position: where the training stands.
    /// - Throws: `CheckpointError` when it cannot be written.
    func write(
        network: Module, optimizer: Adam, average: MovingAverage?, position: TrainingPosition
    ) throws {
        let named = network.namedParameters()
        var tensors = network.namedValues().map { ("model.\($0.name)", $0.value.value) }
        let moments = optimizer.stateDictionary(named)
        tensors += moments.names.compactMap { name in
            moments[name].map { ("optimizer.\(name)", $0) }
        }
        var metadata = [
            Self.positionKey: String(decoding: try JSON.encode(position), as: UTF8.self),
            Self.runKey: run, "format": "pt",
        ]
        if let average {
            let kept = average.stateDictionary
            tensors += kept.names.compactMap { name in kept[name].map { ("average.\(name)", $0) } }
            metadata["samus.training.average.steps"] = "\(average.steps)"
        }
        try Safetensors.write(
            tensors.map { (name: $0.0, tensor: StoredTensor($0.1)) }, metadata: metadata, to: path)
    }

    private var aside: String { path + ".before" }

    /// Whether a state was set aside and not let go.
    var hasAside: Bool { access(aside, F_OK) == 0 }

    /// Keeps a second name for the state as it is, which the next ``write`` does not touch.
    ///
    /// - Returns: whether it could be done, also where there is no state yet.
    func setAside() -> Bool {
        unlink(aside)
        if link(path, aside) == 0 || errno == ENOENT { return true }
        // Some network file systems have no second names.
        do {
            try FileManager.default.copyItem(atPath: path, toPath: aside)
            return true
        } catch {
            unlink(aside)
            return false
        }
    }

    /// Lets the state go that was set aside.
    func forgetAside() {
        unlink(aside)
    }

    /// Takes the state back that was set aside; without one there is none any more.
    ///
    /// - Throws: ``TrainingError/state(path:reason:)`` when the system does not let us.
    func restore() throws(TrainingError) {
        guard (hasAside ? rename(aside, path) : unlink(path)) == 0 || errno == ENOENT else {
            throw .state(path: path, reason: String(cString: strerror(errno)))
        }
    }

    /// Reads a state into a training.
    ///
    /// - Returns: where it stood.
    /// - Throws: ``TrainingError/state(path:reason:)`` when it is of another run or damaged.
    func read(
        network: Module, optimizer: Adam, average: MovingAverage?
    ) throws -> TrainingPosition {
        let checkpoint = try Checkpoint.read(path)
        guard let text = checkpoint.metadata[Self.positionKey],
            let position = try? JSON.decode(TrainingPosition.self, from: text.utf8)
        else { throw TrainingError.state(path: path, reason: "it is no state of a training") }
        guard checkpoint.metadata[Self.runKey] == run else {
            throw TrainingError.state(
                path: path,
                reason:
                    "it belongs to a run with other options or data:\n  it  \(checkpoint.metadata[Self.runKey] ?? "states none")\n  now \(run)"
            )
        }
        try network.load(PrefixedSource(prefix: "model.", source: checkpoint))
        try optimizer.load(
            PrefixedSource(prefix: "optimizer.", source: checkpoint), network.namedParameters())
        if let average {
            let steps = checkpoint.metadata["samus.training.average.steps"].flatMap(Int.init)
            try average.load(
                PrefixedSource(prefix: "average.", source: checkpoint), steps: steps ?? 0)
        }
        return position
    }
}

/// The tensors of a checkpoint whose names begin alike, under the rest of their names.
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
