import CTorch

/// What is done to the values of a linear layer while they are still in the processor's registers.
public enum LinearActivation: String, Sendable {
    case none
    /// The exact GELU.
    case gelu
}

/// `x W^T + b`, or a function of it.
///
/// Without gradients, float32 on the CPU goes to oneDNN: libtorch's own choice, MKL, does not use
/// all of the processors that are not Intel's (measured by Benchmarks/samus).
///
/// - Parameters:
///   - x: `[..., I]`.
///   - weight: `[O, I]`.
///   - bias: `[O]`.
///   - activation: done to each value of the result.
/// - Returns: `[..., O]`.
public func linear(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, activation: LinearActivation = .none
) -> Tensor {
    if OneDNN.takes(x, weight, bias) {
        // The name of the GELU's form comes last; without a GELU it is not looked at.
        return call(
            "mkldnn::_linear_pointwise", x.contiguous(), weight, bias, activation.rawValue,
            [] as [Int], "none")
    }
    let y = call("linear", x, weight, bias)
    return activation == .gelu ? gelu(y) : y
}

/// The matrix products that oneDNN computes.
private enum OneDNN {
    /// Fewer rows are not worth its preparation.
    private static let leastRows = 64

    /// Whether this libtorch has it: not on every system.
    private static let isPresent: Bool = {
        let one = Tensor.ones([1, 1])
        let found = try? attempt(
            "mkldnn::_linear_pointwise", [one, one, nil, "none", [] as [Int], "none"])
        return found?.count == 1
    }()

    private static func fits(_ bias: Tensor, _ weight: Tensor) -> Bool {
        bias.shape == [weight.size(0)] && bias.dtype == .float32 && bias.isContiguous
    }

    /// Whether it computes this product; what is wrong in one is left to libtorch, which says so.
    static func takes(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Bool {
        guard x.rank > 0, weight.rank == 2, weight.size(1) > 0, x.size(-1) == weight.size(1)
        else { return false }
        return x.dtype == .float32 && weight.dtype == .float32 && x.device.kind == .cpu
            && !ct_grad_enabled() && !ct_autocast_enabled()
            && x.elementCount >= leastRows * weight.size(1)
            // For weights with gaps oneDNN has only its slow reference; a bias's gaps it overlooks.
            && weight.isContiguous && bias.map { fits($0, weight) } ?? true && isPresent
    }
}
