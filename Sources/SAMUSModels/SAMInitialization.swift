import SegmentAnything
import Torch
import TorchNN

/// SAMUS started from SAM (arXiv:2309.06824), and where each of its tensors comes from.
///
/// Every tensor whose name matches is taken; relative positions of the blocks that see the whole
/// image are resized along rows, 127 to 63 as published; what SAMUS adds stays as it is. The
/// authors' program finds those blocks by digits in the name, which is right for ViT-B alone: here
/// the block itself says.
public struct SAMInitialization: Equatable, Sendable {
    /// Names taken as they were.
    public let taken: [String]
    /// Names taken and resized.
    public let resized: [String]
    /// Names that the source lacks: they keep the values they had.
    public let new: [String]
    /// Names of the source that the network does not have.
    public let unused: [String]

    /// Fills a new network from SAM's weights; AutoSAMUS also from SAMUS's.
    ///
    /// Names, shapes and types are looked at before anything is changed; after an error of the
    /// reader the network's values are of no use.
    ///
    /// - Parameters:
    ///   - network: with new values, of the source's width and depth.
    ///   - source: a checkpoint or a state dictionary.
    /// - Throws: `ModuleLoadError` when parts of SAM are missing or of another shape, and the
    ///   reader's error.
    public init(of network: SAMUS, from source: some TensorSource) throws {
        let values = network.namedValues()
        let shapes = Dictionary(values.map { ($0.name, $0.value.value.shape) }) { one, _ in one }
        let tables = network.relativePositions(of: network.globalBlocks)
        func isTable(_ name: String) -> Bool {
            guard tables.contains(name), let found = source.shape(of: name) else { return false }
            // A vector for each distance from -n to n.
            return found.count == 2 && found[0] > 1 && found[0] % 2 == 1
                && found[1] == shapes[name]?[1]
                && source.dtype(of: name)?.isFloatingPoint == true
        }
        unused = source.names.filter { shapes[$0] == nil }
        new = values.map(\.name).filter { source.shape(of: $0) == nil }
        resized = values.map(\.name).filter {
            isTable($0) && source.shape(of: $0) != shapes[$0]
        }
        let changed = Set(new + resized)
        taken = values.map(\.name).filter { !changed.contains($0) }
        let error = network.difference(from: source)?.leavingOut { name in
            guard source.shape(of: name) != nil else { return network.isOwnPart(name) }
            return shapes[name] == nil || isTable(name)
        }
        if let error { throw error }
        try withoutGrad {
            for (name, value) in values {
                try Self.fill(value.value, with: name, of: source)
            }
        }
    }

    private static func fill(
        _ target: Tensor, with name: String, of source: some TensorSource
    ) throws {
        guard let shape = source.shape(of: name) else { return }
        guard shape != target.shape else {
            try source.read(name, into: target)
            return
        }
        let table = Tensor.empty(shape)
        try source.read(name, into: table)
        target.assign(from: RelativePosition.resized(table, length: target.size(0)))
    }
}

extension SAMUS {
    /// Whether a tensor belongs to what SAM does not have.
    func isOwnPart(_ name: String) -> Bool {
        let own = type(of: self).ownParts
        return name.split(separator: ".").contains { own.contains(String($0)) }
    }
}
