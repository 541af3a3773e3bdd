import Torch

/// The loss of a mask: a weighted sum of cross entropy, Dice loss and focal loss.
///
/// The authors' loss is `0.2 * BCE(positive weight 2) + 0.8 * Dice`, Dice with squared terms and
/// smoothing 1e-5, pooled over the batch.
public struct SegmentationLoss: Hashable, Sendable, Codable {
    /// Weight of the cross entropy, in which foreground pixels have ``positiveWeight``.
    public var crossEntropy = 0.2
    /// Weight of the Dice loss.
    public var dice = 0.8
    /// Weight of the focal loss (Lin et al., ICCV 2017), gamma 2, alpha 0.25.
    public var focal = 0.0
    /// Weight of foreground pixels in the cross entropy.
    public var positiveWeight = 2.0
    /// Whether the Dice loss is the mean over images instead of pooled over the batch.
    public var isDicePerImage = false
    /// Weight of the squared error of the IoU estimate.
    public var iouEstimate = 0.0

    /// The authors' loss.
    public init() {}

    /// Weight of the cross entropy of the presence estimate.
    static let presence = 0.1
    static let smoothing = 1e-5

    /// The loss of a batch and its parts.
    public struct Value {
        /// The weighted sum, one element.
        public let total: Tensor
        /// The cross entropy, one element.
        public let crossEntropy: Tensor
        /// The Dice loss, one element.
        public let dice: Tensor
    }

    /// The loss of a batch.
    ///
    /// - Parameters:
    ///   - logits: `[B, 1, H, W]`.
    ///   - targets: 0 or 1, `[B, 1, H, W]`.
    ///   - iou: the network's estimates of the IoU, `[B, 1]`.
    ///   - presence: logits of whether there is an object, `[B, 1]`; nil without such an estimate.
    ///     With it, the Dice loss of an image leaves out empty targets, which it cannot teach.
    ///   - pool: sums a tensor over all processes, so that Dice is pooled over all of them.
    /// - Returns: the loss and its parts.
    public func callAsFunction(
        logits: Tensor, targets: Tensor, iou: Tensor, presence: Tensor? = nil,
        pool: (Tensor) throws -> Tensor
    ) rethrows -> Value {
        let logits = logits.to(.float32)
        let entropy = binaryCrossEntropy(
            logits: logits, targets: targets,
            positiveWeight: .full([], positiveWeight, device: logits.device))
        let inside = sigmoid(logits)
        let isPresent = presence.map { _ in
            (targets.sum(axes: [1, 2, 3]) .> 0).to(.float32)
        }
        let overlap = try diceLoss(inside, targets, isPresent, pool)
        var total = entropy * crossEntropy + overlap * dice
        if focal > 0 {
            total = total + focalLoss(logits, inside, targets) * focal
        }
        if iouEstimate > 0 {
            let truth = Self.iou(of: logits, targets)
            total = total + meanSquaredError(iou.to(.float32), truth) * iouEstimate
        }
        if let presence, let isPresent {
            let estimate = presence.to(.float32).reshaped([-1])
            total = total + binaryCrossEntropy(logits: estimate, targets: isPresent) * Self.presence
        }
        return Value(total: total, crossEntropy: entropy.detached(), dice: overlap.detached())
    }

    /// The loss of a batch of one process.
    ///
    /// - Parameters:
    ///   - logits: `[B, 1, H, W]`.
    ///   - targets: 0 or 1, `[B, 1, H, W]`.
    ///   - iou: the network's estimates of the IoU, `[B, 1]`.
    /// - Returns: the loss and its parts.
    public func callAsFunction(logits: Tensor, targets: Tensor, iou: Tensor) -> Value {
        self(logits: logits, targets: targets, iou: iou, pool: { $0 })
    }

    private func diceLoss(
        _ inside: Tensor, _ targets: Tensor, _ isPresent: Tensor?,
        _ pool: (Tensor) throws -> Tensor
    ) rethrows -> Tensor {
        let products = [inside * targets, inside * inside, targets * targets]
        if isDicePerImage {
            let sums = products.map { $0.sum(axes: [1, 2, 3]) }
            let losses = 1 - ratio(sums[0], sums[1], sums[2])
            guard let isPresent else { return losses.mean() }
            // The mean over the present objects of all processes; losses and gradients of processes
            // are averaged later.
            let one = Tensor.ones([], device: isPresent.device)
            let counts = try pool(Tensor.stack([isPresent.sum(), one])).unbound()
            return (losses * isPresent).sum() / counts[0].maximum(one) * counts[1]
        }
        let sums = try pool(Tensor.stack(products.map { $0.sum() })).unbound()
        return 1 - ratio(sums[0], sums[1], sums[2])
    }

    private func ratio(_ overlap: Tensor, _ inside: Tensor, _ target: Tensor) -> Tensor {
        (overlap * 2 + Self.smoothing) / (inside + target + Self.smoothing)
    }

    private func focalLoss(_ logits: Tensor, _ inside: Tensor, _ targets: Tensor) -> Tensor {
        let entropy = binaryCrossEntropy(logits: logits, targets: targets, reduction: .none)
        let hit = inside * targets + (1 - inside) * (1 - targets)
        let alpha = targets * 0.25 + (1 - targets) * 0.75
        return (alpha * (1 - hit) * (1 - hit) * entropy).mean()
    }

    /// IoU of the thresholded logits, `[B, 1]`; 1 where both masks are empty.
    static func iou(of logits: Tensor, _ targets: Tensor) -> Tensor {
        withoutGrad {
            let inside = (logits .> 0).to(.float32)
            let overlap = (inside * targets).sum(axes: [2, 3])
            let union = inside.sum(axes: [2, 3]) + targets.sum(axes: [2, 3]) - overlap
            return (overlap + 1e-6) / (union + 1e-6)
        }
    }
}
