extension Trace {
    /// Runs the recorded computation on other inputs of the same shapes.
    ///
    /// Values are let go when no later step needs them.
    ///
    /// - Parameters:
    ///   - inputs: what it is given now.
    ///   - observe: sees each step with the tensors among its arguments, in order, and its results.
    /// - Returns: what it gives.
    /// - Throws: ``TorchError`` where an operator refuses the inputs, and what `observe` throws.
    public func run(
        _ inputs: [Tensor],
        observing observe: (_ step: Int, _ given: [Tensor], _ results: [Tensor]) throws -> Void
    ) throws -> [Tensor] {
        precondition(inputs.count == self.inputs.count, "\(inputs.count) inputs")
        var values: [Value: Tensor] = [:]
        for (input, tensor) in zip(self.inputs, inputs) { values[input.value] = tensor }
        let lastUses = self.lastUses
        try withoutGrad {
            for (index, step) in steps.enumerated() {
                let given = step.arguments.flatMap { $0.tensors(values) }
                let results = try step.run(given)
                try observe(index, given, results)
                for (result, tensor) in zip(step.results, results) { values[result.value] = tensor }
                for value in lastUses[index] ?? [] { values[value] = nil }
            }
        }
        return outputs.flatMap { $0.tensors(values) }
    }

    /// For each step the values that no later one needs.
    private var lastUses: [Int: [Value]] {
        var last: [Value: Int] = [:]
        for (index, step) in steps.enumerated() {
            for result in step.results { last[result.value] = index }
            for value in step.arguments.flatMap(\.values) { last[value] = index }
        }
        let kept = Set(outputs.flatMap(\.values))
        return Dictionary(grouping: last.keys.filter { !kept.contains($0) }) { last[$0] ?? 0 }
    }
}

extension Trace.Step {
    /// Calls the operator with other tensors.
    ///
    /// - Parameter tensors: in the places of the tensors among its arguments, in order.
    /// - Returns: its results.
    /// - Throws: ``TorchError`` where it refuses them.
    public func run(_ tensors: [Tensor]) throws(TorchError) -> [Tensor] {
        var rest = tensors[...]
        let arguments = arguments.map { $0.operatorArgument(taking: &rest) }
        precondition(rest.isEmpty, "\(rest.count) tensors too many for \(op)")
        return try attempt(op, arguments)
    }
}

extension Trace.Argument {
    /// The values of the recording in it.
    fileprivate var values: [Trace.Value] {
        switch self {
        case .value(let value): [value]
        case .list(let list): list.flatMap(\.values)
        default: []
        }
    }

    /// The tensors in it.
    fileprivate func tensors(_ values: [Trace.Value: Tensor]) -> [Tensor] {
        switch self {
        case .value(let value):
            guard let tensor = values[value] else {
                preconditionFailure("a value is used that no step gives")
            }
            return [tensor]
        case .constant(let tensor): return [tensor]
        case .list(let list): return list.flatMap { $0.tensors(values) }
        default: return []
        }
    }

    /// What the operator takes; tensors come from `rest`.
    fileprivate func operatorArgument(
        taking rest: inout ArraySlice<Tensor>
    ) -> (any OperatorArgument)? {
        switch self {
        case .none: nil
        case .value, .constant: rest.popFirst()
        case .integer(let number): number
        case .real(let number): number
        case .boolean(let truth): truth
        case .word(let word): word
        case .integers(let numbers): numbers
        case .list(let list): list.map { $0.operatorArgument(taking: &rest) as? Tensor }
        }
    }
}
