import Files
import Inference

extension Exporter {
    /// A graph of the network, and the file it goes into.
    struct Part {
        enum Role: String {
            case encoder, decoder, auto
        }

        let role: Role
        let graph: Graph

        var file: String { role.rawValue + ".onnx" }

        /// - Returns: the graph with its weights as they are to be stored.
        func stored(
            _ precision: ModelBundle.Manifest.Precision, _ layers: QuantizedLayers?
        ) throws -> Graph {
            var result = graph
            if role == .encoder, let layers { result.quantize(layers.chosen) }
            if precision != .float32 { try result.storeWeightsAsHalf() }
            return result
        }
    }

    /// Encoder, decoder and what finds an object by itself, in float32.
    func parts() throws -> [Part] {
        func part(
            _ role: Part.Role, _ recording: Recording, _ inputs: [String], _ outputs: [String]
        ) throws -> Part {
            Part(
                role: role,
                graph: try Graph(
                    name: role.rawValue, recording, inputs: inputs, outputs: outputs,
                    weightNames: weightNames))
        }
        var parts = [
            try part(.encoder, graphs.encoder, [Tensors.pictures], [Tensors.embeddings]),
            try part(
                .decoder, graphs.decoder, ModelGraphs.decoderInputs, ModelGraphs.decoderOutputs),
        ]
        if let auto = graphs.auto {
            parts.append(
                try part(.auto, auto, [Tensors.embeddings], ModelGraphs.decoderOutputs))
        }
        return parts
    }

    /// Writes a graph.
    ///
    /// - Parameters:
    ///   - graph: as it is to be stored.
    ///   - path: of its file, which appears whole or not at all.
    /// - Returns: the file's size and hash.
    /// - Throws: ``ExportError``, `FileError`.
    func write(_ graph: Graph, to path: String) throws -> ModelBundle.Manifest.File {
        var sink = HashedFile(file: try AtomicFile(path))
        try ONNXFile.write(graph, remarks: remarks, to: &sink)
        try sink.file.commit()
        return .init(bytes: sink.bytes, sha256: sink.hash.text)
    }
}
