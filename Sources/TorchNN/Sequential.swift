import Torch

/// Layers one after the other; their names in a checkpoint are their places, from 0.
public final class Sequential: Module, Layer {
    let layers: [any Layer]

    /// A chain of layers.
    public init(_ layers: any Layer...) {
        self.layers = layers
    }

    /// The layers by their places.
    public override var members: [(name: String, member: Member)] {
        layers.enumerated().map { ("\($0.offset)", .module($0.element)) }
    }

    /// Applies the layers in order.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        layers.reduce(x) { $1($0) }
    }
}
