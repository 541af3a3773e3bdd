import CTorch

extension Tensor {
    /// Whether autograd records operations on this tensor.
    public var requiresGrad: Bool {
        handle.with(ct_requires_grad)
    }

    /// Sets `requires_grad` of this leaf tensor.
    ///
    /// - Returns: this tensor.
    @discardableResult
    public func requiringGrad(_ required: Bool = true) -> Tensor {
        trap("requires_grad_", handle.with { ct_set_requires_grad($0, required) })
        return self
    }

    /// The gradient that ``backward(gradient:retainGraph:createGraph:)`` has accumulated.
    public var grad: Tensor? {
        handle.with(ct_grad).map { Tensor(Handle($0)) }
    }

    /// Replaces the accumulated gradient; nil removes it.
    ///
    /// - Parameter grad: a gradient of this tensor's shape and type, on its device; others trap.
    public func setGrad(_ grad: Tensor?) {
        withExtendedLifetime(grad) {
            trap("grad", handle.with { ct_set_grad($0, grad?.handle.raw) }, with: grad)
        }
    }

    /// Calls `hook` after each backward pass has added to this tensor's gradient.
    ///
    /// The hook runs on the thread that added to the gradient. A tensor has at most one hook.
    ///
    /// - Parameter hook: the hook, which must not retain this tensor; nil removes the hook.
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

    /// Backpropagates: accumulates gradients in all leaf tensors that require them.
    ///
    /// - Parameters:
    ///   - gradient: the gradient of this tensor; may be omitted for a tensor of one element.
    ///   - retainGraph: whether the graph is kept for another call.
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
        stop(TorchError(op: op, shapes: shapes, taking: message))
    }
}

private final class GradHook: Sendable {
    let call: @Sendable () -> Void

    init(_ call: @escaping @Sendable () -> Void) {
        self.call = call
    }
}

/// Gradients of outputs with respect to inputs, without accumulating them in `grad`.
///
/// - Parameters:
///   - outputs: tensors to differentiate.
///   - inputs: tensors to differentiate with respect to.
///   - gradients: the gradients of the outputs; may be omitted where each output has one element.
///   - retainGraph: whether the graph is kept for another call.
///   - createGraph: whether the gradients themselves can be differentiated.
/// - Returns: the gradient of each input; nil if the outputs do not depend on it.
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
        stop(TorchError(op: "grad", shapes: shapes, taking: message))
    }
    return results.map { $0.map { Tensor(Handle($0)) } }
}

/// Runs `body` with gradients disabled, on this thread: PyTorch's `no_grad`.
///
/// The mode belongs to the thread, so `body` is synchronous: a task could resume on another one.
public func withoutGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_set_grad_enabled(false)
    defer { _ = ct_set_grad_enabled(before) }
    return try body()
}

/// Whether gradients are enabled on this thread.
public var isGradEnabled: Bool {
    ct_grad_enabled()
}

/// Attaches a backward function to tensors that were computed without gradients, as PyTorch's
/// `autograd.Function` does.
///
/// ``Tensor/backward(gradient:retainGraph:createGraph:)`` calls `backward` with gradients disabled,
/// on libtorch's thread for the device, and waits for it. The closure and its captures live until
/// then; it must not capture the tensors that this function returns. Second derivatives are not
/// supported.
///
/// - Parameters:
///   - outputs: tensors computed in ``withoutGrad(_:)``.
///   - inputs: the tensors that they were computed from.
///   - backward: maps the gradient of each output (nil where there is none) to the gradient of each
///     input (nil where it needs none).
/// - Returns: the outputs, connected to the inputs in the autograd graph.
public func withCustomGradient(
    _ outputs: [Tensor], inputs: [Tensor],
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
        stop(TorchError(op: "custom gradient", shapes: shapes, taking: message))
    }
    return results.compactMap { $0.map { Tensor(Handle($0)) } }
}

/// The backward function that a node of the autograd graph owns.
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

/// Activation checkpointing: runs a part of a network without storing its activations; backward
/// recomputes them.
///
/// Gradients equal those of the body. Without gradients the body just runs. The body runs twice,
/// must be deterministic, and must depend on the inputs and parameters only; these must not be
/// modified before backward. Second derivatives are not supported.
///
/// - Parameters:
///   - inputs: the tensors that `body` gets.
///   - parameters: all other tensors that need gradients.
///   - body: the part of the network.
/// - Returns: what `body` returns.
public func checkpointed(
    _ inputs: [Tensor], parameters: [Tensor], body: @escaping ([Tensor]) -> [Tensor]
) -> [Tensor] {
    let leaves = parameters.filter(\.requiresGrad)
    guard isGradEnabled, !leaves.isEmpty || inputs.contains(where: \.requiresGrad) else {
        return body(inputs)
    }
    let device = inputs.first?.device ?? .cpu
    let mode = AutocastMode.current(on: device)
    // With gradients, so that the same kernels run as in backward: some operators use another
    // kernel without gradients, which rounds differently. The graph is discarded here. Caching the
    // casts of weights would only use memory.
    let outputs = withoutAutocastCache { body(inputs) }.map { $0.detached() }
    let before = (inputs + leaves).map(Tensor.Snapshot.init)
    return withCustomGradient(outputs, inputs: inputs + leaves) { gradients in
        precondition(
            zip(before, inputs + leaves).allSatisfy { $0.isCurrent($1) },
            "an input or a parameter of a checkpointed part was written to before backward")
        let copies = inputs.map { $0.detached().requiringGrad($0.requiresGrad) }
        let again = withGrad { mode.run(on: device) { body(copies) } }
        let sources = copies.filter(\.requiresGrad) + leaves
        let ends = zip(again, gradients).compactMap { output, gradient in
            gradient.flatMap { output.requiresGrad ? (output, $0) : nil }
        }
        guard !ends.isEmpty else { return (inputs + leaves).map { _ in nil } }
        var found = grad(
            of: ends.map(\.0), withRespectTo: sources, gradients: ends.map(\.1))[...]
        return inputs.map { $0.requiresGrad ? found.removeFirst() : nil } + found
    }
}

/// Runs `body` with gradients enabled, on this thread.
func withGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_set_grad_enabled(true)
    defer { _ = ct_set_grad_enabled(before) }
    return try body()
}

private func withoutAutocastCache<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_autocast_cache(false)
    defer { _ = ct_autocast_cache(before) }
    return try body()
}

/// Runs `body` under PyTorch's autocast on this thread: matrix products and convolutions use a
/// smaller type, operators that need more precision stay in float32.
///
/// - Parameters:
///   - dtype: `.bfloat16` on the CPU, also `.float16` on GPUs; `.float32` disables autocast, also
///     within another autocast.
///   - device: the kind of device that autocast applies to.
///   - body: synchronous, because the mode belongs to the thread.
/// - Returns: what `body` returns.
public func withAutocast<Result>(
    to dtype: DType, on device: Device = .cpu, _ body: () throws -> Result
) rethrows -> Result {
    let trap = { (message: UnsafeMutablePointer<CChar>?) in
        guard let message else { return }
        let error = TorchError(op: "autocast to \(dtype)", shapes: [], taking: message)
        preconditionFailure(error.description)
    }
    var before = ct_autocast()
    trap(ct_autocast_begin(device.description, dtype != .float32, dtype.rawValue, &before))
    defer { trap(ct_autocast_end(device.description, before)) }
    return try body()
}

/// The autocast state of a thread.
struct AutocastMode: Sendable {
    private let dtype: DType

    /// The state of this thread.
    static func current(on device: Device) -> AutocastMode {
        var now = ct_autocast()
        if let message = ct_autocast_now(device.description, &now) {
            fatalError(TorchError(op: "autocast", shapes: [], taking: message).description)
        }
        return AutocastMode(dtype: now.enabled ? DType(rawValue: now.dtype) ?? .float32 : .float32)
    }

    /// Runs `body` in this state, on any thread.
    func run<Result>(on device: Device, _ body: () throws -> Result) rethrows -> Result {
        try withAutocast(to: dtype, on: device, body)
    }

    /// Casts a tensor as autocast casts the arguments of a matrix product.
    func cast(_ x: Tensor) -> Tensor {
        dtype != .float32 && x.dtype == .float32 ? x.to(dtype) : x
    }

    /// Runs `body`, whose tensors are already cast, without autocast.
    func suspended<Result>(_ body: () throws -> Result) rethrows -> Result {
        try withAutocast(to: .float32, body)
    }
}
