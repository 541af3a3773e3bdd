import Foundation

/// Why a network cannot be exported.
public enum ExportError: Error, Equatable, Sendable {
    case unknownOperator(String)
    case unknownForm(op: String, what: String)
    case tooLarge(bytes: Int)
    case outOfHalfRange(constant: String, value: Double)
    case needsProportions(network: String, type: String)
    case otherEmbedding(width: Int, side: Int, neededWidth: Int, largestSide: Int)
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
        case .needsProportions(let network, let type):
            "X-AnyLabeling's '\(type)' stretches pictures to a square, and \(network) needs their "
                + "proportions: give --tool-type efficientvit_sam"
        case .otherEmbedding(let width, let side, let neededWidth, let largestSide):
            "X-AnyLabeling takes embeddings of \(neededWidth) numbers for each of at most "
                + "\(largestSide)x\(largestSide) places, this network's have \(width) for each of "
                + "\(side)x\(side)"
        }
    }
}
