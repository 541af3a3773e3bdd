import Torch

/// A computation in ONNX operators: nodes that read and write named values.
struct Graph {
    /// Version of ONNX's operator set: 17 introduced LayerNormalization, and all current runtimes
    /// support it.
    static let operatorSet = 17

    var name: String
    var inputs: [GraphValue]
    var outputs: [GraphValue]
    var nodes: [GraphNode]
    var constants: [GraphConstant]
}

/// An input or an output of a graph.
struct GraphValue {
    /// The length of a dimension: a number, or a name where it is dynamic.
    enum Dimension: Equatable {
        case fixed(Int)
        case dynamic(String)
    }

    var name: String
    var type: DType
    var shape: [Dimension]
}

/// A call of one operator.
struct GraphNode {
    enum Attribute {
        case integer(Int)
        case real(Double)
        case string(String)
        case integers([Int])
    }

    var op: String
    /// Names of values; empty for an optional input that is left out.
    var inputs: [String]
    var outputs: [String]
    var attributes: [(name: String, value: Attribute)] = []
    /// The step of the recording that the node was lowered from; nil where a pass added it.
    var step: Int?
}

/// A constant of a graph.
struct GraphConstant {
    var name: String
    var tensor: Tensor
    /// How it was made from a weight of the checkpoint; nil for other constants.
    var origin: WeightOrigin?
    /// Where its values are, if not in the graph's own file.
    var external: ExternalValues?

    init(
        name: String, tensor: Tensor, origin: WeightOrigin? = nil, external: ExternalValues? = nil
    ) {
        self.name = name
        self.tensor = tensor
        self.origin = origin
        self.external = external
    }

    /// Bytes that the constant has in the graph's own file.
    var byteCount: Int { external == nil ? tensor.elementCount * tensor.dtype.byteCount : 0 }
}

/// How a constant was made from a weight of the checkpoint.
struct WeightOrigin {
    /// The operation on the weight.
    enum Operation {
        /// The same values, perhaps in another shape.
        case same
        /// The transpose of a matrix.
        case transposed
        /// The product with one factor for each output channel, `[O, 1, ...]`.
        case scaled(Tensor)
        /// Columns by their indices, reshaped.
        case gathered(Tensor)
    }

    /// Name of the weight.
    var weight: String
    var operation: Operation
}

/// A part of another file with the values of a constant.
struct ExternalValues {
    /// Name of the file, in the folder of the graph's file.
    let file: String
    let offset: Int
    let length: Int
}
