import Torch
import TorchNN

/// Two linear layers with GELU between, four times as wide inside.
public final class ViTMLP: Module, Layer {
    let lin1: Linear
    let lin2: Linear

    /// - Parameter width: channels in and out, D.
    public init(width: Int) {
        lin1 = Linear(width, width * 4)
        lin2 = Linear(width * 4, width)
    }

    /// - Parameter x: `[..., D]`.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        lin2(lin1(x, activation: .gelu))
    }
}
