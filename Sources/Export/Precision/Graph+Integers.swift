import Torch

extension Graph {
    /// Computes layers in 8-bit integers: their inputs are quantized and come back, so do their
    /// weights, and runtimes make integer kernels of that (quantize-dequantize form).
    ///
    /// - Parameter layers: by their steps in the recording.
    mutating func quantize(_ layers: [Int: Calibration.Layer]) {
        var quantized = QuantizedValues()
        var result: [GraphNode] = []
        for var node in nodes {
            if let step = node.step, let layer = layers[step],
                ["MatMul", "Conv"].contains(node.op),
                node.inputs.count > 1
            {
                node.inputs[0] = quantized.input(node.inputs[0], layer.range, into: &result)
                node.inputs[1] = quantized.weight(
                    node.inputs[1], layer.weight, isTurned: node.op == "MatMul", into: &result)
            }
            result.append(node)
        }
        nodes = result
        let used = Set(nodes.flatMap(\.inputs))
        constants = (constants + quantized.constants).filter { used.contains($0.name) }
    }
}

/// Values that are quantized already, and the constants for it.
private struct QuantizedValues {
    private struct Key: Hashable {
        let name: String
        let scale: Double
        let zero: Int
    }

    private(set) var constants: [GraphConstant] = []
    private var inputs: [Key: String] = [:]
    private var weights: [String: String] = [:]

    mutating func input(
        _ name: String, _ range: ActivationRange, into nodes: inout [GraphNode]
    ) -> String {
        let key = Key(name: name, scale: range.scale, zero: range.zero)
        if let known = inputs[key] { return known }
        let prefix = "\(name).q\(inputs.count)"
        constants += [
            GraphConstant(name: prefix + ".scale", tensor: Tensor(Float(range.scale))),
            GraphConstant(
                name: prefix + ".zero", tensor: Tensor(Int64(range.zero)).to(.uint8)),
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

    mutating func weight(
        _ name: String, _ weight: QuantizedWeight, isTurned: Bool, into nodes: inout [GraphNode]
    ) -> String {
        if let known = weights[name] { return known }
        let integers = isTurned ? weight.integers.transposed(0, 1).contiguous() : weight.integers
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
                attributes: [(name: "axis", value: .integer(isTurned ? 1 : 0))]))
        weights[name] = name + ".back"
        return name + ".back"
    }
}
