import CTorch
import Foundation

/// An operator that libtorch refused, or that failed.
public struct TorchError: Error, Equatable, Sendable {
    /// The operator's name, as `add.Tensor`.
    public let op: String
    /// The shape of each tensor among its arguments, in order.
    public let shapes: [[Int]]
    /// libtorch's own words.
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

extension TorchError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        guard !shapes.isEmpty else { return "\(op): \(message)" }
        let arguments = shapes.map { "\($0)" }.joined(separator: ", ")
        return "\(op)(\(arguments)): \(message)"
    }
}
