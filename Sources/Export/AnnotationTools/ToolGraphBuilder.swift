import Segmentation
import Torch

/// Builds a graph for a tool: a network's graph with nodes before and after it.
///
/// The names of the network's values and of those added here get different prefixes, so that they
/// cannot collide with each other or with the names that the tool expects.
struct ToolGraphBuilder {
    private(set) var inputs: [GraphValue] = []
    private(set) var outputs: [GraphValue] = []
    private(set) var nodes: [GraphNode] = []
    private(set) var constants: [GraphConstant] = []

    private static let toolPrefix = "tool/"
    private static let networkPrefix = "network/"

    /// Adds an input.
    ///
    /// - Returns: its name.
    mutating func input(
        _ name: String, _ shape: [GraphValue.Dimension], type: DType = .float32
    ) -> String {
        inputs.append(GraphValue(name: name, type: type, shape: shape))
        return name
    }

    /// Makes a value an output of the graph under a name that the tool expects.
    mutating func output(_ value: String, as name: String, _ shape: [GraphValue.Dimension]) {
        nodes.append(GraphNode(op: "Identity", inputs: [value], outputs: [name]))
        outputs.append(GraphValue(name: name, type: .float32, shape: shape))
    }

    /// Adds a node with one result.
    ///
    /// - Returns: the name of its result.
    mutating func add(
        _ op: String, _ inputs: [String], _ attributes: [(String, GraphNode.Attribute)] = []
    ) -> String {
        let name = "\(Self.toolPrefix)\(op)_\(nodes.count)"
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
        let name = "\(Self.toolPrefix)constant_\(constants.count)"
        constants.append(GraphConstant(name: name, tensor: tensor))
        return name
    }

    /// Integers as a constant, `[n]`.
    mutating func integers(_ numbers: [Int]) -> String {
        constant(Tensor(numbers.map(Int64.init)))
    }

    /// A number as a constant, `[]`.
    mutating func number(_ number: Float) -> String { constant(Tensor(number)) }

    /// Adds a network's graph.
    ///
    /// - Parameters:
    ///   - graph: encoder or decoder.
    ///   - inputs: the values that replace its inputs, in their order.
    /// - Returns: the names of its outputs.
    mutating func append(_ graph: Graph, inputs: [String]) -> [String] {
        var names = Dictionary(
            zip(graph.inputs.map(\.name), inputs), uniquingKeysWith: { first, _ in first })
        names[""] = ""
        func renamed(_ name: String) -> String { names[name] ?? Self.networkPrefix + name }
        for node in graph.nodes {
            var copy = node
            copy.inputs = node.inputs.map(renamed)
            copy.outputs = node.outputs.map(renamed)
            nodes.append(copy)
        }
        constants += graph.constants.map {
            GraphConstant(name: renamed($0.name), tensor: $0.tensor, origin: $0.origin)
        }
        return graph.outputs.map { renamed($0.name) }
    }

    /// The finished graph, without unused constants.
    ///
    /// - Parameter name: of the graph.
    /// - Returns: the graph, ready to be written.
    func graph(named name: String) -> Graph {
        Graph(name: name, inputs: inputs, outputs: outputs, nodes: nodes, constants: constants)
            .removingUnusedConstants()
    }
}

extension ToolGraphBuilder {
    /// The network's input from the original image.
    ///
    /// - Parameters:
    ///   - image: 0 to 255, RGB, `[H, W, 3]` of any type.
    ///   - network: the network.
    /// - Returns: `[1, C, inputSize, inputSize]`.
    mutating func preprocessed(
        original image: String, for network: NetworkInterface
    ) -> String {
        let size = add("Shape", [image], [("end", .integer(2))])
        let values = cast(image, to: .float32)
        if network.preprocessing == .samus {
            let weights = constant(Tensor(Grey.weights, shape: [1, 1, 3]))
            let sum = weightedMean(values, weights: weights, axis: 2, keepsAxis: false)
            return stretched(
                add("Floor", [sum]), from: size, to: network.inputSize, roundsPixels: true)
        }
        let planes = add("Transpose", [values], [("perm", .integers([2, 0, 1]))])
        let target = cast(
            ResizeLongestSide(of: size, to: network.inputSize, &self).pixels, to: .int64)
        let small = resized(
            add("Unsqueeze", [planes, integers([0])]), from: size, to: target,
            roundsPixels: network.preprocessing == .sam)
        let normalized =
            network.preprocessing == .sam ? standardized(small) : minMaxNormalized(small)
        let padding = add("Sub", [integers([network.inputSize, network.inputSize]), target])
        let pads = add(
            "Concat", [integers([Int](repeating: 0, count: 6)), padding], [("axis", .integer(0))])
        return withShape(add("Pad", [normalized, pads]), channels: 3, side: network.inputSize)
    }

    /// SAMUS's input from the image as X-AnyLabeling's `sam_med2d` passes it.
    ///
    /// The tool resizes first, while SAMUS converts to grey first and rounds down. Here only the
    /// difference between grey and red is rounded down, which is 0 for a grey image: rounding the
    /// whole interpolated image, or nothing, would shift the brightness by half a grey level, and
    /// SAMUS is sensitive to that.
    ///
    /// - Parameters:
    ///   - image: normalized like SAM's input, `[1, 3, side, side]`.
    ///   - side: its height and width.
    ///   - network: the network.
    /// - Returns: `[1, 1, inputSize, inputSize]`.
    mutating func preprocessed(
        square image: String, side: Int, for network: NetworkInterface
    ) -> String {
        let deviation = constant(Tensor(Preprocessing.deviation, shape: [1, 3, 1, 1]))
        let mean = constant(Tensor(Preprocessing.mean, shape: [1, 3, 1, 1]))
        let colours = add("Add", [add("Mul", [image, deviation]), mean])
        let red = slice(colours, 0..<1, axis: 1)
        let weights = constant(Tensor(Grey.weights, shape: [1, 3, 1, 1]))
        let difference = weightedMean(
            add("Sub", [colours, red]), weights: weights, axis: 1, keepsAxis: true)
        // 0.001 is more than the rounding error of normalizing and undoing it.
        let rounded = add("Floor", [add("Add", [difference, number(0.001)])])
        return stretched(
            add("Add", [red, rounded]), from: integers([side, side]), to: network.inputSize,
            roundsPixels: false)
    }

    /// Weights of red, green and blue in grey, as in `Image.grey` and OpenCV.
    private enum Grey {
        static let weights: [Float] = [9797, 19234, 3737]
        static let sum: Float = 32768
    }

    private mutating func weightedMean(
        _ colours: String, weights: String, axis: Int, keepsAxis: Bool
    ) -> String {
        let sum = add(
            "ReduceSum", [add("Mul", [colours, weights]), integers([axis])],
            [("keepdims", .integer(keepsAxis ? 1 : 0))])
        return add("Div", [sum, number(Grey.sum)])
    }

    /// A grey image stretched to a square and divided by 255.
    private mutating func stretched(
        _ grey: String, from size: String, to side: Int, roundsPixels: Bool
    ) -> String {
        let square = resized(
            grey, from: size, to: integers([side, side]), roundsPixels: roundsPixels)
        return withShape(add("Div", [square, number(255)]), channels: 1, side: side)
    }

    /// SAM's normalization by mean and standard deviation.
    private mutating func standardized(_ planes: String) -> String {
        let mean = constant(Tensor(Preprocessing.mean, shape: [1, 3, 1, 1]))
        let deviation = constant(Tensor(Preprocessing.deviation, shape: [1, 3, 1, 1]))
        return add("Div", [add("Sub", [planes, mean]), deviation])
    }

    /// LiteMedSAM's normalization: the smallest value becomes 0, the largest 1.
    private mutating func minMaxNormalized(_ planes: String) -> String {
        let low = add("ReduceMin", [planes], [("keepdims", .integer(0))])
        let high = add("ReduceMax", [planes], [("keepdims", .integer(0))])
        let range = add("Max", [add("Sub", [high, low]), number(1e-8)])
        return add("Div", [add("Sub", [planes, low]), range])
    }

    /// Planes reshaped to the shape that they have: runtimes cannot infer it through the resizing.
    private mutating func withShape(_ planes: String, channels: Int, side: Int) -> String {
        add("Reshape", [planes, integers([1, channels, side, side])])
    }
}

extension ToolGraphBuilder {
    /// A value converted to another type.
    mutating func cast(_ value: String, to type: DType) -> String {
        add("Cast", [value], [("to", .integer(type.onnx))])
    }

    /// A slice of a value along one axis.
    mutating func slice(_ value: String, _ range: Range<Int>, axis: Int) -> String {
        let bounds = [[range.lowerBound], [range.upperBound], [axis]].map { integers($0) }
        return add("Slice", [value] + bounds)
    }

    /// Rounded to the nearest integer, halves up, as Pillow does after each pass.
    private mutating func rounded(_ value: String) -> String {
        add("Floor", [add("Add", [value, number(0.5)])])
    }

    /// Planes resized with antialiasing, as Pillow and PyTorch do it: one matrix product for each
    /// axis, since operator set 17 has no antialiased `Resize`.
    ///
    /// - Parameters:
    ///   - planes: `[..., H, W]`.
    ///   - source: their size (height, width), `[2]` int64.
    ///   - target: the new size, `[2]` int64.
    ///   - roundsPixels: whether to round to integers after each axis, as Pillow does for bytes.
    /// - Returns: the resized planes.
    mutating func resized(
        _ planes: String, from source: String, to target: String, roundsPixels: Bool
    ) -> String {
        let across = triangleFilter(
            from: slice(source, 1..<2, axis: 0), to: slice(target, 1..<2, axis: 0))
        let transposed = add("Transpose", [across], [("perm", .integers([1, 0]))])
        var result = add("MatMul", [planes, transposed])
        if roundsPixels { result = rounded(result) }
        let down = triangleFilter(
            from: slice(source, 0..<1, axis: 0), to: slice(target, 0..<1, axis: 0))
        result = add("MatMul", [down, result])
        return roundsPixels ? rounded(result) : result
    }

    /// Weights of antialiased bilinear resizing along an axis.
    ///
    /// `w[j, i] = relu(1 - |(j + 0.5) n/r - 0.5 - i| / max(n/r, 1))`, each row divided by its sum.
    ///
    /// - Parameters:
    ///   - source: pixels before, n, `[1]` int64.
    ///   - target: pixels after, r, `[1]` int64.
    /// - Returns: `[r, n]`.
    private mutating func triangleFilter(from source: String, to target: String) -> String {
        let scale = add("Div", [cast(source, to: .float32), cast(target, to: .float32)])
        let half = number(0.5)
        let one = number(1)
        let rows = add("Add", [range(to: target), half])
        let centres = add("Sub", [add("Mul", [rows, scale]), half])
        let column = add("Unsqueeze", [centres, integers([1])])
        let distances = add("Abs", [add("Sub", [column, range(to: source)])])
        let near = add("Div", [distances, add("Max", [scale, one])])
        let weights = add("Relu", [add("Sub", [one, near])])
        return add("Div", [weights, add("ReduceSum", [weights, integers([1])])])
    }

    /// The integers from 0 up to a length, `[length]`.
    private mutating func range(to length: String) -> String {
        let bounds = [
            constant(Tensor(Int64(0))), add("Squeeze", [length, integers([0])]),
            constant(Tensor(Int64(1))),
        ]
        return cast(add("Range", bounds), to: .float32)
    }
}

extension ToolGraphBuilder {
    /// Points and box corners scaled to pixels of the network's input.
    ///
    /// - Parameters:
    ///   - points: (x, y) as the tool passes them, `[1, P, 2]`.
    ///   - size: of the image (height, width), `[2]`.
    ///   - image: the image that the tool passes to the encoder.
    ///   - network: the network.
    /// - Returns: `[1, P, 2]`.
    mutating func scaledPoints(
        _ points: String, size: String, _ image: ToolInterface.ImageInput,
        for network: NetworkInterface
    ) -> String {
        switch image {
        case .stretched(let side):
            return add("Mul", [points, number(Float(network.inputSize) / Float(side))])
        case .original(_, let longestSide):
            let toolSize = ResizeLongestSide(of: size, to: longestSide, &self).pixels
            let resize = ResizeLongestSide(of: size, to: network.inputSize, &self)
            // As `InputGeometry` scales points: by the rounded size, or by the exact ratio.
            let networkSize =
                switch network.preprocessing {
                case .samus: constant(.full([2], Double(network.inputSize)))
                case .sam: resize.pixels
                case .liteMedSAM: resize.exact
                case .medSAM, .stretchedSAM, .samMed2D:
                    preconditionFailure("Exporter.adapter(for:) refuses such networks")
                }
            // (height, width) to (x, y).
            let ratio = add("Gather", [add("Div", [networkSize, toolSize]), integers([1, 0])])
            return add("Mul", [points, ratio])
        }
    }

    /// Points and labels with one padding point, labelled -1, if and only if there is no box.
    ///
    /// The networks were trained this way; tools add the padding point always or never.
    ///
    /// - Parameters:
    ///   - points: `[1, P, 2]`.
    ///   - labels: -1 padding, 0 background, 1 foreground, 2 and 3 box corners, `[1, P]`.
    /// - Returns: both, `[1, Q, 2]` and `[1, Q]`.
    mutating func padded(_ points: String, labels: String) -> (points: String, labels: String) {
        let paddingPoint = constant(.zeros([1, 1, 2]))
        let paddingLabel = constant(.full([1, 1], -1))
        let flat = add("Reshape", [labels, integers([-1])])
        let isReal = add("GreaterOrEqual", [flat, number(0)])
        let largest = add(
            "ReduceMax", [flat], [("axes", .integers([0])), ("keepdims", .integer(1))])
        let hasNoBox = add("Less", [largest, number(2)])
        let isKept = add("Concat", [isReal, hasNoBox], [("axis", .integer(0))])
        let axis: [(String, GraphNode.Attribute)] = [("axis", .integer(1))]
        return (
            add("Compress", [add("Concat", [points, paddingPoint], axis), isKept], axis),
            add("Compress", [add("Concat", [labels, paddingLabel], axis), isKept], axis)
        )
    }
}

extension ToolGraphBuilder {
    /// Logits resized to the image, as `InputGeometry.restoredLogits` does.
    ///
    /// - Parameters:
    ///   - logits: `[1, 1, 4 grid, 4 grid]`.
    ///   - size: of the image (height, width), `[2]`.
    ///   - network: the network.
    /// - Returns: `[1, 1, height, width]`.
    mutating func restored(_ logits: String, size: String, for network: NetworkInterface) -> String
    {
        var full = logits
        if network.inputSize != 4 * network.grid {
            full = upsampled(
                logits, to: integers([1, 1, network.inputSize, network.inputSize]))
        }
        if network.preprocessing.keepsProportions {
            let resize = ResizeLongestSide(of: size, to: network.inputSize, &self)
            let ends = cast(resize.pixels, to: .int64)
            full = add("Slice", [full, integers([0, 0]), ends, integers([2, 3])])
        }
        let shape = add(
            "Concat", [integers([1, 1]), cast(size, to: .int64)], [("axis", .integer(0))])
        return upsampled(full, to: shape)
    }

    /// Bilinear resizing without antialiasing.
    private mutating func upsampled(_ planes: String, to shape: String) -> String {
        add(
            "Resize", [planes, "", "", shape],
            [
                ("mode", .string("linear")),
                ("coordinate_transformation_mode", .string("half_pixel")),
            ])
    }
}

/// The size of an image scaled to a longest side, computed in the graph; SAM's `ResizeLongestSide`.
///
/// The order of operations matters. `size * side / longest` in float32, whose product is exact,
/// rounds to the same pixels as `InputGeometry` and the tools, which compute in doubles, for all
/// images up to 3000 x 3000. OpenVINO 2026.4 computes `side / longest * size` incorrectly.
private struct ResizeLongestSide {
    /// The size before rounding (height, width), `[2]`.
    let exact: String
    /// The size in whole pixels, at least 1, `[2]`.
    let pixels: String

    /// Adds the nodes that compute the sizes.
    ///
    /// - Parameters:
    ///   - size: of the image (height, width), `[2]`.
    ///   - side: the longest side in pixels.
    ///   - graph: receives the nodes.
    init(of size: String, to side: Int, _ graph: inout ToolGraphBuilder) {
        let original = graph.cast(size, to: .float32)
        let longest = graph.add(
            "ReduceMax", [original], [("axes", .integers([0])), ("keepdims", .integer(1))])
        let enlarged = graph.add("Mul", [original, graph.number(Float(side))])
        exact = graph.add("Div", [enlarged, longest])
        let nearest = graph.add("Floor", [graph.add("Add", [exact, graph.number(0.5)])])
        pixels = graph.add("Max", [nearest, graph.number(1)])
    }
}
