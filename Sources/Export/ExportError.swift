/// Why a network cannot be exported.
public enum ExportError: Error, Equatable, Sendable {
    case unsupportedOperator(String)
    case unsupportedArgument(op: String, what: String)
    case tooLarge(bytes: Int)
    case outOfHalfRange(constant: String, value: Double)
    case takesNoPrompts(network: String)
    case unsupportedPreprocessing(network: String)
    case needsAspectRatio(network: String, type: String)
    case unsupportedEmbedding(width: Int, side: Int, neededWidth: Int, largestSide: Int)
}

extension ExportError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .unsupportedOperator(let op):
            "the operator '\(op)' cannot be exported to ONNX"
        case .unsupportedArgument(let op, let what):
            "'\(op)' with \(what) cannot be exported to ONNX"
        case .tooLarge(let bytes):
            "an ONNX file would have \(bytes.formatted()) bytes, the limit is 2 GiB: store the "
                + "weights in 16 bits (--precision f16-weights)"
        case .outOfHalfRange(let constant, let value):
            "'\(constant)' contains \(value), and the largest float16 is 65504: its weights cannot "
                + "be stored in 16 bits"
        case .takesNoPrompts(let network):
            "annotation tools give prompts, and \(network) takes none"
        case .unsupportedPreprocessing(let network):
            "the graphs for annotation tools do not prepare images as \(network) needs them: use "
                + "--target bundle or onnx"
        case .needsAspectRatio(let network, let type):
            "X-AnyLabeling's '\(type)' stretches images to a square, and \(network) needs their "
                + "aspect ratio: use --tool-type efficientvit_sam"
        case .unsupportedEmbedding(let width, let side, let neededWidth, let largestSide):
            "X-AnyLabeling takes embeddings of \(neededWidth) channels and at most "
                + "\(largestSide)x\(largestSide) positions, this network's have \(width) channels "
                + "and \(side)x\(side) positions"
        }
    }
}
