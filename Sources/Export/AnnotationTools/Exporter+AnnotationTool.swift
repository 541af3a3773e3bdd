import Files
import Inference
import Segmentation

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
    public func writeModel(
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
            inputSize: inputSize, preparation: model.kind.preparation,
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
