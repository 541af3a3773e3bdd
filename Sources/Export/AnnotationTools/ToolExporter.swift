import FileIO
import Inference
import Segmentation
import Torch

extension Exporter {
    /// Writes what an annotation tool loads: a folder with `encoder.onnx`, `decoder.onnx` and the
    /// tool's `config.yaml`.
    ///
    /// - Parameters:
    ///   - tool: who will load it.
    ///   - name: of the model in the tool: letters, digits, `.`, `_` and `-`.
    ///   - precision: how weights are stored and products computed.
    ///   - layers: the encoder's layers to be computed in integers, for `int8`.
    ///   - path: of the folder, which appears whole or not at all.
    /// - Throws: ``ExportError`` also where the tool's way of calling does not fit the network,
    ///   `FileError`.
    package func writeModel(
        for tool: AnnotationTool, named name: String, precision: ModelBundle.Manifest.Precision,
        layers: QuantizedLayers? = nil, to path: String
    ) throws {
        let graphs = try toolGraphs(for: tool)
        let folder = try AtomicFolder(path)
        for part in try parts() where part.role != .auto {
            let graph = try part.stored(precision, layers)
            _ = try write(
                part.role == .encoder ? graphs.encoder(graph) : graphs.decoder(graph),
                to: folder.place(of: part.file))
        }
        let configuration = ToolConfiguration(
            tool: tool, name: name, kind: model.kind, network: graphs.network)
        try AtomicFile.write(
            Array(configuration.yaml.utf8), to: folder.place(of: ToolConfiguration.file))
        try writeReport(layers, into: folder)
        try folder.commit()
    }

    /// Refuses a tool whose way of calling does not fit the network.
    ///
    /// - Parameter tool: who would call it.
    /// - Throws: ``ExportError/needsProportions(network:type:)``,
    ///   ``ExportError/otherEmbedding(width:side:neededWidth:largestSide:)``.
    public func check(_ tool: AnnotationTool) throws(ExportError) {
        _ = try toolGraphs(for: tool)
    }

    /// The makers of a tool's graphs.
    ///
    /// - Parameter tool: who will call them.
    /// - Returns: what puts the tool's steps around the network's graphs.
    /// - Throws: ``ExportError`` where the tool's way of calling does not fit the network.
    func toolGraphs(for tool: AnnotationTool) throws(ExportError) -> ToolGraphs {
        if case .xAnyLabeling(let type) = tool, !type.carries(model.kind) {
            throw .needsProportions(network: model.kind.rawValue, type: type.rawValue)
        }
        let form = NetworkForm(
            inputSize: inputSize, preprocessing: model.kind.preprocessing,
            width: network.maskDecoder.outputTokens.size(1),
            grid: network.promptEncoder.gridSize)
        let convention = ToolConvention(tool, form)
        let neededWidth = convention.embeddingWidth ?? form.width
        let largestSide = convention.embeddingSide ?? form.grid
        guard form.width == neededWidth, form.grid <= largestSide else {
            throw .otherEmbedding(
                width: form.width, side: form.grid, neededWidth: neededWidth,
                largestSide: largestSide)
        }
        return ToolGraphs(network: form, convention: convention)
    }
}

/// Encoder and decoder as a tool calls them.
struct ToolGraphs {
    let network: NetworkForm
    let convention: ToolConvention

    /// The encoder with the preparation of images before it.
    ///
    /// - Parameter encoder: the network's.
    /// - Returns: a graph from `image` to `image_embeddings`.
    func encoder(_ encoder: Graph) -> Graph {
        var graph = ToolGraph()
        let input: String
        switch convention.image {
        case .stretched(let side):
            let image = graph.input(
                "image", [.fixed(1), .fixed(3), .fixed(side), .fixed(side)])
            input = graph.prepared(square: image, from: side, for: network)
        case .whole(let type, _):
            let image = graph.input(
                "image", [.named("height"), .named("width"), .fixed(3)], type: type)
            input = graph.prepared(whole: image, for: network)
        }
        var embedding = graph.append(encoder, given: [input])[0]
        let room = embeddingSide - network.grid
        if room > 0 {
            let pads = graph.integers([0, 0, 0, 0, 0, 0, room, room])
            embedding = graph.add("Pad", [embedding, pads])
        }
        graph.output(embedding, as: "image_embeddings", embeddingShape)
        return graph.graph(named: "encoder")
    }

    /// The decoder with the tool's prompts before it and the image's size behind it.
    ///
    /// - Parameter decoder: the network's.
    /// - Returns: a graph with SAM's names of inputs, which gives one mask.
    func decoder(_ decoder: Graph) -> Graph {
        var graph = ToolGraph()
        let one = GraphValue.Axis.fixed(1)
        let points = GraphValue.Axis.named("points")
        var embedding = graph.input("image_embeddings", embeddingShape)
        let places = graph.input("point_coords", [one, points, .fixed(2)])
        let labels = graph.input("point_labels", [one, points])
        var mask = graph.input(
            "mask_input", [one, one, .fixed(convention.maskSide), .fixed(convention.maskSide)])
        var hasMask = graph.input("has_mask_input", [one])
        let size = graph.input("orig_im_size", [.fixed(2)])

        if embeddingSide > network.grid {
            embedding = graph.slice(embedding, 0..<network.grid, axis: 2)
            embedding = graph.slice(embedding, 0..<network.grid, axis: 3)
        }
        let logitsSide = 4 * network.grid
        if convention.maskSide != logitsSide {
            // The tools give no mask, zeros only.
            mask = graph.constant(.zeros([1, 1, logitsSide, logitsSide]))
            hasMask = graph.constant(.zeros([1]))
        }
        let prompt = graph.padded(
            graph.places(places, size: size, convention.image, for: network), labels: labels)
        let results = graph.append(
            decoder, given: [embedding, prompt.points, prompt.labels, mask, hasMask])
        // Of all that the decoder gives the first is the single mask.
        let single = graph.slice(results[0], 0..<1, axis: 1)
        graph.output(
            graph.restored(single, size: size, for: network), as: "masks",
            [one, one, .named("height"), .named("width")])
        graph.output(
            graph.slice(results[1], 0..<1, axis: 1), as: "iou_predictions", [one, one])
        // Not `low_res_masks`: samexporter would enlarge and crop what is called so as SAM's.
        graph.output(
            single, as: "low_res_logits", [one, one, .fixed(logitsSide), .fixed(logitsSide)])
        return graph.graph(named: "decoder")
    }

    private var embeddingSide: Int { convention.embeddingSide ?? network.grid }

    private var embeddingShape: [GraphValue.Axis] {
        [.fixed(1), .fixed(network.width), .fixed(embeddingSide), .fixed(embeddingSide)]
    }
}
