import Torch

extension Graph {
    /// The least numbers of a constant that is worth storing as float16; smaller ones, norms and
    /// biases among them, cost nothing.
    private static let leastHalved = 1024

    /// Stores large float32 constants as float16, with a conversion back.
    ///
    /// Half the file, and the same computation on rounded weights; scales of integers stay as they are.
    ///
    /// - Throws: ``ExportError/outOfHalfRange(constant:value:)`` for a number beyond 65504.
    mutating func storeWeightsAsHalf() throws(ExportError) {
        var casts: [GraphNode] = []
        let scales = Set(
            nodes.filter { $0.op.hasSuffix("quantizeLinear") || $0.op == "QuantizeLinear" }
                .flatMap { $0.inputs.dropFirst() })
        for index in constants.indices {
            let constant = constants[index]
            guard !scales.contains(constant.name), constant.tensor.dtype == .float32,
                constant.tensor.elementCount >= Self.leastHalved
            else { continue }
            let largest = constant.tensor.abs().max().item()
            guard largest <= 65504 else {
                throw .outOfHalfRange(constant: constant.name, value: largest)
            }
            let stored = constant.name + ".f16"
            constants[index] = GraphConstant(name: stored, tensor: constant.tensor.to(.float16))
            casts.append(
                GraphNode(
                    op: "Cast", inputs: [stored], outputs: [constant.name],
                    attributes: [(name: "to", value: .integer(DType.float32.onnx))]))
        }
        nodes = casts + nodes
    }
}
