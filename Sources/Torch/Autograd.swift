import CTorch

extension Tensor {
    /// Whether operators on this tensor are recorded for gradients.
    public var requiresGrad: Bool {
        handle.with(ct_requires_grad)
    }

    /// Switches the recording for gradients on this tensor, which must not be a result, and gives
    /// it back.
    @discardableResult
    public func requiringGrad(_ required: Bool = true) -> Tensor {
        trap("requires_grad_", handle.with { ct_set_requires_grad($0, required) })
        return self
    }

    /// The gradient gathered by ``backward(gradient:retainGraph:createGraph:)``, if there is one.
    public var grad: Tensor? {
        handle.with(ct_grad).map { Tensor(Handle($0)) }
    }

    /// Replaces the gathered gradient; nil takes it away.
    ///
    /// - Parameter grad: of this tensor's shape and type, on its device; traps where it is not.
    public func setGrad(_ grad: Tensor?) {
        withExtendedLifetime(grad) {
            trap("grad", handle.with { ct_set_grad($0, grad?.handle.raw) }, with: grad)
        }
    }

    /// Calls `hook` after each backward pass has added to this tensor's gradient.
    ///
    /// It runs on the thread that added it. There is one hook at a time.
    ///
    /// - Parameter hook: must not hold this tensor, which keeps it alive; nil takes it away.
    public func setGradHook(_ hook: (@Sendable () -> Void)?) {
        let context = hook.map { Unmanaged.passRetained(GradHook($0)).toOpaque() }
        let message = handle.with {
            ct_set_grad_hook(
                $0, context,
                hook == nil
                    ? nil
                    : {
                        $0.map { Unmanaged<GradHook>.fromOpaque($0).takeUnretainedValue().call() }
                    },
                { $0.map { Unmanaged<GradHook>.fromOpaque($0).release() } })
        }
        trap("register_post_accumulate_grad_hook", message)
    }

    /// Adds the gradients of this tensor to all tensors it was computed from that require them.
    ///
    /// - Parameters:
    ///   - gradient: the gradient of this tensor; may be left out for one element.
    ///   - retainGraph: whether the history is kept for another call.
    ///   - createGraph: whether the gradients themselves can be differentiated.
    public func backward(
        gradient: Tensor? = nil, retainGraph: Bool = false, createGraph: Bool = false
    ) {
        withExtendedLifetime(gradient) {
            trap(
                "backward",
                handle.with {
                    ct_backward($0, gradient?.handle.raw, retainGraph, createGraph)
                })
        }
    }

    private func trap(
        _ op: String, _ message: UnsafeMutablePointer<CChar>?, with other: Tensor? = nil
    ) {
        guard let message else { return }
        let shapes = [shape] + (other.map { [$0.shape] } ?? [])
        fatalError(TorchError(op: op, shapes: shapes, taking: message).description)
    }
}

private final class GradHook: Sendable {
    let call: @Sendable () -> Void

    init(_ call: @escaping @Sendable () -> Void) {
        self.call = call
    }
}

/// Gradients of outputs with respect to inputs, without gathering them in the inputs.
///
/// - Parameters:
///   - outputs: what to differentiate.
///   - inputs: with respect to what.
///   - gradients: the gradients of the outputs; may be left out where each is one element.
///   - retainGraph: whether the history is kept for another call.
///   - createGraph: whether the gradients themselves can be differentiated.
/// - Returns: for each input its gradient, nil where the outputs do not depend on it.
public func grad(
    of outputs: [Tensor], withRespectTo inputs: [Tensor], gradients: [Tensor]? = nil,
    retainGraph: Bool = false, createGraph: Bool = false
) -> [Tensor?] {
    precondition(gradients.map { $0.count == outputs.count } ?? true, "a gradient for each output")
    var results = [OpaquePointer?](repeating: nil, count: inputs.count)
    let message = withExtendedLifetime((outputs, inputs, gradients)) {
        let outputs = outputs.map { Optional($0.handle.raw) }
        let inputs = inputs.map { Optional($0.handle.raw) }
        let given = gradients.map { $0.map { Optional($0.handle.raw) } }
        return outputs.withUnsafeBufferPointer { outputs in
            inputs.withUnsafeBufferPointer { inputs in
                (given ?? []).withUnsafeBufferPointer { given in
                    ct_gradients(
                        outputs.baseAddress, Int32(outputs.count), inputs.baseAddress,
                        Int32(inputs.count), gradients == nil ? nil : given.baseAddress,
                        retainGraph, createGraph, &results)
                }
            }
        }
    }
    if let message {
        let shapes = (outputs + inputs).map(\.shape)
        fatalError(TorchError(op: "grad", shapes: shapes, taking: message).description)
    }
    return results.map { $0.map { Tensor(Handle($0)) } }
}

/// Runs `body` without recording for gradients, on this thread.
///
/// The mode belongs to the thread, so `body` is synchronous: a task could go on elsewhere.
public func withoutGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_set_grad_enabled(false)
    defer { _ = ct_set_grad_enabled(before) }
    return try body()
}

/// Whether operators are recorded for gradients on this thread.
public var isGradEnabled: Bool {
    ct_grad_enabled()
}
