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
