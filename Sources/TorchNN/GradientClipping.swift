import Torch

/// The length of all gradients together, and what keeps it bounded.
public enum GradientClipping {
    /// The length (L2) of the gradients of some parameters, as one vector.
    ///
    /// - Parameter parameters: those without a gradient count as 0.
    /// - Returns: a number; not finite when one of the gradients is not.
    public static func norm(of parameters: [Parameter]) -> Double {
        let gradients = parameters.compactMap(\.grad)
        guard !gradients.isEmpty else { return 0 }
        return withoutGrad {
            let squares = gradients.map { gradient -> Tensor in
                let single = gradient.to(.float32)
                return (single * single).sum()
            }
            return Tensor.stack(squares).sum().item().squareRoot()
        }
    }

    /// Shortens the gradients together to a length, as PyTorch's `clip_grad_norm_`.
    ///
    /// - Parameters:
    ///   - parameters: whose gradients.
    ///   - limit: the greatest length; the factor is `limit / (norm + 1e-6)` where that is below 1.
    /// - Returns: the length before.
    @discardableResult
    public static func clip(_ parameters: [Parameter], to limit: Double) -> Double {
        let norm = norm(of: parameters)
        let factor = limit / (norm + 1e-6)
        guard factor < 1 else { return norm }
        withoutGrad {
            for gradient in parameters.compactMap(\.grad) {
                gradient.assign(from: gradient * factor)
            }
        }
        return norm
    }
}
