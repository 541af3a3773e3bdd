import Checkpoints
import Inference
import Torch
import TorchNN

/// The weights of a network in a safetensors file beside the graphs: one file for inference and for
/// training.
struct SharedWeights {
    /// Elements that a weight must have to be stored as float16 and shared; smaller ones, such as
    /// norms and biases, would save nothing.
    static let leastElements = 1024

    private struct Entry {
        let values: ExternalValues
        let dtype: DType
        let shape: [Int]
        var elementCount: Int { shape.reduce(1, *) }
    }

    private let entries: [String: Entry]

    /// Writes the weights.
    ///
    /// - Parameters:
    ///   - network: the network.
    ///   - isHalf: whether large weights are rounded to float16.
    ///   - metadata: of the safetensors file.
    ///   - path: the file, in the folder of the graphs.
    /// - Throws: `CheckpointError`; ``ExportError/outOfHalfRange(constant:value:)`` for a weight
    ///   beyond 65504.
    init(
        writing network: Module, isHalf: Bool, metadata: [String: String], to path: String
    ) throws {
        let tensors = try network.namedValues().map { name, value in
            var tensor = value.value.detached()
            if isHalf, tensor.dtype == .float32, tensor.elementCount >= Self.leastElements {
                let largest = tensor.abs().max().item()
                guard largest <= 65504 else {
                    throw ExportError.outOfHalfRange(constant: name, value: largest)
                }
                tensor = tensor.to(.float16)
            }
            return (name: name, tensor: StoredTensor(tensor))
        }
        try Safetensors.write(tensors, metadata: metadata, to: path)
        let written = try Checkpoint.read(path)
        var entries: [String: Entry] = [:]
        for name in written.names {
            guard let stored = written[name], let offset = stored.fileOffset,
                let dtype = written.dtype(of: name)
            else { continue }
            entries[name] = Entry(
                values: ExternalValues(
                    file: ModelBundle.Manifest.FileName.weights, offset: offset,
                    length: stored.byteCount),
                dtype: dtype, shape: stored.shape)
        }
        self.entries = entries
    }

    /// The place of a constant's weight; nil where the constant must stay in the graph.
    fileprivate func place(
        of constant: GraphConstant
    ) -> (values: ExternalValues, dtype: DType, shape: [Int])? {
        guard let origin = constant.origin, let entry = entries[origin.weight],
            constant.tensor.dtype == .float32, constant.tensor.elementCount >= Self.leastElements
        else { return nil }
        switch origin.operation {
        case .same, .transposed, .scaled:
            guard entry.elementCount == constant.tensor.elementCount else { return nil }
        // A small table becomes a large constant.
        case .gathered: break
        }
        return (entry.values, entry.dtype, entry.shape)
    }
}

extension Graph {
    /// Takes the values of weights from a file beside the graph, and computes what is made from them
    /// in the graph; runtimes do so once, when they load it.
    ///
    /// - Parameter weights: the file.
    /// - Returns: the graph with references; constants that are no weights stay.
    func sharing(_ weights: SharedWeights) -> Graph {
        var graph = self
        graph.constants = []
        var nodes: [GraphNode] = []
        // Blocks with windows of one size have the same indices.
        var columnIndices: [(indices: Tensor, name: String)] = []
        func add(
            _ op: String, _ inputs: [String], to name: String,
            _ attributes: [(name: String, value: GraphNode.Attribute)] = []
        ) {
            nodes.append(
                GraphNode(op: op, inputs: inputs, outputs: [name], attributes: attributes))
        }
        for constant in constants {
            guard let origin = constant.origin, let place = weights.place(of: constant) else {
                graph.constants.append(constant)
                continue
            }
            let name = constant.name
            let stored = name + ".stored"
            var shape = constant.tensor.shape
            if case .transposed = origin.operation { shape.reverse() }
            if case .gathered = origin.operation { shape = place.shape }
            graph.constants.append(
                GraphConstant(
                    name: stored, tensor: Tensor.empty(shape, dtype: place.dtype),
                    external: place.values))
            var source = stored
            if place.dtype != .float32 {
                let isLast = if case .same = origin.operation { true } else { false }
                let target = isLast ? name : name + ".f32"
                add("Cast", [stored], to: target, [("to", .integer(DType.float32.onnx))])
                source = target
            }
            switch origin.operation {
            case .same:
                if source == stored { add("Identity", [stored], to: name) }
            case .transposed:
                add("Transpose", [source], to: name, [("perm", .integers([1, 0]))])
            case .scaled(let scale):
                let factor = name + ".scale"
                graph.constants.append(GraphConstant(name: factor, tensor: scale.contiguous()))
                add("Mul", [source, factor], to: name)
            case .gathered(let indices):
                let target = name + ".shape"
                let same = columnIndices.first { $0.indices.hasSameElements(as: indices) }
                let columns = same?.name ?? name + ".columns"
                if same == nil {
                    columnIndices.append((indices, columns))
                    graph.constants.append(
                        GraphConstant(name: columns, tensor: indices.to(.int32).contiguous()))
                }
                graph.constants.append(
                    GraphConstant(
                        name: target, tensor: Tensor(constant.tensor.shape.map(Int64.init))))
                add("Gather", [source, columns], to: name + ".gathered", [("axis", .integer(1))])
                add("Reshape", [name + ".gathered", target], to: name)
            }
        }
        graph.nodes = nodes + self.nodes
        return graph
    }
}

extension Tensor {
    fileprivate func hasSameElements(as other: Tensor) -> Bool {
        shape == other.shape && (self .!= other).any().item() == 0
    }
}
