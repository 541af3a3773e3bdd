import FileIO
import Inference
import Segmentation
import Torch

extension Exporter {
    /// Writes a model for an annotation tool: a folder with `encoder.onnx`, `decoder.onnx` and the
    /// tool's `config.yaml`.
    ///
    /// - Parameters:
    ///   - tool: the tool that will load it.
    ///   - name: of the model in the tool: letters, digits, `.`, `_` and `-`.
    ///   - precision: how weights are stored and products computed.
    ///   - layers: for `int8`, the calibrated layers.
    ///   - path: of the folder, which is written completely or not at all.
    /// - Throws: ``ExportError``, also where the tool cannot run the network; `FileError`.
    package func writeModel(
        for tool: AnnotationTool, named name: String, precision: ModelBundle.Manifest.Precision,
        layers: QuantizedLayers? = nil, to path: String
    ) throws {
        let adapter = try adapter(for: tool)
        let folder = try AtomicFolder(path)
        for part in try graphs(precision: precision, layers: layers) {
            switch part.role {
            case .encoder:
                _ = try write(
                    adapter.adaptingEncoder(part.graph), to: folder.path(of: part.fileName))
            case .decoder:
                _ = try write(
                    adapter.adaptingDecoder(part.graph), to: folder.path(of: part.fileName))
            case .promptFree: break
            }
        }
        let configuration = ToolConfiguration(
            tool: tool, name: name, architecture: model.architecture, network: adapter.network)
        try AtomicFile.write(
            Array(configuration.yaml.utf8), to: folder.path(of: ToolConfiguration.fileName))
        try writeQuantizationReport(layers, into: folder)
        try folder.commit()
    }

    /// Checks that a tool can run the network.
    ///
    /// - Parameter tool: the annotation tool.
    /// - Throws: ``ExportError/needsAspectRatio(network:type:)``,
    ///   ``ExportError/unsupportedEmbedding(width:side:neededWidth:largestSide:)``.
    public func check(_ tool: AnnotationTool) throws(ExportError) {
        _ = try adapter(for: tool)
    }

    /// The passes that fit the network's graphs to a tool.
    func adapter(for tool: AnnotationTool) throws(ExportError) -> ToolAdapter {
        guard recordings.decoder != nil else {
            throw .takesNoPrompts(network: model.architecture.rawValue)
        }
        guard AnnotationTool.preparesImages(for: model.architecture) else {
            throw .unsupportedPreprocessing(network: model.architecture.rawValue)
        }
        return try ToolAdapter(
            tool, model.architecture,
            NetworkInterface(
                inputSize: inputSize, preprocessing: model.architecture.preprocessing,
                width: network.embeddingWidth, grid: network.embeddingSize))
    }
}
