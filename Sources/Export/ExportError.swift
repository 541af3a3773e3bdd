import Foundation

/// Why a network cannot be exported.
public enum ExportError: Error, Equatable, Sendable {
    case unknownOperator(String)
    case unknownForm(op: String, what: String)
    case tooLarge(bytes: Int)
    case outOfHalfRange(constant: String, value: Double)
}

extension ExportError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .unknownOperator(let op):
            "the operator '\(op)' has no form in ONNX here"
        case .unknownForm(let op, let what):
            "'\(op)' with \(what) has no form in ONNX here"
        case .tooLarge(let bytes):
            "one ONNX file of \(bytes.formatted()) bytes would be needed, 2 GiB are the most: store "
                + "the weights as f16 (--precision f16-weights)"
        case .outOfHalfRange(let constant, let value):
            "'\(constant)' holds \(value), and float16 ends at 65504: it cannot be stored as f16"
        }
    }
}
