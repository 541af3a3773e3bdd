import Torch

/// A computation as ONNX has it: nodes that read and give named values.
struct Graph {
    /// The version of ONNX's operators: LayerNormalization came with it, and all runtimes of today
    /// have it.
    static let operatorSet = 17

    var name: String
    var inputs: [GraphValue]
    var outputs: [GraphValue]
    var nodes: [GraphNode]
    var constants: [GraphConstant]
}

/// An input or a result.
struct GraphValue {
    /// The length of an axis: a number, or a name where it is free.
    enum Axis: Equatable {
        case fixed(Int)
        case named(String)
    }

    var name: String
    var type: DType
    var shape: [Axis]
}

/// One operator.
struct GraphNode {
    enum Attribute {
        case integer(Int)
        case real(Double)
        case word(String)
        case integers([Int])
    }

    var op: String
    /// Values by name; empty for one that is left out.
    var inputs: [String]
    var outputs: [String]
    var attributes: [(name: String, value: Attribute)] = []
    /// The step of the recording that it stands for; nil where it was added later.
    var step: Int?
}

/// A constant.
struct GraphConstant {
    var name: String
    var tensor: Tensor
}

extension Graph {
    /// Fixes an axis that is free: runtimes know all sizes then, plan memory better and start faster.
    ///
    /// - Parameters:
    ///   - name: of the axis.
    ///   - length: what it always is.
    mutating func fix(_ name: String, at length: Int) {
        func fixed(_ value: GraphValue) -> GraphValue {
            var value = value
            value.shape = value.shape.map { $0 == .named(name) ? .fixed(length) : $0 }
            return value
        }
        inputs = inputs.map(fixed)
        outputs = outputs.map(fixed)
    }
}
