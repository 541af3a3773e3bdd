import CTorch

/// Gives tensors computed without history the gradient that the caller knows how to compute.
///
/// The closure runs in ``Tensor/backward(gradient:retainGraph:createGraph:)`` without recording, on
/// another thread where libtorch has one for the device; who called waits. What it holds is kept
/// until then. It must not hold what this function
/// returns. It cannot be differentiated a second time.
///
/// - Parameters:
///   - outputs: computed in ``withoutGrad(_:)``.
///   - inputs: what they were computed from.
///   - backward: gets for each output its gradient, nil where there is none, and gives for each
///     input its own, nil where it needs none.
/// - Returns: the outputs with a history.
public func recorded(
    _ outputs: [Tensor], from inputs: [Tensor],
    backward: @escaping ([Tensor?]) -> [Tensor?]
) -> [Tensor] {
    let inner = CustomGradient(
        outputs: outputs.count, inputs: inputs.count, backward: backward)
    let step = ct_step(
        context: Unmanaged.passRetained(inner).toOpaque(),
        backward: { context, gradients, results in
            guard let context, let results else { return }
            Unmanaged<CustomGradient>.fromOpaque(context).takeUnretainedValue()
                .run(gradients, results)
        },
        release: { $0.map { Unmanaged<CustomGradient>.fromOpaque($0).release() } })
    var results = [OpaquePointer?](repeating: nil, count: outputs.count)
    let message = withExtendedLifetime((outputs, inputs)) {
        let sources = inputs.map { Optional($0.handle.raw) }
        let ends = outputs.map { Optional($0.handle.raw) }
        return sources.withUnsafeBufferPointer { sources in
            ends.withUnsafeBufferPointer { ends in
                ct_record(
                    sources.baseAddress, Int32(sources.count), ends.baseAddress,
                    Int32(ends.count), step, &results)
            }
        }
    }
    if let message {
        let shapes = (outputs + inputs).map(\.shape)
        fatalError(TorchError(op: "recorded", shapes: shapes, taking: message).description)
    }
    return results.compactMap { $0.map { Tensor(Handle($0)) } }
}

/// What libtorch holds of a step until it is differentiated.
private final class CustomGradient {
    private let outputs: Int
    private let inputs: Int
    private let backward: ([Tensor?]) -> [Tensor?]

    init(outputs: Int, inputs: Int, backward: @escaping ([Tensor?]) -> [Tensor?]) {
        self.outputs = outputs
        self.inputs = inputs
        self.backward = backward
    }

    func run(
        _ gradients: UnsafePointer<OpaquePointer?>?,
        _ results: UnsafeMutablePointer<OpaquePointer?>
    ) {
        let given = (0..<outputs).map { index in
            gradients?[index].map { Tensor(Handle(retaining: $0)) }
        }
        let found = backward(given)
        precondition(found.count == inputs, "\(found.count) gradients for \(inputs) inputs")
        for (index, gradient) in found.enumerated() {
            results[index] = gradient.map { gradient in
                gradient.handle.with { raw in
                    ct_retain(raw)
                    return raw
                }
            }
        }
    }
}
