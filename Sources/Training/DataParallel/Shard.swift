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
