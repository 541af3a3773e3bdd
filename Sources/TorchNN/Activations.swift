import Torch

/// The exact GELU as a layer of a ``Sequential``.
public final class GELU: Module, Layer {
    /// Applies it to each element.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        gelu(x)
    }
}

/// ReLU as a layer of a ``Sequential``.
public final class ReLU: Module, Layer {
    /// Applies it to each element.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        relu(x)
    }
}
