import CTorch

/// Computes a part of a network without keeping its activations: backward computes them anew.
///
/// Gradients are those of the body itself. Where none are recorded, the body just runs. The body
/// runs twice and must do the same both times, from the inputs and parameters alone; these must not
/// be written to before backward. It cannot be differentiated a second time.
///
/// - Parameters:
///   - inputs: the tensors that `body` gets.
///   - parameters: all other tensors that it needs gradients for.
///   - body: the part.
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
    // Recorded, so that the operators are those of backward: without gradients some have other ways,
    // which round otherwise. The record goes here. Kept casts of weights would only take memory.
    let outputs = withoutKeptCasts { body(inputs) }.map { $0.detached() }
    let before = (inputs + leaves).map(Tensor.Snapshot.init)
    return recorded(outputs, from: inputs + leaves) { gradients in
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

/// Runs `body` with recording for gradients, on this thread.
func withGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_set_grad_enabled(true)
    defer { _ = ct_set_grad_enabled(before) }
    return try body()
}

private func withoutKeptCasts<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ct_autocast_keep(false)
    defer { _ = ct_autocast_keep(before) }
    return try body()
}
