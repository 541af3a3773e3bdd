import Torch

/// `x W^T + b`.
public final class Linear: Module, Layer {
    let weight: Parameter
    let bias: Parameter?

    /// Creates a linear layer.
    ///
    /// - Parameters:
    ///   - inputs: width of its input.
    ///   - outputs: width of its output.
    ///   - bias: whether the layer adds a bias.
    public init(_ inputs: Int, _ outputs: Int, bias: Bool = true) {
        weight = Parameter(Initialization.uniform([outputs, inputs], fanIn: inputs))
        self.bias = bias ? Parameter(Initialization.uniform([outputs], fanIn: inputs)) : nil
    }

    /// - Parameter x: `[..., inputs]`.
    /// - Returns: `[..., outputs]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        linear(x, weight: weight.value, bias: bias?.value)
    }

    /// The output for an input of zeros: the bias, `[outputs]`.
    public var outputForZeros: Tensor {
        bias?.value ?? Tensor.zeros([weight.value.size(0)], device: weight.value.device)
    }

    /// The layer with an activation, fused where possible.
    ///
    /// - Parameters:
    ///   - x: `[..., inputs]`.
    ///   - activation: activation of each element.
    /// - Returns: `[..., outputs]`.
    public func callAsFunction(_ x: Tensor, activation: LinearActivation) -> Tensor {
        linear(x, weight: weight.value, bias: bias?.value, activation: activation)
    }
}

/// A table of vectors that are looked up by row: PyTorch's `nn.Embedding`.
public final class Embedding: Module {
    let weight: Parameter

    /// Creates a table of random vectors.
    ///
    /// - Parameters:
    ///   - rows: number of vectors.
    ///   - width: length of each vector.
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

/// The exact GELU (with the error function) as a layer.
public final class GELU: Module, Layer {
    /// Applies the activation to each element.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        gelu(x)
    }
}

/// ReLU as a layer.
public final class ReLU: Module, Layer {
    /// Applies the activation to each element.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        relu(x)
    }
}

/// The logistic function as a layer.
public final class Sigmoid: Module, Layer {
    /// Applies the function to each element.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        sigmoid(x)
    }
}
