import Torch

/// A network's graph in the making into what a tool calls: nodes before and behind it.
///
/// Names of the network and names made here begin differently, and neither like those that the tool
/// knows, so that none is met twice.
struct ToolGraph {
    private(set) var inputs: [GraphValue] = []
    private(set) var outputs: [GraphValue] = []
    private(set) var nodes: [GraphNode] = []
    private(set) var constants: [GraphConstant] = []

    private static let ownPrefix = "tool/"
    private static let networkPrefix = "network/"

    /// Adds an input.
    ///
    /// - Returns: its name.
    mutating func input(
        _ name: String, _ shape: [GraphValue.Axis], type: DType = .float32
    ) -> String {
        inputs.append(GraphValue(name: name, type: type, shape: shape))
        return name
    }

    /// Makes a value a result under a name that the tool knows.
    mutating func output(_ value: String, as name: String, _ shape: [GraphValue.Axis]) {
        nodes.append(GraphNode(op: "Identity", inputs: [value], outputs: [name]))
        outputs.append(GraphValue(name: name, type: .float32, shape: shape))
    }

    /// Adds a node with one result.
    ///
    /// - Returns: the name of its result.
    mutating func add(
        _ op: String, _ inputs: [String], _ attributes: [(String, GraphNode.Attribute)] = []
    ) -> String {
        let name = "\(Self.ownPrefix)\(op)_\(nodes.count)"
        nodes.append(
            GraphNode(
                op: op, inputs: inputs, outputs: [name],
                attributes: attributes.map { (name: $0.0, value: $0.1) }))
        return name
    }

    /// A constant.
    ///
    /// - Returns: its name.
    mutating func constant(_ tensor: Tensor) -> String {
        let name = "\(Self.ownPrefix)constant_\(constants.count)"
        constants.append(GraphConstant(name: name, tensor: tensor))
        return name
    }

    /// Integers as a constant, `[n]`.
    mutating func integers(_ numbers: [Int]) -> String {
        constant(Tensor(numbers.map(Int64.init)))
    }

    /// A number as a constant without axes.
    mutating func number(_ number: Float) -> String { constant(Tensor(number)) }

    /// Adds a network's graph.
    ///
    /// - Parameters:
    ///   - graph: encoder or decoder.
    ///   - given: the values that become its inputs, in its inputs' order.
    /// - Returns: the names of its results.
    mutating func append(_ graph: Graph, given: [String]) -> [String] {
        var names = Dictionary(
            zip(graph.inputs.map(\.name), given), uniquingKeysWith: { one, _ in one })
        names[""] = ""
        func renamed(_ name: String) -> String { names[name] ?? Self.networkPrefix + name }
        for node in graph.nodes {
            var copy = node
            copy.inputs = node.inputs.map(renamed)
            copy.outputs = node.outputs.map(renamed)
            nodes.append(copy)
        }
        constants += graph.constants.map {
            GraphConstant(name: renamed($0.name), tensor: $0.tensor)
        }
        return graph.outputs.map { renamed($0.name) }
    }

    /// The whole, without constants that nothing reads.
    ///
    /// - Parameter name: of the graph.
    /// - Returns: the graph, ready to be written.
    func graph(named name: String) -> Graph {
        let used = Set(nodes.flatMap(\.inputs))
        return Graph(
            name: name, inputs: inputs, outputs: outputs, nodes: nodes,
            constants: constants.filter { used.contains($0.name) })
    }
}
