import Synchronization

/// What a computation did to its inputs: the operators it called, in order.
///
/// What does not depend on the inputs is not recorded: it is a constant wherever it is used, so that
/// the recording is folded by itself. The computation runs while it is recorded.
public final class Trace: @unchecked Sendable {
    // Written to by the one thread that records, read when that is over.

    /// A value of the computation that depends on its inputs.
    public struct Value: Hashable, Sendable {
        let number: Int
    }

    /// What an operator was given.
    public enum Argument: Sendable {
        case none
        case value(Value)
        case constant(Tensor)
        case integer(Int)
        case real(Double)
        case boolean(Bool)
        case word(String)
        case integers([Int])
        case list([Argument])
    }

    /// A value as the recording saw it.
    public struct Result: Sendable {
        /// The value.
        public let value: Value
        /// The shape it had.
        public let shape: [Int]
        /// The type of its elements.
        public let dtype: DType
    }

    /// One operator that depends on the inputs.
    public struct Step: Sendable {
        /// Name and overload, as `add.Tensor`.
        public let op: StaticString
        /// What it was given, in the operator's order.
        public let arguments: [Argument]
        /// What it gave.
        public let results: [Result]
    }

    /// What the computation was given.
    public private(set) var inputs: [Result] = []
    /// What it did.
    public private(set) var steps: [Step] = []
    /// What it gave: values, or constants where they do not depend on the inputs.
    public private(set) var outputs: [Argument] = []
    private var numbers: Set<Int> = []
    private var refusal: TraceError?

    @TaskLocal static var current: Trace?

    /// Whether operators of this task are recorded.
    public static var isRecording: Bool { current != nil }

    private init() {}

    /// Records a computation.
    ///
    /// - Parameters:
    ///   - inputs: what it is given.
    ///   - body: the computation; it must not write into tensors that depend on the inputs.
    /// - Returns: its recording.
    /// - Throws: ``TraceError`` when it does what cannot be recorded.
    public static func recording(
        of inputs: [Tensor], _ body: ([Tensor]) -> [Tensor]
    ) throws(TraceError) -> Trace {
        let trace = Trace()
        // Handles of their own, so that nobody else's tensor is taken for an input.
        let own = inputs.map { Tensor(Handle(retaining: $0.handle.raw)) }
        trace.inputs = own.map(trace.added)
        let results = withoutGrad { $current.withValue(trace) { body(own) } }
        trace.outputs = results.map(trace.argument)
        if let refusal = trace.refusal { throw refusal }
        return trace
    }

    /// Takes down an operator that was called, when one of its arguments depends on the inputs.
    func record(_ op: StaticString, _ arguments: [(any OperatorArgument)?], _ results: [Tensor]) {
        let taken = arguments.map(argument)
        guard taken.contains(where: \.isDependent) else { return }
        guard !Self.writesInPlace("\(op)") else {
            refusal = refusal ?? .writesInPlace("\(op)")
            return
        }
        steps.append(Step(op: op, arguments: taken, results: results.map(added)))
    }

    /// Takes down that a value's numbers were read, after which the computation may depend on them in
    /// a way that no operator shows.
    func noteReading(of tensor: Tensor) {
        guard numbers.contains(tensor.handle.value) else { return }
        refusal = refusal ?? .readsNumbers(shape: tensor.shape)
    }

    private static func writesInPlace(_ op: String) -> Bool {
        let name = op.prefix { $0 != "." }
        return name.hasSuffix("_") || op.hasSuffix(".out")
    }

    private func added(_ tensor: Tensor) -> Result {
        let value = Value(number: ValueNumber.next())
        tensor.handle.value = value.number
        numbers.insert(value.number)
        return Result(value: value, shape: tensor.shape, dtype: tensor.dtype)
    }

    private func argument(_ argument: (any OperatorArgument)?) -> Argument {
        switch argument {
        case nil: .none
        case let tensor as Tensor:
            numbers.contains(tensor.handle.value)
                ? .value(Value(number: tensor.handle.value)) : .constant(tensor)
        case let list as [Tensor]: .list(list.map(self.argument))
        case let list as [Tensor?]: .list(list.map(self.argument))
        case let number as Int: .integer(number)
        case let number as Double: .real(number)
        case let number as Float: .real(Double(number))
        case let truth as Bool: .boolean(truth)
        case let word as String: .word(word)
        case let numbers as [Int]: .integers(numbers)
        case let type as DType: .integer(Int(type.rawValue))
        case let device as Device: .word(device.description)
        case let other?:
            preconditionFailure("an argument of type \(type(of: other)) has no form in a recording")
        }
    }
}

extension Trace.Argument {
    /// Whether a value of the recording is in it.
    public var isDependent: Bool {
        switch self {
        case .value: true
        case .list(let list): list.contains(where: \.isDependent)
        default: false
        }
    }
}

/// Why a computation cannot be recorded.
public enum TraceError: Error, Equatable, Sendable {
    case writesInPlace(String)
    case readsNumbers(shape: [Int])
}

extension TraceError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .writesInPlace(let op):
            "'\(op)' writes into memory of a value that is recorded"
        case .readsNumbers(let shape):
            "the numbers of a value of the shape \(shape) are read, and what follows may depend on them"
        }
    }
}

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

/// Numbers for the values of recordings; no two recordings of a process share one.
enum ValueNumber {
    private static let last = Atomic(0)

    static func next() -> Int {
        last.add(1, ordering: .relaxed).newValue
    }
}
