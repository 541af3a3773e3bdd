import CTorch
import Foundation

/// Calls an ATen operator by name.
///
/// Every operator of this module passes here: what is to be known of all of them (errors,
/// recordings, counts) has one place.
///
/// - Parameters:
///   - op: name and overload, as `add.Tensor` or `layer_norm`, in the namespace aten.
///   - arguments: in the operator's order; nil for None, and what is left out takes its default.
/// - Returns: the tensors it gives, the elements of a list in order; numbers become tensors of one
///   element.
/// - Throws: ``TorchError`` with the shapes of the arguments and libtorch's message, or with the
///   place of a result that libtorch left undefined.
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

/// Calls an operator and hands its results to `take`, which owns the tensors in them.
private func perform<Results>(
    _ op: StaticString, _ arguments: [(any OperatorArgument)?],
    _ take: (UnsafeBufferPointer<ct_value>) -> Results
) throws(TorchError) -> Results {
    let room = 16
    // Stack memory; nothing leaves this closure but the results or a message.
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

/// The tensors of one result; nil in the place of an undefined one.
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

/// Calls an operator that gives one tensor; a failure is a mistake of the program and traps.
func call(_ op: StaticString, _ arguments: (any OperatorArgument)?...) -> Tensor {
    do throws(TorchError) {
        // No list is made of the one result: this is the way of nearly every operator.
        let result = try perform(op, arguments) { results in
            guard results.count == 1, results[0].kind == CT_TENSOR, let raw = results[0].pointer
            else { preconditionFailure("\(op) does not give one tensor") }
            return Tensor(Handle(OpaquePointer(raw)))
        }
        Trace.current?.record(op, arguments, [result])
        return result
    } catch {
        fatalError(error.description)
    }
}

/// Calls an operator that gives several tensors; a failure is a mistake of the program and traps.
func callForSeveral(_ op: StaticString, _ arguments: (any OperatorArgument)?...) -> [Tensor] {
    do throws(TorchError) {
        return try attempt(op, arguments)
    } catch {
        fatalError(error.description)
    }
}
