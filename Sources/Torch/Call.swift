import CTorch
import Foundation

/// Calls an ATen operator by name.
///
/// All operators of this module are called here, so that errors and traces are handled once.
///
/// - Parameters:
///   - op: name and overload, for example `add.Tensor` or `layer_norm`, in the namespace aten.
///   - arguments: arguments in the operator's order; nil for None. Omitted trailing arguments take
///     their defaults.
/// - Returns: the result tensors; a list of tensors is flattened, and a number becomes a tensor of
///   one element.
/// - Throws: ``TorchError`` with the shapes of the arguments and libtorch's message, or with the
///   index of a result that libtorch left undefined.
@discardableResult
public func attempt(
    _ op: StaticString, _ arguments: [(any OperatorArgument)?]
) throws(TorchError) -> [Tensor] {
    let found = try perform(op, arguments) { $0.flatMap(tensors) }
    let defined = found.compactMap(\.self)
    if defined.count < found.count, let gap = found.firstIndex(where: { $0 == nil }) {
        throw TorchError(
            op: "\(op)", shapes: shapes(of: arguments),
            message: "result \(gap) of \(found.count) is undefined")
    }
    Trace.current?.record(op, arguments, defined)
    return defined
}

/// Calls an operator; `take` receives the results and owns their tensors.
private func perform<Results>(
    _ op: StaticString, _ arguments: [(any OperatorArgument)?],
    _ take: (UnsafeBufferPointer<ct_value>) -> Results
) throws(TorchError) -> Results {
    let room = 16
    // The memory is on the stack; only the results or a message leave this closure.
    let outcome = withUnsafeTemporaryAllocation(
        of: ct_value.self, capacity: arguments.count + room
    ) { values -> Outcome<Results> in
        var frame = ArgumentFrame()
        defer { frame.release() }
        for index in arguments.indices {
            values[index] = arguments[index]?.lower(into: &frame) ?? .none
        }
        let given = UnsafeBufferPointer(rebasing: values[..<arguments.count])
        let found = UnsafeMutableBufferPointer(rebasing: values[arguments.count...])
        var count = Int32(room)
        // The handles behind the pointers live as long as their tensors.
        let message = withExtendedLifetime(arguments) {
            op.withUTF8Buffer { name in
                name.withMemoryRebound(to: CChar.self) { name in
                    ct_call(
                        name.baseAddress, given.baseAddress, Int32(given.count),
                        found.baseAddress, &count)
                }
            }
        }
        if let message { return .message(message) }
        return .results(take(UnsafeBufferPointer(rebasing: found[..<Int(count)])))
    }
    switch outcome {
    case .results(let results): return results
    case .message(let message):
        throw TorchError(op: "\(op)", shapes: shapes(of: arguments), taking: message)
    }
}

private enum Outcome<Results> {
    case results(Results)
    case message(UnsafeMutablePointer<CChar>)
}

/// The tensors of one result; nil for an undefined tensor.
private func tensors(of value: ct_value) -> [Tensor?] {
    switch value.kind {
    case CT_TENSOR:
        [value.pointer.map { Tensor(Handle(OpaquePointer($0))) }]
    case CT_TENSORS:
        list(value)
    case CT_INTEGER:
        [Tensor(Int(value.integer))]
    case CT_REAL:
        [Tensor(value.real)]
    case CT_BOOLEAN:
        [Tensor(value.integer != 0)]
    default:
        [nil]
    }
}

private func list(_ value: ct_value) -> [Tensor?] {
    guard let pointer = value.pointer else { return [] }
    defer { free(UnsafeMutableRawPointer(mutating: pointer)) }
    let raws = pointer.assumingMemoryBound(to: OpaquePointer?.self)
    return (0..<Int(value.count)).map { raws[$0].map { Tensor(Handle($0)) } }
}

private func shapes(of arguments: [(any OperatorArgument)?]) -> [[Int]] {
    arguments.flatMap { argument -> [[Int]] in
        switch argument {
        case let tensor as Tensor: [tensor.shape]
        case let list as [Tensor]: list.map(\.shape)
        case let list as [Tensor?]: list.compactMap { $0?.shape }
        default: []
        }
    }
}

/// Calls an operator that returns one tensor; a failure is a programming error and traps.
func call(_ op: StaticString, _ arguments: (any OperatorArgument)?...) -> Tensor {
    do throws(TorchError) {
        // Most operators are called here, so no array is allocated for the single result.
        let result = try perform(op, arguments) { results in
            guard results.count == 1, results[0].kind == CT_TENSOR, let raw = results[0].pointer
            else { preconditionFailure("\(op) does not return one tensor") }
            return Tensor(Handle(OpaquePointer(raw)))
        }
        Trace.current?.record(op, arguments, [result])
        return result
    } catch {
        stop(error)
    }
}

/// Calls an operator that returns several tensors; a failure is a programming error and traps.
func callReturningTensors(_ op: StaticString, _ arguments: (any OperatorArgument)?...) -> [Tensor] {
    do throws(TorchError) {
        return try attempt(op, arguments)
    } catch {
        stop(error)
    }
}

/// A value that an operator accepts: a tensor, a number, a list of these, a string, a generator.
public protocol OperatorArgument {
    /// Converts the value for the C interface.
    ///
    /// - Parameter frame: owns the memory that the value points to during the call.
    /// - Returns: the value; its pointers are valid until the frame is released.
    func lower(into frame: inout ArgumentFrame) -> ct_value
}

/// Memory that the arguments of one call point to.
public struct ArgumentFrame {
    private var blocks: [UnsafeMutableRawPointer] = []

    mutating func copy<Element>(_ elements: [Element]) -> UnsafeRawPointer? {
        guard !elements.isEmpty else { return nil }
        let block = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
        block.initialize(from: elements, count: elements.count)
        blocks.append(UnsafeMutableRawPointer(block))
        return UnsafeRawPointer(block)
    }

    func release() {
        for block in blocks {
            block.deallocate()
        }
    }
}

extension ct_value {
    static var none: ct_value { ct_value() }

    init(_ kind: ct_kind, integer: Int = 0, real: Double = 0) {
        self.init(kind: kind, count: 0, integer: Int64(integer), real: real, pointer: nil)
    }

    init(_ kind: ct_kind, count: Int = 0, pointer: UnsafeRawPointer?) {
        self.init(kind: kind, count: Int32(count), integer: 0, real: 0, pointer: pointer)
    }
}

extension Tensor: OperatorArgument {
    /// The tensor's handle; the caller keeps the tensor alive.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_TENSOR, pointer: UnsafeRawPointer(handle.raw))
    }
}

extension Int: OperatorArgument {
    /// An integer.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_INTEGER, integer: self)
    }
}

extension Double: OperatorArgument {
    /// A real number.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_REAL, real: self)
    }
}

extension Float: OperatorArgument {
    /// A real number.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_REAL, real: Double(self))
    }
}

extension Bool: OperatorArgument {
    /// A truth value.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_BOOLEAN, integer: self ? 1 : 0)
    }
}

extension String: OperatorArgument {
    /// A string, for example the mode of an operator.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_STRING, pointer: frame.copy(Array(utf8CString)))
    }
}

extension DType: OperatorArgument {
    /// libtorch's number of the type.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_INTEGER, integer: Int(rawValue))
    }
}

extension Device: OperatorArgument {
    /// The device's name.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        description.lower(into: &frame)
    }
}

extension Array: OperatorArgument where Element: ListArgument {
    /// A list of values.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        Element.lower(self, into: &frame)
    }
}

/// An element of the lists that operators accept.
public protocol ListArgument {
    /// Converts a list for the C interface.
    static func lower(_ list: [Self], into frame: inout ArgumentFrame) -> ct_value
}

extension Int: ListArgument {
    /// A list of integers.
    public static func lower(_ list: [Int], into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_INTEGERS, count: list.count, pointer: frame.copy(list))
    }
}

extension Bool: ListArgument {
    /// A list of truth values.
    public static func lower(_ list: [Bool], into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_INTEGERS, count: list.count, pointer: frame.copy(list.map { $0 ? 1 : 0 }))
    }
}

extension Double: ListArgument {
    /// A list of real numbers.
    public static func lower(_ list: [Double], into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_REALS, count: list.count, pointer: frame.copy(list))
    }
}

extension Tensor: ListArgument {
    /// A list of tensors.
    public static func lower(_ list: [Tensor], into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_TENSORS, count: list.count, pointer: frame.copy(list.map(\.handle.raw)))
    }
}

extension Tensor?: ListArgument {
    /// A list of tensors, some of which may be nil.
    public static func lower(_ list: [Tensor?], into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_TENSORS, count: list.count, pointer: frame.copy(list.map { $0?.handle.raw }))
    }
}

/// An operator call that failed in libtorch.
public struct TorchError: Error, Equatable, Sendable {
    /// The operator's name, for example `add.Tensor`.
    public let op: String
    /// The shape of each tensor among its arguments, in order.
    public let shapes: [[Int]]
    /// libtorch's message.
    public let message: String

    init(op: String, shapes: [[Int]], message: String) {
        self.op = op
        self.shapes = shapes
        self.message = message
    }

    init(op: String, shapes: [[Int]], taking message: UnsafeMutablePointer<CChar>) {
        self.init(op: op, shapes: shapes, message: String(cString: message))
        free(message)
    }
}

extension TorchError {
    /// Whether the memory of a device was not sufficient, by the words of libtorch's allocators.
    public var isOutOfMemory: Bool {
        ["out of memory", "can't allocate memory", "not enough memory", "std::bad_alloc"]
            .contains { message.contains($0) }
    }
}

/// Ends the process after a failure of an operator that cannot throw.
///
/// Memory that does not suffice is not a programming error: the process then ends with a sentence
/// and the exit code of what is unavailable, instead of a trap.
func stop(_ error: TorchError) -> Never {
    guard error.isOutOfMemory else { fatalError(error.description) }
    let reason = error.message.split(separator: "\n").first.map(String.init) ?? error.message
    let advice = TorchRuntime.outOfMemoryAdvice.map { "; \($0)" } ?? ""
    fflush(nil)
    let sentence = "error: the memory is not sufficient\(advice) (\(error.op): \(reason))\n"
    FileHandle.standardError.write(Data(sentence.utf8))
    // Without the handlers of `exit`, which would wait for libtorch's threads.
    _exit(69)
}

extension TorchError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        guard !shapes.isEmpty else { return "\(op): \(message)" }
        let arguments = shapes.map { "\($0)" }.joined(separator: ", ")
        return "\(op)(\(arguments)): \(message)"
    }
}

/// A slice with a step: PyTorch's `start:stop:step`.
public struct Span: TensorIndex {
    let start: Int?
    let end: Int?
    let step: Int

    /// Creates a slice; nil means from the first or to the last, negative counts from the end.
    public init(from start: Int? = nil, to end: Int? = nil, by step: Int = 1) {
        self.start = start
        self.end = end
        self.step = step
    }

    /// One axis.
    public var axisCount: Int { 1 }

    /// Takes the elements.
    public func take(from selection: inout IndexSelection) {
        selection.take(from: start, to: end, by: step)
    }
}

/// A range of indices along an axis.
public protocol IndexRange: TensorIndex {
    /// The range as a span.
    var span: Span { get }
}

extension IndexRange {
    /// One axis.
    public var axisCount: Int { 1 }

    /// Takes neighbouring elements.
    public func take(from selection: inout IndexSelection) {
        span.take(from: &selection)
    }
}

extension Range<Int>: IndexRange, TensorIndex {
    /// From the lower bound up to, but not including, the upper bound.
    public var span: Span { Span(from: lowerBound, to: upperBound) }
}

extension ClosedRange<Int>: IndexRange, TensorIndex {
    /// From the lower bound to the upper bound, inclusive.
    public var span: Span { Span(from: lowerBound, to: upperBound == -1 ? nil : upperBound + 1) }
}

extension PartialRangeFrom<Int>: IndexRange, TensorIndex {
    /// From an index to the end; negative counts from the end.
    public var span: Span { Span(from: lowerBound) }
}

extension PartialRangeUpTo<Int>: IndexRange, TensorIndex {
    /// Up to, but not including, an index; negative counts from the end.
    public var span: Span { Span(to: upperBound) }
}

extension PartialRangeThrough<Int>: IndexRange, TensorIndex {
    /// Up to and including an index; negative counts from the end.
    public var span: Span { Span(to: upperBound == -1 ? nil : upperBound + 1) }
}
