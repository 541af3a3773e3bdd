import Torch
import TorchNN

/// AutoSAMUS's feature adapter: makes the prompt generator's image the dense prompt.
///
/// Four times a convolution, a layer norm over channels and GELU, narrower inside. It is no
/// bottleneck beside a frozen layer, unlike the feature adapters of SAMUS.
public final class DensePromptAdapter: Module, Layer {
    let layers: Sequential

    /// - Parameter width: channels in and out, D; a quarter of it inside.
    public init(width: Int = 256) {
        let inside = width / 4
        layers = Sequential(
            Conv2d(width, inside, kernel: 3, padding: 1, bias: false), LayerNorm2d(inside), GELU(),
            Conv2d(inside, inside, kernel: 3, padding: 1, bias: false), LayerNorm2d(inside), GELU(),
            Conv2d(inside, inside, kernel: 3, padding: 1, bias: false), LayerNorm2d(inside), GELU(),
            Conv2d(inside, width, kernel: 3, padding: 1, bias: false), LayerNorm2d(width), GELU())
    }

    /// The layers by their places.
    public override var members: [(name: String, member: Member)] {
        layers.members
    }

    /// - Parameter x: image embedding, `[B, D, H, W]`.
    /// - Returns: a dense prompt of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        layers(x)
    }
}
