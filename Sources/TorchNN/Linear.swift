import Torch

/// `x W^T + b`.
public final class Linear: Module, Layer {
    let weight: Parameter
    let bias: Parameter?

    /// A linear layer.
    ///
    /// - Parameters:
    ///   - inputs: width of its input.
    ///   - outputs: width of its output.
    ///   - bias: whether it adds one.
    public init(_ inputs: Int, _ outputs: Int, bias: Bool = true) {
        weight = Parameter(Initialization.uniform([outputs, inputs], fanIn: inputs))
        self.bias = bias ? Parameter(Initialization.uniform([outputs], fanIn: inputs)) : nil
    }

    /// - Parameter x: `[..., inputs]`.
    /// - Returns: `[..., outputs]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        linear(x, weight: weight.value, bias: bias?.value)
    }

    /// What it gives for zeros: its bias, `[outputs]`.
    public var ofZeros: Tensor {
        bias?.value ?? Tensor.zeros([weight.value.size(0)], device: weight.value.device)
    }

    /// The layer and a function of each of its values, in one pass where that can be.
    ///
    /// - Parameters:
    ///   - x: `[..., inputs]`.
    ///   - activation: done to each value of the result.
    /// - Returns: `[..., outputs]`.
    public func callAsFunction(_ x: Tensor, activation: LinearActivation) -> Tensor {
        linear(x, weight: weight.value, bias: bias?.value, activation: activation)
    }
}
