import Torch
import TorchNN

/// Bottleneck parallel to a frozen layer: the *feature adapter* of SAMUS (arXiv:2309.06824).
///
/// Computes `fc2(gelu(fc1(x)))`, plus `x` itself when `skip` is true.
public final class FeatureAdapter: Module, Layer {
    let fc1: Linear
    package let fc2: Linear
    let skip: Bool

    /// The authors' names.
    public override class var checkpointNames: [String: String] {
        ["fc1": "D_fc1", "fc2": "D_fc2"]
    }

    /// - Parameters:
    ///   - width: channels in and out, C; a quarter of it inside.
    ///   - skip: whether the input is added to the output.
    public init(width: Int, skip: Bool = true) {
        fc1 = Linear(width, width / 4)
        fc2 = Linear(width / 4, width)
        self.skip = skip
    }

    /// - Parameter x: features, `[B, H, W, C]`.
    /// - Returns: features of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let y = fc2(fc1(x, activation: .gelu))
        return skip ? x + y : y
    }
}
