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
/// all of the processors that are not Intel's (see Benchmarks/RESULTS.md).
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
    if OneDNN.takes(x, weight) {
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

    static func takes(_ x: Tensor, _ weight: Tensor) -> Bool {
        x.dtype == .float32 && weight.dtype == .float32 && x.device.kind == .cpu
            && !ct_grad_enabled() && !ct_autocast_enabled()
            && x.elementCount >= leastRows * weight.size(1)
            // For weights with gaps oneDNN has only its slow reference.
            && weight.isContiguous && isPresent
    }
}
