import Torch

/// Normalization over the last axis.
public final class LayerNorm: Module, Layer {
    let weight: Parameter
    let bias: Parameter
    let epsilon: Double

    /// A layer norm.
    ///
    /// - Parameters:
    ///   - width: size of the last axis.
    ///   - epsilon: added to the variance.
    public init(_ width: Int, epsilon: Double = 1e-5) {
        weight = Parameter(constant: 1, [width])
        bias = Parameter(constant: 0, [width])
        self.epsilon = epsilon
    }

    /// - Parameter x: `[..., D]`.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        layerNorm(
            x, shape: weight.value.shape, weight: weight.value, bias: bias.value, epsilon: epsilon)
    }
}

/// Normalization over the channels of each pixel, as segment-anything has it.
public final class LayerNorm2d: Module, Layer {
    let weight: Parameter
    let bias: Parameter
    let epsilon: Double

    /// A layer norm over channels.
    ///
    /// - Parameters:
    ///   - channels: number of channels.
    ///   - epsilon: added to the variance.
    public init(_ channels: Int, epsilon: Double = 1e-6) {
        weight = Parameter(constant: 1, [channels])
        bias = Parameter(constant: 0, [channels])
        self.epsilon = epsilon
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape, channels last in memory.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard !Trace.isRecording else { return written(x) }
        return layerNorm(
            x.permuted([0, 2, 3, 1]), shape: weight.value.shape, weight: weight.value,
            bias: bias.value, epsilon: epsilon
        ).permuted([0, 3, 1, 2])
    }

    /// The same written out, as recordings have it: runtimes that keep channels in blocks are faster
    /// where the axes stay in their order.
    private func written(_ x: Tensor) -> Tensor {
        let centred = x - x.mean(axes: [1], keepingAxes: true)
        let variance = (centred * centred).mean(axes: [1], keepingAxes: true)
        let shape = [1, -1, 1, 1]
        return centred / (variance + epsilon).squareRoot() * weight.value.reshaped(shape)
            + bias.value.reshaped(shape)
    }
}
