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

    var byteCount: Int { tensor.elementCount * tensor.dtype.byteCount }
}
