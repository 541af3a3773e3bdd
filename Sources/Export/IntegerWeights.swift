import FileIO
import Foundation
import Torch

/// The layers of an encoder, and which of them are computed in 8-bit integers.
public struct QuantizedLayers: Sendable {
    let layers: [Calibration.Layer]
    /// Images whose numbers gave the ranges.
    public let images: Int
    /// Layers by their steps that are computed in float32, since integers change their results most.
    private(set) var kept: Set<Int> = []
    /// How masks then agree with float32's, data set by data set.
    public var agreement: [MaskAgreement] = []

    init(_ layers: [Calibration.Layer], images: Int) {
        self.layers = layers.sorted { $0.step < $1.step }
        self.images = images
    }

    /// Layers that are computed in integers, by their steps.
    var chosen: [Int: Calibration.Layer] {
        Dictionary(
            layers.filter { !kept.contains($0.step) }.map { ($0.step, $0) },
            uniquingKeysWith: { one, _ in one })
    }

    /// How many layers are computed in integers, and of how many.
    public var counts: (integers: Int, all: Int) { (layers.count - kept.count, layers.count) }

    /// Keeps a share of the layers that are still computed in integers in float32: those whose
    /// results integers change most.
    ///
    /// - Parameter share: 0 to 1; at least one layer is kept more.
    public mutating func keepMostSensitive(_ share: Double) {
        let worst = chosen.values.sorted { $0.relativeError > $1.relativeError }
        let count = max(1, Int((Double(worst.count) * share).rounded()))
        kept.formUnion(worst.prefix(count).map(\.step))
    }

    /// All that was found, as it lies in a bundle beside the model: `quantization.json`.
    ///
    /// - Returns: JSON.
    /// - Throws: `EncodingError`.
    public func json() throws -> Data {
        Data(
            try JSON.encode(
                Report(
                    images: images,
                    layers: layers.map { layer in
                        Report.Layer(
                            name: layer.name, kind: layer.op, lowest: layer.low,
                            highest: layer.high,
                            scale: layer.range.scale, zero: layer.range.zero,
                            relativeError: layer.relativeError,
                            computed: kept.contains(layer.step) ? "f32" : "int8")
                    },
                    agreement: agreement), style: .indented, keys: .exact))
    }

    private struct Report: Encodable {
        struct Layer: Encodable {
            let name: String
            let kind: String
            let lowest: Double
            let highest: Double
            let scale: Double
            let zero: Int
            let relativeError: Double
            let computed: String
        }

        let images: Int
        let layers: [Layer]
        let agreement: [MaskAgreement]
    }
}

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

/// Weights as 8-bit integers, with a scale for each output channel.
struct QuantizedWeight {
    /// `[O, ...]`, -127 to 127.
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

    /// The weight as it comes back.
    var restored: Tensor {
        let shape = integers.shape
        return (integers.to(.float32).reshaped([shape[0], -1]) * scales.unsqueezed(1))
            .reshaped(shape)
    }
}
