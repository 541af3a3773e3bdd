import Torch

/// A table of vectors, looked up by row.
public final class Embedding: Module {
    let weight: Parameter

    /// A table of random vectors.
    ///
    /// - Parameters:
    ///   - rows: number of vectors.
    ///   - width: length of each.
    public init(_ rows: Int, _ width: Int) {
        weight = Parameter(normal: [rows, width])
    }

    /// - Parameter rows: 64-bit integers, `[...]`.
    /// - Returns: `[..., D]`.
    public func callAsFunction(_ rows: Tensor) -> Tensor {
        embedding(rows, table: weight.value)
    }

    /// The whole table, `[rows, D]`.
    public var table: Tensor {
        weight.value
    }
}
