import Torch

/// Max pooling, as a layer of a ``Sequential``.
public final class MaxPool2d: Module, Layer {
    let size: Int
    let stride: Int
    let padding: Int

    /// - Parameters:
    ///   - size: height and width of the window.
    ///   - stride: step of the window; nil for its size.
    ///   - padding: on each side.
    public init(_ size: Int, stride: Int? = nil, padding: Int = 0) {
        self.size = size
        self.stride = stride ?? size
        self.padding = padding
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, C, H', W']`; H / size and W / size without a stride of its own.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        maxPool2d(x, size: size, stride: stride, padding: padding)
    }
}

/// Enlarges images by a factor, as PyTorch's `nn.Upsample`.
public final class Upsample: Module, Layer {
    /// How the values between pixels are computed.
    public enum Mode: Sendable {
        case nearest
        case bilinear(alignCorners: Bool)
    }

    let factor: Int
    let mode: Mode

    /// - Parameters:
    ///   - factor: by which height and width grow.
    ///   - mode: how the values between pixels are computed.
    public init(_ factor: Int, mode: Mode = .bilinear(alignCorners: true)) {
        self.factor = factor
        self.mode = mode
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, C, factor H, factor W]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let (height, width) = (factor * x.size(2), factor * x.size(3))
        return switch mode {
        case .nearest: nearest(x, height: height, width: width)
        case .bilinear(let alignCorners):
            bilinear(x, height: height, width: width, alignCorners: alignCorners)
        }
    }
}

/// Zeroes elements at random in training; see `dropout(_:probability:training:)`.
public final class Dropout: Module, Layer {
    let probability: Double

    /// - Parameter probability: share of the elements that are zeroed.
    public init(_ probability: Double) {
        self.probability = probability
    }

    /// - Parameter x: any shape.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        isTraining && probability > 0 ? dropout(x, probability: probability, training: true) : x
    }
}

/// Zeroes whole channels at random in training: PyTorch's `nn.Dropout2d`.
public final class Dropout2d: Module, Layer {
    let probability: Double

    /// - Parameter probability: share of the channels that are zeroed.
    public init(_ probability: Double) {
        self.probability = probability
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        isTraining && probability > 0
            ? channelDropout(x, probability: probability, training: true) : x
    }
}

/// Leaves out a residual branch for some samples in training: *stochastic depth*
/// (arXiv:1603.09382).
public final class DropPath: Module, Layer {
    let probability: Double

    /// - Parameter probability: share of the samples whose branch is left out.
    public init(_ probability: Double) {
        self.probability = probability
    }

    /// - Parameter x: the branch, `[B, ...]`.
    /// - Returns: zeros for some samples, and the others scaled up.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard isTraining, probability > 0 else { return x }
        let one = Tensor.ones(
            [x.size(0)] + [Int](repeating: 1, count: x.rank - 1), dtype: x.dtype, device: x.device)
        return x * dropout(one, probability: probability, training: true)
    }
}
