import CTorch

/// An activation fused into a linear layer.
public enum LinearActivation: String, Sendable {
    case none
    /// The exact GELU.
    case gelu
}

/// `x W^T + b`, optionally with a fused activation.
///
/// float32 on the CPU uses oneDNN, because libtorch's default, MKL, is slow on processors that are
/// not Intel's (measured by `Benchmarks/bench.py samus` and `training`). A trace has the plain
/// operator.
///
/// - Parameters:
///   - x: `[..., I]`.
///   - weight: `[O, I]`.
///   - bias: `[O]`.
///   - activation: activation of each element of the result.
/// - Returns: `[..., O]`.
public func linear(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, activation: LinearActivation = .none
) -> Tensor {
    guard !Trace.isRecording, OneDNN.takes(x, weight, bias) else {
        let y = call("linear", x, weight, bias)
        return activation == .gelu ? gelu(y) : y
    }
    let inputs = [x, weight] + (bias.map { [$0] } ?? [])
    guard isGradEnabled, inputs.contains(where: \.requiresGrad) else {
        return OneDNN.product(x, weight, bias, activation)
    }
    let y = recordedLinear(inputs)
    return activation == .gelu ? gelu(y) : y
}

/// A oneDNN product; backward uses oneDNN for the gradient of `x`, and libtorch for that of the
/// weight.
///
/// - Parameter inputs: x, weight and, if present, the bias.
/// - Returns: `[..., O]`.
private func recordedLinear(_ inputs: [Tensor]) -> Tensor {
    let (x, weight) = (inputs[0].detached(), inputs[1].detached())
    let bias = inputs.count > 2 ? inputs[2].detached() : nil
    let before = inputs.prefix(2).map(Tensor.Snapshot.init)
    let result = withoutGrad { OneDNN.product(x, weight, bias, .none) }
    return withCustomGradient([result], inputs: inputs) { gradients in
        precondition(
            zip(before, inputs).allSatisfy { $0.isCurrent($1) },
            "an input or a weight of a linear layer was written to before backward")
        guard let gradient = gradients[0] else { return inputs.map { _ in nil } }
        let rows = gradient.reshaped([-1, weight.size(0)])
        let ofX =
            inputs[0].requiresGrad
            ? linear(gradient, weight: weight.transposed(0, 1).contiguous()) : nil
        let ofWeight =
            inputs[1].requiresGrad
            ? rows.transposed(0, 1).matmul(x.reshaped([-1, weight.size(1)])) : nil
        guard let bias = inputs.dropFirst(2).first else { return [ofX, ofWeight] }
        return [ofX, ofWeight, bias.requiresGrad ? rows.sum(axes: [0]) : nil]
    }[0]
}

/// Matrix products by oneDNN.
private enum OneDNN {
    /// With fewer rows, oneDNN's overhead exceeds the gain.
    private static let minimumRows = 64

    /// Whether this build of libtorch has oneDNN.
    private static let isPresent: Bool = {
        let one = Tensor.ones([1, 1])
        let found = try? attempt(
            "mkldnn::_linear_pointwise", [one, one, nil, "none", [] as [Int], "none"])
        return found?.count == 1
    }()

    /// `x W^T + b` and the activation, without gradients.
    static func product(
        _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ activation: LinearActivation
    ) -> Tensor {
        // The last argument is the GELU's form, which is ignored without a GELU.
        call(
            "mkldnn::_linear_pointwise", x.contiguous(), weight, bias, activation.rawValue,
            [] as [Int], "none")
    }

    private static func fits(_ bias: Tensor, _ weight: Tensor) -> Bool {
        bias.shape == [weight.size(0)] && bias.dtype == .float32 && bias.isContiguous
    }

    /// Whether oneDNN supports this product; invalid arguments go to libtorch, which reports them.
    static func takes(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Bool {
        guard x.rank > 0, weight.rank == 2, weight.size(1) > 0, x.size(-1) == weight.size(1)
        else { return false }
        return x.dtype == .float32 && weight.dtype == .float32 && x.device.kind == .cpu
            && !ct_autocast_enabled()
            && x.elementCount >= minimumRows * weight.size(1)
            // oneDNN has only a slow kernel for strided weights, and ignores a bias's strides.
            && weight.isContiguous && bias.map { fits($0, weight) } ?? true && isPresent
    }
}
