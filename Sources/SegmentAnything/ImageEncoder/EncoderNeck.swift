import TorchNN

/// The end of SAM's image encoder: tokens to an embedding of the decoder's width.
///
/// 1x1 convolution, norm, 3x3 convolution, norm.
///
/// - Parameters:
///   - width: of the tokens.
///   - outputs: of the embedding.
/// - Returns: a layer from `[B, width, H, W]` to `[B, outputs, H, W]`.
public func encoderNeck(width: Int, outputs: Int) -> Sequential {
    Sequential(
        Conv2d(width, outputs, kernel: 1, bias: false),
        LayerNorm2d(outputs),
        Conv2d(outputs, outputs, kernel: 3, padding: 1, bias: false),
        LayerNorm2d(outputs))
}
