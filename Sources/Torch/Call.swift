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
/// - Throws: ``TorchError`` with the shapes of the arguments and libtorch's message.
@discardableResult
public func attempt(
    _ op: StaticString, _ arguments: [(any OperatorArgument)?]
) throws(TorchError) -> [Tensor] {
    let room = 16
    // Stack memory; nothing leaves this closure but the results and a message.
    let (results, message) = withUnsafeTemporaryAllocation(
        of: ct_value.self, capacity: arguments.count + room
    ) { values -> ([Tensor], UnsafeMutablePointer<CChar>?) in
        var frame = ArgumentFrame()
        defer { frame.release() }
        for (index, argument) in arguments.enumerated() {
            values[index] = argument?.lower(into: &frame) ?? .none
        }
        guard let start = values.baseAddress else { return ([], nil) }
        var count = Int32(room)
        let found = start + arguments.count
        // The handles behind the pointers live as long as their tensors.
        let message = withExtendedLifetime(arguments) {
            op.withUTF8Buffer { name in
                name.withMemoryRebound(to: CChar.self) { name in
                    ct_call(name.baseAddress, start, Int32(arguments.count), found, &count)
                }
            }
        }
        guard message == nil else { return ([], message) }
        if count == 1, found[0].kind == CT_TENSOR, let raw = found[0].pointer {
            return ([Tensor(Handle(OpaquePointer(raw)))], nil)
        }
        return (UnsafeBufferPointer(start: found, count: Int(count)).flatMap(tensors), nil)
    }
    if let message {
        throw TorchError(op: "\(op)", shapes: shapes(of: arguments), taking: message)
    }
    return results
}

private func tensors(of value: ct_value) -> [Tensor] {
    switch value.kind {
    case CT_TENSOR:
        value.pointer.map { [Tensor(Handle(OpaquePointer($0)))] } ?? []
    case CT_TENSORS:
        list(value)
    case CT_INTEGER:
        [Tensor(Int(value.integer))]
    case CT_REAL:
        [Tensor(value.real)]
    case CT_BOOLEAN:
        [Tensor(value.integer != 0)]
    default:
        []
    }
}

private func list(_ value: ct_value) -> [Tensor] {
    guard let pointer = value.pointer else { return [] }
    defer { free(UnsafeMutableRawPointer(mutating: pointer)) }
    let raws = pointer.assumingMemoryBound(to: OpaquePointer.self)
    return (0..<Int(value.count)).map { Tensor(Handle(raws[$0])) }
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
@inline(__always)
func call(_ op: StaticString, _ arguments: (any OperatorArgument)?...) -> Tensor {
    let results = trapping(op, arguments)
    precondition(results.count == 1, "\(op) gives \(results.count) tensors, not one")
    return results[0]
}

/// Calls an operator that gives several tensors; a failure is a mistake of the program and traps.
func callForSeveral(_ op: StaticString, _ arguments: (any OperatorArgument)?...) -> [Tensor] {
    trapping(op, arguments)
}

private func trapping(_ op: StaticString, _ arguments: [(any OperatorArgument)?]) -> [Tensor] {
    do throws(TorchError) {
        return try attempt(op, arguments)
    } catch {
        fatalError(error.description)
    }
}
