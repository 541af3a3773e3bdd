import Torch

/// Multiplies the loss, so that small gradients do not become 0 in float16, as PyTorch's
/// `GradScaler`.
///
/// A step whose gradients are not finite is skipped, and the scale is halved; after
/// ``growthInterval`` steps without that, the scale is doubled.
public struct GradientScaler: Hashable, Sendable, Codable {
    /// Steps with finite gradients after which the scale grows.
    public static let growthInterval = 2000
    private static let growth: Float = 2
    private static let backoff: Float = 0.5

    /// What the loss is multiplied by.
    public private(set) var scale: Float = 65536
    /// Steps with finite gradients since the last change of the scale.
    public private(set) var finiteSteps = 0
    /// Steps that were skipped.
    public private(set) var skippedSteps = 0

    /// Creates a scaler with PyTorch's initial scale.
    public init() {}

    /// Whether numbers that were read from a file are possible.
    public var isPossible: Bool {
        scale.isFinite && scale > 0 && (0..<Self.growthInterval).contains(finiteSteps)
            && (0...(1 << 53)).contains(skippedSteps)
    }

    /// Divides the gradients by the scale, in place.
    ///
    /// - Parameter parameters: their gradients are on one device.
    /// - Returns: whether all gradients are finite.
    public func unscale(_ parameters: [Parameter]) -> Bool {
        let gradients = parameters.compactMap(\.grad)
        guard let device = gradients.first?.device else { return true }
        return withoutGrad {
            let isInfinite = Tensor.zeros([], device: device)
            let inverse = Tensor.full([], Double(Float(1 / Double(scale))), device: device)
            do throws(TorchError) {
                try attempt(
                    "_amp_foreach_non_finite_check_and_unscale_", [gradients, isInfinite, inverse])
            } catch {
                preconditionFailure(error.description)
            }
            return isInfinite.item() == 0
        }
    }

    /// Adapts the scale after a step.
    ///
    /// - Parameter isFinite: whether the gradients were finite; otherwise the step was skipped.
    public mutating func update(isFinite: Bool) {
        guard isFinite else {
            scale *= Self.backoff
            finiteSteps = 0
            skippedSteps += 1
            return
        }
        finiteSteps += 1
        guard finiteSteps == Self.growthInterval else { return }
        if (scale * Self.growth).isFinite { scale *= Self.growth }
        finiteSteps = 0
    }
}
