import Synchronization

/// A trace of a computation: the operators that it applied to its inputs, in order.
///
/// Values that do not depend on the inputs are not recorded; they are constants of the trace, which
/// is thereby constant-folded. The computation runs while it is recorded.
public final class Trace: @unchecked Sendable {
    // Written by the recording thread only, and read after recording has ended.

    /// A value of the computation that depends on its inputs.
    public struct Value: Hashable, Sendable {
        let number: Int
    }

    /// An argument of an operator.
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

    /// A value with its shape and type.
    public struct Result: Sendable {
        /// The value.
        public let value: Value
        /// The value's shape.
        public let shape: [Int]
        /// The type of the value's elements.
        public let dtype: DType
    }

    /// One operator that depends on the inputs.
    public struct Step: Sendable {
        /// Name and overload, for example `add.Tensor`.
        public let op: StaticString
        /// The arguments, in the operator's order.
        public let arguments: [Argument]
        /// The results.
        public let results: [Result]
    }

    /// The inputs of the computation.
    public private(set) var inputs: [Result] = []
    /// The operators, in order.
    public private(set) var steps: [Step] = []
    /// The outputs: values, or constants if they do not depend on the inputs.
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
    ///   - inputs: the inputs.
    ///   - body: the computation; it must not write into tensors that depend on the inputs.
    /// - Returns: the trace.
    /// - Throws: ``TraceError`` when the computation cannot be recorded.
    public static func recording(
        of inputs: [Tensor], _ body: ([Tensor]) -> [Tensor]
    ) throws(TraceError) -> Trace {
        let trace = Trace()
        // New handles, so that no other tensor is mistaken for an input.
        let own = inputs.map { Tensor(Handle(retaining: $0.handle.raw)) }
        trace.inputs = own.map(trace.added)
        let results = withoutGrad { $current.withValue(trace) { body(own) } }
        trace.outputs = results.map(trace.argument)
        if let refusal = trace.refusal { throw refusal }
        return trace
    }

    /// Records an operator call if one of the arguments depends on the inputs.
    func record(_ op: StaticString, _ arguments: [(any OperatorArgument)?], _ results: [Tensor]) {
        let taken = arguments.map(argument)
        guard taken.contains(where: \.isDependent) else { return }
        guard !Self.writesInPlace("\(op)") else {
            refusal = refusal ?? .writesInPlace("\(op)")
            return
        }
        steps.append(Step(op: op, arguments: taken, results: results.map(added)))
    }

    /// Records that elements of a value were read: the computation may then depend on them in a way
    /// that the recorded operators do not show.
    func recordRead(of tensor: Tensor) {
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
            preconditionFailure("an argument of type \(type(of: other)) cannot be recorded")
        }
    }
}

extension Trace.Argument {
    /// Whether the argument contains a value of the trace.
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
            "'\(op)' writes into the memory of a traced value"
        case .readsNumbers(let shape):
            "elements of a traced value of shape \(shape) are read, which cannot be recorded"
        }
    }
}

extension Trace {
    /// Runs the recorded computation on other inputs of the same shapes.
    ///
    /// Values are released when no later step needs them.
    ///
    /// - Parameters:
    ///   - inputs: the new inputs.
    ///   - observe: called after each step with its tensor arguments, in order, and its results.
    /// - Returns: the outputs.
    /// - Throws: ``TorchError`` when an operator refuses the inputs, and errors of `observe`.
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

    /// The values that are not needed after a step, by the step's index.
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
    /// - Parameter tensors: replacements for the tensors among the arguments, in order.
    /// - Returns: the results.
    /// - Throws: ``TorchError`` when the operator refuses them.
    public func run(_ tensors: [Tensor]) throws(TorchError) -> [Tensor] {
        var rest = tensors[...]
        let arguments = arguments.map { $0.operatorArgument(taking: &rest) }
        precondition(rest.isEmpty, "\(rest.count) tensors too many for \(op)")
        return try attempt(op, arguments)
    }
}

extension Trace.Argument {
    /// The traced values in the argument.
    fileprivate var values: [Trace.Value] {
        switch self {
        case .value(let value): [value]
        case .list(let list): list.flatMap(\.values)
        default: []
        }
    }

    /// The tensors in the argument.
    fileprivate func tensors(_ values: [Trace.Value: Tensor]) -> [Tensor] {
        switch self {
        case .value(let value):
            guard let tensor = values[value] else {
                preconditionFailure("no step computes this value")
            }
            return [tensor]
        case .constant(let tensor): return [tensor]
        case .list(let list): return list.flatMap { $0.tensors(values) }
        default: return []
        }
    }

    /// The argument for a call of the operator, with tensors from `rest`.
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

/// Numbers for traced values, unique within the process.
enum ValueNumber {
    private static let last = Atomic(0)

    static func next() -> Int {
        last.add(1, ordering: .relaxed).newValue
    }
}
