import Torch

extension Graph {
    /// Elements that a constant must have to be stored as float16; smaller ones, such as norms and
    /// biases, would save nothing.
    private static let leastElements = 1024

    /// Stores large float32 constants as float16 and converts them back with `Cast`.
    ///
    /// Halves the file; the computation stays in float32, with rounded weights. Scales of 8-bit
    /// integers stay in float32.
    ///
    /// - Returns: the graph with such constants.
    /// - Throws: ``ExportError/outOfHalfRange(constant:value:)`` for a value beyond 65504.
    func storingWeightsAsFloat16() throws(ExportError) -> Graph {
        let scales = Set(
            nodes.filter { ["QuantizeLinear", "DequantizeLinear"].contains($0.op) }
                .flatMap { $0.inputs.dropFirst() })
        var graph = self
        var casts: [GraphNode] = []
        for (index, constant) in constants.enumerated() {
            guard !scales.contains(constant.name), constant.external == nil,
                constant.tensor.dtype == .float32,
                constant.tensor.elementCount >= Self.leastElements
            else { continue }
            let largest = constant.tensor.abs().max().item()
            guard largest <= 65504 else {
                throw .outOfHalfRange(constant: constant.name, value: largest)
            }
            let stored = constant.name + ".f16"
            graph.constants[index] = GraphConstant(
                name: stored, tensor: constant.tensor.to(.float16))
            casts.append(
                GraphNode(
                    op: "Cast", inputs: [stored], outputs: [constant.name],
                    attributes: [(name: "to", value: .integer(DType.float32.onnx))]))
        }
        graph.nodes = casts + nodes
        return graph
    }
}
