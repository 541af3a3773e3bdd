import FileIO
import Foundation
import Torch
import TorchNN

/// The processes that train one network together: gradients averaged, Dice pooled over all of them.
public final class ProcessTraining {
    private let group: ProcessGroup
    private let parallel: DataParallel

    /// Makes the weights of all processes those of rank 0.
    ///
    /// - Parameters:
    ///   - network: the same in all processes, frozen where it is not trained.
    ///   - group: the processes.
    /// - Throws: `ProcessGroupError` for different networks, or when another process has gone.
    public init(_ network: Module, in group: ProcessGroup) throws(ProcessGroupError) {
        self.group = group
        parallel = try DataParallel(network, in: group)
    }

    /// This process's number.
    public var rank: Int { group.rank }

    /// How many there are.
    public var count: Int { group.size }

    /// Adds a tensor up over all processes, gradients too.
    func pool(_ tensor: Tensor) throws -> Tensor {
        try group.sum(tensor, for: "the Dice of all processes")
    }

    /// Announces the backward pass whose gradients are exchanged.
    func willRunBackward(isLast: Bool) {
        if isLast { parallel.expectGradients() }
    }

    /// Makes the gradients the means over all processes.
    func finishGradients() throws {
        try parallel.averageGradients()
    }

    /// Waits until all processes are here.
    func meet() throws {
        try group.meet()
    }

    /// The means of figures over all processes.
    func mean(_ figures: [Double]) throws -> [Double] {
        let means = Tensor(figures)
        try group.meanInPlace(means, for: "the mean of the loss")
        return means.elements(as: Double.self)
    }

    /// What any process wants.
    func union(_ wish: StepWish) throws -> StepWish {
        let all: [StepWish] = [.interrupted, .timeLimit, .keep]
        let counts = Tensor(all.map { Float(wish.contains($0) ? 1 : 0) })
        try group.sumInPlace(counts, for: "the question whether to stop")
        return StepWish(zip(all, counts.floats()).filter { $0.1 > 0 }.map(\.0))
    }

    /// Rows of shares that were cut with ``ShardRemainder/uneven``, together in the items' order.
    func gather<Row: Codable>(_ rows: [Row]) throws -> [Row] {
        try group.meet()
        return try group.gather(rows: rows, for: "the gathering of the validation")
    }

    /// Gives all processes the weights and batch statistics of rank 0.
    func shareValues() throws {
        try parallel.broadcastValues()
    }

    /// Makes sure that all processes stand at the same place.
    func expectEqual(_ text: String, _ about: String) throws {
        try group.expectEqual(text, about)
    }
}

/// What happens to the items that do not fill a round over all processes.
public enum ShardRemainder: Sendable {
    /// Items from the start come again, as in PyTorch's `DistributedSampler`: equal shares, for
    /// training, where all processes must take equally many steps.
    case repeated
    /// They are left out of this epoch: equal shares.
    case dropped
    /// Some shares have an item more: each item comes once, for evaluation.
    case uneven
}

/// One process's share of a list that all processes have in the same order.
///
/// Items go round: item i belongs to rank i mod `size`. Batch k of all processes together thus holds
/// the items of batch k of one process with the whole batch.
///
/// - Parameters:
///   - items: the same list on all ranks, as one epoch's order drawn with one seed.
///   - rank: this process, from 0.
///   - size: the number of processes.
///   - remainder: what happens to the last items.
/// - Returns: the share, in order.
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
    /// Waits until all processes are here, ten minutes at most.
    ///
    /// One may have more to do than the others, as writing files or reading slower
    /// disks. One that has ended is missed at once.
    ///
    /// - Throws: `ProcessGroupError` when another process has gone.
    public func meet() throws(ProcessGroupError) {
        try barrier(timeout: 600)
    }

    /// Makes sure that all processes hold the same text.
    ///
    /// - Parameters:
    ///   - text: this process's.
    ///   - about: what it is, in an error's words.
    /// - Throws: `ProcessGroupError/disagreement(rank:about:)`, or when another process has gone.
    public func expectEqual(_ text: String, _ about: String) throws(ProcessGroupError) {
        try meet()
        let all = try gather(bytes: Array(text.utf8), for: "the comparison of \(about)")
        guard all.allSatisfy({ $0 == all[rank] }) else {
            throw .disagreement(rank: rank, about: about)
        }
    }
}

extension RunFolder {
    /// The folder of several processes: the first makes or takes it, the others join it.
    ///
    /// - Parameters:
    ///   - group: the processes; nil for this one alone.
    ///   - first: makes or takes the folder, on the first process alone.
    /// - Returns: the folder, locked on the first process.
    /// - Throws: what `first` throws, ``RunFolderError/notShared(path:)`` where another process does not
    ///   see the folder, `ProcessGroupError` when another process has gone.
    public static func shared(
        by group: ProcessGroup?, _ first: () throws -> RunFolder
    ) throws -> RunFolder {
        guard let group else { return try first() }
        try group.meet()
        let own = group.rank == 0 ? try first() : nil
        let paths = try group.gather(
            bytes: Array((own?.path ?? "").utf8), for: "the naming of the run's folder")
        return try own ?? joining(String(decoding: paths[0], as: UTF8.self))
    }
}

extension ProcessGroup {
    /// Rows that the processes computed for their shares, together and in the order of the items.
    ///
    /// - Parameters:
    ///   - rows: one for each item of this process's share, which
    ///     ``shard(_:rank:of:remainder:)`` cut with ``ShardRemainder/uneven``.
    ///   - work: what it is for, in an error's words.
    /// - Returns: the rows of all items, on all ranks.
    /// - Throws: `ProcessGroupError` when another process has gone, `EncodingError` or
    ///   `JSONError` for a row that JSON cannot represent.
    public func gather<Row: Codable>(
        rows: [Row], for work: String = "the gathering of results"
    ) throws -> [Row] {
        // Distances can be infinite or NaN.
        let own = try JSON.encode(rows, keys: .exact, allowsNonFinite: true)
        let shares = try gather(bytes: own, for: work)
        return joined(try shares.map { try JSON.decode([Row].self, from: $0, keys: .exact) })
    }
}
