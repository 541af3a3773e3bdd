import Torch

/// The loss of several classes: the mean of cross entropy and multi-class Dice loss.
///
/// `0.5 CE + 0.5 Dice` with softmax over background and classes, as in TransUNet
/// (arXiv:2102.04306): Dice has squared terms, smoothing 1e-5, is the mean over background and
/// classes, and is pooled over the batch.
struct ClassLoss {
    /// Whether the Dice loss is the mean over images instead of pooled over the batch.
    var isDicePerImage = false

    private static let weight = 0.5

    /// The loss of a batch.
    ///
    /// - Parameters:
    ///   - logits: of background and classes, `[B, 1 + C, H, W]`.
    ///   - targets: 1 for the class of each pixel, else 0, `[B, 1 + C, H, W]`.
    ///   - pool: sums a tensor over all processes, so that Dice is pooled over all of them.
    /// - Returns: the loss and its parts.
    func callAsFunction(
        logits: Tensor, targets: Tensor, pool: (Tensor) throws -> Tensor
    ) rethrows -> SegmentationLoss.Value {
        let logits = logits.to(.float32)
        let pixels = Double(targets.size(0) * targets.size(2) * targets.size(3))
        let entropy = (targets * logits.logSoftmax(axis: 1)).sum() * (-1 / pixels)
        let inside = logits.softmax(axis: 1)
        let axes = isDicePerImage ? [2, 3] : [0, 2, 3]
        var sums = Tensor.stack(
            [inside * targets, inside * inside, targets * targets].map { $0.sum(axes: axes) })
        if !isDicePerImage { sums = try pool(sums) }
        let parts = sums.unbound()
        let smoothing = SegmentationLoss.smoothing
        let overlap = 1 - ((parts[0] * 2 + smoothing) / (parts[1] + parts[2] + smoothing)).mean()
        return SegmentationLoss.Value(
            total: (entropy + overlap) * Self.weight, crossEntropy: entropy.detached(),
            dice: overlap.detached())
    }

    /// The loss of a batch of one process.
    ///
    /// - Parameters:
    ///   - logits: of background and classes, `[B, 1 + C, H, W]`.
    ///   - targets: 1 for the class of each pixel, else 0, `[B, 1 + C, H, W]`.
    /// - Returns: the loss and its parts.
    func callAsFunction(logits: Tensor, targets: Tensor) -> SegmentationLoss.Value {
        self(logits: logits, targets: targets, pool: { $0 })
    }
}
