import Imaging

/// How little a mask changes when the cut through its logits moves: IoU of the masks at
/// `+offset` and `-offset`.
///
/// - Returns: NaN when neither has a pixel.
func stabilityScore(_ logits: Planes, offset: Float) -> Float {
    var (high, low) = (0, 0)
    for value in logits.values {
        if value > offset { high += 1 }
        if value > -offset { low += 1 }
    }
    return Float(high) / Float(low)
}
