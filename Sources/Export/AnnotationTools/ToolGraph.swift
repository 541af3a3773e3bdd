import Segmentation
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

extension ToolGraph {
    /// The network's input made of an image as it is.
    ///
    /// - Parameters:
    ///   - image: 0 to 255, RGB, `[H, W, 3]` of any type.
    ///   - network: which input it wants.
    /// - Returns: `[1, channels, side, side]`.
    mutating func prepared(whole image: String, for network: NetworkForm) -> String {
        let size = add("Shape", [image], [("end", .integer(2))])
        let values = cast(image, to: .float32)
        if network.preprocessing == .samus {
            let weights = constant(Tensor(Grey.weights, shape: [1, 1, 3]))
            let sum = weighted(values, by: weights, axis: 2, keeps: false)
            return stretched(add("Floor", [sum]), from: size, network.inputSize, rounds: true)
        }
        let planes = add("Transpose", [values], [("perm", .integers([2, 0, 1]))])
        let place = PlaceInSquare(of: size, in: network.inputSize, &self)
        let inside = cast(place.resized, to: .int64)
        let small = resized(
            add("Unsqueeze", [planes, integers([0])]), from: size, to: inside,
            rounds: network.preprocessing == .sam)
        let normal = network.preprocessing == .sam ? standardized(small) : spread(small)
        let room = add("Sub", [integers([network.inputSize, network.inputSize]), inside])
        let pads = add(
            "Concat", [integers([Int](repeating: 0, count: 6)), room], [("axis", .integer(0))])
        return shaped(add("Pad", [normal, pads]), channels: 3, network.inputSize)
    }

    /// SAMUS's input made of what X-AnyLabeling's `sam_med2d` gives.
    ///
    /// The tool resizes before the colours become grey, so that both come in the wrong order. Only
    /// the colour's part of the grey is rounded down: rounding all of an interpolated image, or
    /// nothing of it, shifts its brightness by half a level, to which SAMUS reacts.
    ///
    /// - Parameters:
    ///   - image: normalized as SAM's input, `[1, 3, from, from]`.
    ///   - side: its height and width.
    ///   - network: which input it wants.
    /// - Returns: `[1, 1, side, side]`.
    mutating func prepared(
        square image: String, from side: Int, for network: NetworkForm
    ) -> String {
        let deviation = constant(Tensor(Preprocessing.deviation, shape: [1, 3, 1, 1]))
        let mean = constant(Tensor(Preprocessing.mean, shape: [1, 3, 1, 1]))
        let colours = add("Add", [add("Mul", [image, deviation]), mean])
        let red = slice(colours, 0..<1, axis: 1)
        let weights = constant(Tensor(Grey.weights, shape: [1, 3, 1, 1]))
        let part = weighted(add("Sub", [colours, red]), by: weights, axis: 1, keeps: true)
        // Above the error of the numbers' way through the normalization.
        let below = add("Floor", [add("Add", [part, number(0.001)])])
        return stretched(
            add("Add", [red, below]), from: integers([side, side]), network.inputSize,
            rounds: false)
    }

    /// The weights of red, green and blue in a grey, as `Image.grey` and OpenCV have them.
    private enum Grey {
        static let weights: [Float] = [9797, 19234, 3737]
        static let sum: Float = 32768
    }

    private mutating func weighted(
        _ colours: String, by weights: String, axis: Int, keeps: Bool
    ) -> String {
        let sum = add(
            "ReduceSum", [add("Mul", [colours, weights]), integers([axis])],
            [("keepdims", .integer(keeps ? 1 : 0))])
        return add("Div", [sum, number(Grey.sum)])
    }

    /// A grey image stretched to a square, 255 becomes 1.
    private mutating func stretched(
        _ grey: String, from size: String, _ side: Int, rounds: Bool
    ) -> String {
        let square = resized(grey, from: size, to: integers([side, side]), rounds: rounds)
        return shaped(add("Div", [square, number(255)]), channels: 1, side)
    }

    private mutating func standardized(_ planes: String) -> String {
        let mean = constant(Tensor(Preprocessing.mean, shape: [1, 3, 1, 1]))
        let deviation = constant(Tensor(Preprocessing.deviation, shape: [1, 3, 1, 1]))
        return add("Div", [add("Sub", [planes, mean]), deviation])
    }

    /// The least value becomes 0, the largest 1.
    private mutating func spread(_ planes: String) -> String {
        let low = add("ReduceMin", [planes], [("keepdims", .integer(0))])
        let high = add("ReduceMax", [planes], [("keepdims", .integer(0))])
        let range = add("Max", [add("Sub", [high, low]), number(1e-8)])
        return add("Div", [add("Sub", [planes, low]), range])
    }

    /// Tells runtimes the shape, which they cannot follow through the resizing.
    private mutating func shaped(_ planes: String, channels: Int, _ side: Int) -> String {
        add("Reshape", [planes, integers([1, channels, side, side])])
    }
}

extension ToolGraph {
    /// A type for `Cast`.
    mutating func cast(_ value: String, to type: DType) -> String {
        add("Cast", [value], [("to", .integer(type.onnx))])
    }

    /// A part of a value along one axis.
    mutating func slice(_ value: String, _ range: Range<Int>, axis: Int) -> String {
        let bounds = [[range.lowerBound], [range.upperBound], [axis]].map { integers($0) }
        return add("Slice", [value] + bounds)
    }

    /// Whole pixels as Pillow has them after each pass: the nearest, halves up.
    private mutating func rounded(_ value: String) -> String {
        add("Floor", [add("Add", [value, number(0.5)])])
    }

    /// Planes in another size, as Pillow and torch resize with antialiasing: a matrix from the left
    /// and one from the right, since operator set 17 has no antialiased `Resize`.
    ///
    /// - Parameters:
    ///   - planes: `[..., H, W]`.
    ///   - source: their size (height, width), `[2]` int64.
    ///   - target: the size wanted, `[2]` int64.
    ///   - rounds: whether to whole numbers after each pass, as with Pillow's bytes.
    /// - Returns: the resized planes.
    mutating func resized(
        _ planes: String, from source: String, to target: String, rounds: Bool
    ) -> String {
        let across = triangles(
            from: slice(source, 1..<2, axis: 0), to: slice(target, 1..<2, axis: 0))
        let turned = add("Transpose", [across], [("perm", .integers([1, 0]))])
        var result = add("MatMul", [planes, turned])
        if rounds { result = rounded(result) }
        let down = triangles(from: slice(source, 0..<1, axis: 0), to: slice(target, 0..<1, axis: 0))
        result = add("MatMul", [down, result])
        return rounds ? rounded(result) : result
    }

    /// Weights of antialiased bilinear resizing along an axis.
    ///
    /// `w[j, i] = relu(1 - |(j + 0.5) n/r - 0.5 - i| / max(n/r, 1))`, each row divided by its sum.
    ///
    /// - Parameters:
    ///   - source: pixels, n, `[1]` int64.
    ///   - target: pixels wanted, r, `[1]` int64.
    /// - Returns: `[r, n]`.
    private mutating func triangles(from source: String, to target: String) -> String {
        let scale = add("Div", [cast(source, to: .float32), cast(target, to: .float32)])
        let half = number(0.5)
        let one = number(1)
        let rows = add("Add", [counted(to: target), half])
        let centres = add("Sub", [add("Mul", [rows, scale]), half])
        let column = add("Unsqueeze", [centres, integers([1])])
        let distances = add("Abs", [add("Sub", [column, counted(to: source)])])
        let near = add("Div", [distances, add("Max", [scale, one])])
        let weights = add("Relu", [add("Sub", [one, near])])
        return add("Div", [weights, add("ReduceSum", [weights, integers([1])])])
    }

    /// 0, 1, 2 … below a length, `[length]`.
    private mutating func counted(to length: String) -> String {
        let bounds = [
            constant(Tensor(Int64(0))), add("Squeeze", [length, integers([0])]),
            constant(Tensor(Int64(1))),
        ]
        return cast(add("Range", bounds), to: .float32)
    }
}

extension ToolGraph {
    /// Clicks and corners in pixels of the network's input.
    ///
    /// - Parameters:
    ///   - points: (x, y) as the tool gives them, `[1, P, 2]`.
    ///   - size: the image's (height, width), `[2]`.
    ///   - image: what the encoder is given.
    ///   - network: whose input.
    /// - Returns: `[1, P, 2]`.
    mutating func places(
        _ points: String, size: String, _ image: ToolConvention.ImageEntry, for network: NetworkForm
    ) -> String {
        switch image {
        case .stretched(let side):
            return add("Mul", [points, number(Float(network.inputSize) / Float(side))])
        case .whole(_, let longest):
            let there = PlaceInSquare(of: size, in: longest, &self).resized
            let own = PlaceInSquare(of: size, in: network.inputSize, &self)
            // As `InputGeometry` moves clicks: by the sides as rounded, or by their ratio.
            let here =
                switch network.preprocessing {
                case .samus: constant(.full([2], Double(network.inputSize)))
                case .sam: own.resized
                case .liteMedSAM: own.exact
                }
            // (height, width) beside (x, y).
            let ratio = add("Gather", [add("Div", [here, there]), integers([1, 0])])
            return add("Mul", [points, ratio])
        }
    }

    /// Points and labels with one padding point, labelled -1, unless there is a box.
    ///
    /// The networks were trained so; tools add it always or never.
    ///
    /// - Parameters:
    ///   - points: `[1, P, 2]`.
    ///   - labels: -1 padding, 0 and 1 clicks, 2 and 3 corners, `[1, P]`.
    /// - Returns: both, `[1, Q, 2]` and `[1, Q]`.
    mutating func padded(_ points: String, labels: String) -> (points: String, labels: String) {
        let one = constant(.zeros([1, 1, 2]))
        let mark = constant(.full([1, 1], -1))
        let flat = add("Reshape", [labels, integers([-1])])
        let isReal = add("GreaterOrEqual", [flat, number(0)])
        let largest = add(
            "ReduceMax", [flat], [("axes", .integers([0])), ("keepdims", .integer(1))])
        let hasNoBox = add("Less", [largest, number(2)])
        let isKept = add("Concat", [isReal, hasNoBox], [("axis", .integer(0))])
        let along: [(String, GraphNode.Attribute)] = [("axis", .integer(1))]
        return (
            add("Compress", [add("Concat", [points, one], along), isKept], along),
            add("Compress", [add("Concat", [labels, mark], along), isKept], along)
        )
    }
}

extension ToolGraph {
    /// Logits over the network's input as logits over the image: `InputGeometry.restoredLogits`.
    ///
    /// - Parameters:
    ///   - logits: `[1, 1, 4 grid, 4 grid]`.
    ///   - size: the image's (height, width), `[2]`.
    ///   - network: whose logits.
    /// - Returns: `[1, 1, height, width]`.
    mutating func restored(_ logits: String, size: String, for network: NetworkForm) -> String {
        var full = logits
        if network.inputSize != 4 * network.grid {
            full = enlarged(
                logits, to: integers([1, 1, network.inputSize, network.inputSize]))
        }
        if network.preprocessing.keepsProportions {
            let place = PlaceInSquare(of: size, in: network.inputSize, &self)
            let ends = cast(place.resized, to: .int64)
            full = add("Slice", [full, integers([0, 0]), ends, integers([2, 3])])
        }
        let shape = add(
            "Concat", [integers([1, 1]), cast(size, to: .int64)], [("axis", .integer(0))])
        return enlarged(full, to: shape)
    }

    /// Bilinear, without antialiasing.
    private mutating func enlarged(_ planes: String, to shape: String) -> String {
        add(
            "Resize", [planes, "", "", shape],
            [
                ("mode", .word("linear")),
                ("coordinate_transformation_mode", .word("half_pixel")),
            ])
    }
}

/// How an image that keeps its proportions lies in a square, as a graph computes it.
///
/// `size * side / longest` in float32, where the product is exact, rounds to the same pixels as
/// `InputGeometry` and the tools, which compute in doubles, for all images up to 3000 x 3000. (A
/// quotient of the constant first is what OpenVINO 2026.4 computes upside down.)
struct PlaceInSquare {
    /// The image's size in the square (height, width), `[2]`.
    let exact: String
    /// The same in whole pixels, at least one, `[2]`.
    let resized: String

    /// Adds what computes it.
    ///
    /// - Parameters:
    ///   - size: of the image (height, width), `[2]`.
    ///   - side: of the square in pixels.
    ///   - graph: takes the nodes.
    init(of size: String, in side: Int, _ graph: inout ToolGraph) {
        let original = graph.cast(size, to: .float32)
        let longest = graph.add(
            "ReduceMax", [original], [("axes", .integers([0])), ("keepdims", .integer(1))])
        let enlarged = graph.add("Mul", [original, graph.number(Float(side))])
        exact = graph.add("Div", [enlarged, longest])
        let nearest = graph.add("Floor", [graph.add("Add", [exact, graph.number(0.5)])])
        resized = graph.add("Max", [nearest, graph.number(1)])
    }
}
