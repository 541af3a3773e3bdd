import FileIO
import Torch
import TorchNN

/// The processes that train one network together: gradients are averaged, and the Dice loss is
/// pooled over all of them.
public final class DistributedTraining {
    private let group: ProcessGroup
    private let parallel: DataParallel

    /// Gives all processes the weights of rank 0.
    ///
    /// - Parameters:
    ///   - network: the same in all processes, frozen where it is not trained.
    ///   - group: the processes.
    /// - Throws: `ProcessGroupError` for different networks, or when another process is lost.
    public init(_ network: Module, in group: ProcessGroup) throws(ProcessGroupError) {
        self.group = group
        parallel = try DataParallel(network, in: group)
    }

    /// Index of this process.
    public var rank: Int { group.rank }

    /// Number of processes.
    public var count: Int { group.size }

    /// The sum of a tensor over all processes; gradients flow back through it.
    func pool(_ tensor: Tensor) throws -> Tensor {
        try group.sum(tensor, for: "the Dice of all processes")
    }

    /// Announces a backward pass; the gradients of the last one of a step are exchanged.
    func willRunBackward(isLast: Bool) {
        if isLast { parallel.expectGradients() }
    }

    /// Replaces the gradients by their means over all processes.
    func finishGradients() throws {
        try parallel.averageGradients()
    }

    /// Waits for all processes.
    func meet() throws {
        try group.meet()
    }

    /// The mean over all processes.
    func mean(_ values: BatchLoss.Values) throws -> BatchLoss.Values {
        let means = Tensor([values.value, values.crossEntropy, values.dice, values.teacher])
        try group.meanInPlace(means, for: "the mean of the loss")
        let numbers = means.elements(as: Double.self)
        return BatchLoss.Values(
            value: numbers[0], crossEntropy: numbers[1], dice: numbers[2], teacher: numbers[3])
    }

    /// The union of the decisions of all processes.
    func union(_ decision: Trainer.Decision) throws -> Trainer.Decision {
        let all: [Trainer.Decision] = [.interrupt, .timeLimit, .save]
        let counts = Tensor(all.map { Float(decision.contains($0) ? 1 : 0) })
        try group.sumInPlace(counts, for: "the decision to stop or to save")
        return Trainer.Decision(zip(all, counts.floats()).filter { $0.1 > 0 }.map(\.0))
    }

    /// The rows of all processes in the order of the items, which were cut with
    /// ``ShardRemainder/uneven``.
    func gather<Row: Codable>(_ rows: [Row]) throws -> [Row] {
        try group.meet()
        return try group.gather(rows: rows, for: "the gathering of the validation")
    }

    /// Gives all processes the weights and batch statistics of rank 0.
    func shareValues() throws {
        try parallel.broadcastValues()
    }
}

/// What happens to the last items when their number is not a multiple of the number of processes.
public enum ShardRemainder: Sendable {
    /// The first items are used twice, as in PyTorch's `DistributedSampler`: equal shares.
    case repeated
    /// The last items are dropped: equal shares.
    case dropped
    /// Some shares have one item more: each item is used once, for evaluation.
    case uneven
}

/// One process's share of a list that all processes have in the same order.
///
/// Item i belongs to rank i mod `size`.
///
/// - Parameters:
///   - items: the same list on all ranks.
///   - rank: index of this process, from 0.
///   - size: number of processes.
///   - remainder: what happens to the last items.
/// - Returns: the items of this process, in order.
public func shard<Item>(
    _ items: [Item], rank: Int, of size: Int, remainder: ShardRemainder = .repeated
) -> [Item] {
    precondition((0..<size).contains(rank), "rank \(rank) of \(size)")
    let places =
        switch remainder {
        case .repeated: (items.count + size - 1) / size * size
        case .dropped: items.count / size * size
        case .uneven: items.count
        }
    guard !items.isEmpty else { return [] }
    return stride(from: rank, to: places, by: size).map { items[$0 % items.count] }
}

/// The inverse of ``shard(_:rank:of:remainder:)`` with ``ShardRemainder/uneven``.
///
/// - Parameter shares: the shares of all ranks, in their order.
/// - Returns: the whole list.
func joined<Item>(_ shares: [[Item]]) -> [Item] {
    let longest = shares.map(\.count).max() ?? 0
    return (0..<longest).flatMap { row in
        shares.compactMap { row < $0.count ? $0[row] : nil }
    }
}

extension ProcessGroup {
    /// Waits for all processes, at most ten minutes.
    ///
    /// One may have more to do than the others, as writing files. The end of a process is noticed at
    /// once.
    ///
    /// - Throws: `ProcessGroupError` when another process is lost.
    public func meet() throws(ProcessGroupError) {
        try barrier(timeout: 600)
    }

    /// Makes sure that all processes hold the same text.
    ///
    /// - Parameters:
    ///   - text: the text of this process.
    ///   - about: what the text is, for the error message.
    /// - Throws: `ProcessGroupError/disagreement(rank:about:)`, or when another process is lost.
    public func expectEqual(_ text: String, _ about: String) throws(ProcessGroupError) {
        try meet()
        let all = try gather(bytes: Array(text.utf8), for: "the comparison of \(about)")
        guard all.allSatisfy({ $0 == all[rank] }) else {
            throw .disagreement(rank: rank, about: about)
        }
    }
}

extension RunFolder {
    /// The folder of several processes: rank 0 makes or opens it, the others join it.
    ///
    /// - Parameters:
    ///   - group: the processes; nil for one process.
    ///   - first: makes or opens the folder; called on rank 0 only.
    /// - Returns: the folder, locked by rank 0.
    /// - Throws: the error of `first`, ``RunFolderError/notShared(path:)`` where another process
    ///   does not see the folder, `ProcessGroupError` when another process is lost.
    public static func shared(
        by group: ProcessGroup?, _ first: () throws -> RunFolder
    ) throws -> RunFolder {
        guard let group else { return try first() }
        try group.meet()
        let own = group.rank == 0 ? try first() : nil
        let paths = try group.gather(
            bytes: Array((own?.path ?? "").utf8), for: "the path of the run's folder")
        return try own ?? joining(String(decoding: paths[0], as: UTF8.self))
    }
}

extension ProcessGroup {
    /// Gathers one row per item from all processes.
    ///
    /// - Parameters:
    ///   - rows: one row for each item of this process's share, which
    ///     ``shard(_:rank:of:remainder:)`` cut with ``ShardRemainder/uneven``.
    ///   - work: what the rows are for, for the error message.
    /// - Returns: the rows of all items in their order, on all ranks.
    /// - Throws: `ProcessGroupError` when another process is lost, or `EncodingError` or `JSONError`
    ///   for a row that JSON cannot represent.
    public func gather<Row: Codable>(
        rows: [Row], for work: String = "the gathering of results"
    ) throws -> [Row] {
        // Distances can be infinite or NaN.
        let own = try JSON.encode(rows, keys: .exact, allowsNonFinite: true)
        let shares = try gather(bytes: own, for: work)
        return joined(try shares.map { try JSON.decode([Row].self, from: $0, keys: .exact) })
    }
}
