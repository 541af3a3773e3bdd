import Checkpoints
import FileIO
import Foundation
import Segmentation

/// The weighted mean of the tensors of several checkpoints.
struct WeightsMean {
    private(set) var tensors: [(name: String, tensor: StoredTensor)] = []

    /// - Parameters:
    ///   - checkpoints: at least one; all have the same tensors.
    ///   - shares: the weight of each; the sum is 1.
    /// - Throws: ``ExitError`` for different tensors, `CheckpointError` for NaN and unreadable files.
    init(_ checkpoints: [Checkpoint], shares: [Double]) throws {
        let first = checkpoints[0]
        guard !first.names.contains(where: { $0.contains(".linear_a_") }) else {
            throw ExitError(
                .input,
                "'\(first.path.visibleLine)' has LoRA, and the mean of its factors is not the mean of what "
                    + "they add: export the models, and average the weights of the bundles")
        }
        for other in checkpoints.dropFirst() { try Self.check(other, against: first) }
        for name in first.names {
            guard let tensor = first[name] else { continue }
            guard tensor.elementType.isFloatingPoint else {
                tensors.append((name, tensor))
                continue
            }
            var sums = [Double](repeating: 0, count: tensor.elementCount)
            for (checkpoint, share) in zip(checkpoints, shares) {
                guard let own = checkpoint[name] else { continue }
                let bytes = try own.finite(
                    named: name, as: own.elementType == .float32 ? nil : .float32
                ).bytes()
                bytes.withUnsafeBytes { raw in
                    for (index, value) in raw.bindMemory(to: Float.self).enumerated() {
                        sums[index] += share * Double(value)
                    }
                }
            }
            let mean = sums.map { Float($0) }
            tensors.append(
                (
                    name,
                    StoredTensor(
                        elementType: .float32, shape: tensor.shape,
                        bytes: mean.withUnsafeBytes { Array($0) })
                ))
        }
    }

    private static func check(_ other: Checkpoint, against first: Checkpoint) throws(ExitError) {
        let path = other.path.visibleLine
        guard other.architecture == first.architecture,
            other.metadata[SAMConfiguration.metadataKey]
                == first.metadata[SAMConfiguration.metadataKey]
        else {
            throw ExitError(
                .input,
                "'\(path)' is of another network than '\(first.path.visibleLine)', or of other sizes"
            )
        }
        let missing = Set(first.names).symmetricDifference(other.names).sorted()
        guard missing.isEmpty else {
            throw ExitError(
                .input,
                "'\(path)' is of another network than '\(first.path.visibleLine)': "
                    + "\(missing.count) tensors are in one of them only, for example "
                    + "'\(missing[0].visibleLine)'")
        }
        for name in first.names {
            guard let one = first[name], let two = other[name],
                one.shape != two.shape
                    || one.elementType.isFloatingPoint != two.elementType.isFloatingPoint
            else { continue }
            throw ExitError(
                .input,
                "'\(name.visibleLine)' is \(one.elementType) \(one.shape) in "
                    + "'\(first.path.visibleLine)' and \(two.elementType) \(two.shape) in '\(path)'"
            )
        }
    }
}
