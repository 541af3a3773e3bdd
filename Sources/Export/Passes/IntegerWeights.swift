import Torch

extension Graph {
    /// Computes layers in 8-bit integers.
    ///
    /// Inputs and weights of these layers are quantized and dequantized again (QDQ form), which
    /// runtimes replace by integer kernels.
    ///
    /// - Parameter layers: by their steps in the recording.
    /// - Returns: the graph with these layers in QDQ form.
    func quantizing(_ layers: [Int: QuantizationCalibration.Layer]) -> Graph {
        var quantized = QuantizedValues()
        var graph = self
        graph.nodes = []
        for var node in nodes {
            if let step = node.step, let layer = layers[step],
                ["MatMul", "Conv"].contains(node.op),
                node.inputs.count > 1
            {
                node.inputs[0] = quantized.input(node.inputs[0], layer.range, into: &graph.nodes)
                node.inputs[1] = quantized.weight(
                    node.inputs[1], layer.weight, isTransposed: node.op == "MatMul",
                    into: &graph.nodes)
            }
            graph.nodes.append(node)
        }
        graph.constants += quantized.constants
        return graph.removingUnusedConstants()
    }
}

/// Values that are quantized already, so that each is quantized once, and their constants.
private struct QuantizedValues {
    private struct Key: Hashable {
        let name: String
        let range: ActivationRange
    }

    private(set) var constants: [GraphConstant] = []
    private var inputs: [Key: String] = [:]
    private var weights: [String: String] = [:]

    /// Quantizes and dequantizes a layer's input.
    ///
    /// - Returns: the name of the dequantized value.
    mutating func input(
        _ name: String, _ range: ActivationRange, into nodes: inout [GraphNode]
    ) -> String {
        let key = Key(name: name, range: range)
        if let known = inputs[key] { return known }
        let prefix = "\(name).q\(inputs.count)"
        constants += [
            GraphConstant(name: prefix + ".scale", tensor: Tensor(Float(range.scale))),
            GraphConstant(
                name: prefix + ".zero", tensor: Tensor(Int64(range.zeroPoint)).to(.uint8)),
        ]
        let parameters = [prefix + ".scale", prefix + ".zero"]
        nodes += [
            GraphNode(op: "QuantizeLinear", inputs: [name] + parameters, outputs: [prefix]),
            GraphNode(
                op: "DequantizeLinear", inputs: [prefix] + parameters,
                outputs: [prefix + ".back"]),
        ]
        inputs[key] = prefix + ".back"
        return prefix + ".back"
    }

    /// Stores a layer's weight as integers and dequantizes it.
    ///
    /// - Returns: the name of the dequantized weight.
    mutating func weight(
        _ name: String, _ weight: QuantizedWeight, isTransposed: Bool,
        into nodes: inout [GraphNode]
    ) -> String {
        if let known = weights[name] { return known }
        let integers =
            isTransposed ? weight.integers.transposed(0, 1).contiguous() : weight.integers
        constants += [
            GraphConstant(name: name + ".i8", tensor: integers),
            GraphConstant(name: name + ".scales", tensor: weight.scales),
            GraphConstant(
                name: name + ".zeros",
                tensor: .zeros([weight.scales.size(0)], dtype: .int8)),
        ]
        nodes.append(
            GraphNode(
                op: "DequantizeLinear", inputs: [name + ".i8", name + ".scales", name + ".zeros"],
                outputs: [name + ".back"],
                attributes: [(name: "axis", value: .integer(isTransposed ? 1 : 0))]))
        weights[name] = name + ".back"
        return name + ".back"
    }
}

/// A weight as 8-bit integers, with one scale for each output channel.
struct QuantizedWeight {
    /// -127 to 127, `[O, ...]`.
    let integers: Tensor
    /// `[O]`.
    let scales: Tensor

    /// Rounds a weight of the shape `[O, ...]`.
    init(_ weight: Tensor) {
        let rows = weight.reshaped([weight.size(0), -1])
        let largest = rows.abs().max(axes: [1], keepingAxes: true)
        let scales = largest.maximum(Tensor(Float(1e-12))) / 127
        let rounded = (rows / scales).rounded().clamped(from: -127, to: 127)
        integers = rounded.to(.int8).reshaped(weight.shape)
        self.scales = scales.flattened()
    }

    /// The dequantized weight, `[O, ...]`.
    var dequantized: Tensor {
        let shape = integers.shape
        return (integers.to(.float32).reshaped([shape[0], -1]) * scales.unsqueezed(1))
            .reshaped(shape)
    }
}

/// The quantization of a layer's input to unsigned 8-bit integers: `x = scale (q - zeroPoint)`.
struct ActivationRange: Hashable {
    let scale: Double
    let zeroPoint: Int

    /// The range from `low` to `high`, widened to contain 0.
    init(low: Double, high: Double) {
        let (low, high) = (min(low, 0), max(high, 0))
        scale = max(high - low, 1e-12) / 255
        zeroPoint = min(max(Int((-low / scale).rounded()), 0), 255)
    }

    /// `x` quantized and dequantized.
    func rounded(_ x: Tensor) throws(TorchError) -> Tensor {
        try attempt("fake_quantize_per_tensor_affine", [x, scale, zeroPoint, 0, 255])[0]
    }
}
