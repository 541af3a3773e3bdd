import Checkpoints
import FileIO
import Foundation
import Imaging
import Inference
import Segmentation

extension Exporter {
    /// Writes a model bundle: a folder `NAME.samus` with the graphs, the weights and `model.json`.
    ///
    /// The graphs take the weights from `weights.safetensors`, which is also a checkpoint for training;
    /// an int8 bundle has them in its graphs instead.
    ///
    /// The bundle's encoder takes one image at a time, which needs less memory and time than a
    /// dynamic batch.
    ///
    /// - Parameters:
    ///   - name: of the model, as results will state it.
    ///   - precision: how weights are stored and products computed.
    ///   - layers: for `int8`, the calibrated layers.
    ///   - path: of the folder, which is written completely or not at all.
    /// - Throws: ``ExportError``, `FileError`.
    package func writeBundle(
        named name: String, precision: ModelBundle.Manifest.Precision,
        layers: QuantizedLayers? = nil, to path: String
    ) throws {
        try writeFolder(
            named: name, precision: precision, layers: layers, isBatchFixed: true, to: path)
    }

    /// Writes the same files for other runtimes: an encoder that takes any number of images, the
    /// decoders, and `model.json`.
    ///
    /// - Parameters:
    ///   - name: of the model.
    ///   - precision: how weights are stored and products computed.
    ///   - layers: for `int8`, the calibrated layers.
    ///   - path: of the folder, which is written completely or not at all.
    /// - Throws: ``ExportError``, `FileError`.
    package func writeGraphs(
        named name: String, precision: ModelBundle.Manifest.Precision,
        layers: QuantizedLayers? = nil, to path: String
    ) throws {
        try writeFolder(
            named: name, precision: precision, layers: layers, isBatchFixed: false, to: path)
    }

    private func writeFolder(
        named name: String, precision: ModelBundle.Manifest.Precision, layers: QuantizedLayers?,
        isBatchFixed: Bool, to path: String
    ) throws {
        let folder = try AtomicFolder(path)
        var files: [String: ModelBundle.Manifest.File] = [:]
        var parts: [ModelGraph]
        // Files for other runtimes are whole by themselves.
        if precision == .int8 || !isBatchFixed {
            parts = try graphs(precision: precision, layers: layers)
        } else {
            let name = ModelBundle.Manifest.FileName.weights
            let weights = try SharedWeights(
                writing: network, isHalf: precision == .float16Weights,
                metadata: weightsMetadata, to: folder.path(of: name))
            files[name] = try Self.file(folder.path(of: name))
            parts = try float32Graphs()
            for index in parts.indices {
                parts[index].graph = parts[index].graph.sharing(weights)
                if precision == .float16Weights {
                    parts[index].graph = try parts[index].graph.storingWeightsAsFloat16()
                }
            }
        }
        for part in parts {
            let graph =
                isBatchFixed && part.role == .encoder
                ? part.graph.fixingAxis(ModelRecordings.imagesAxis, at: 1) : part.graph
            files[part.fileName] = try write(graph, to: folder.path(of: part.fileName))
        }
        let json = try JSON.encode(
            manifest(named: name, precision: precision, files: files), style: .indented,
            keys: .exact)
        try AtomicFile.write(json, to: folder.path(of: ModelBundle.Manifest.FileName.manifest))
        try writeQuantizationReport(layers, into: folder)
        try folder.commit()
    }

    /// Size and SHA-256 of a file.
    private static func file(_ path: String) throws -> ModelBundle.Manifest.File {
        var hash = SHA256()
        var bytes = 0
        try RegularFile(path).forEachBlock {
            hash.update($0)
            bytes += $0.count
        }
        return .init(bytes: bytes, sha256: hash.hexDigest)
    }

    /// The metadata of the checkpoint, with what the graphs' metadata say.
    private var weightsMetadata: [String: String] {
        var metadata = checkpointMetadata
        metadata["notice"] = ResearchNotice.text
        return metadata
    }

    private func manifest(
        named name: String, precision: ModelBundle.Manifest.Precision,
        files: [String: ModelBundle.Manifest.File]
    ) -> ModelBundle.Manifest {
        let preprocessing = model.architecture.preprocessing
        return ModelBundle.Manifest(
            name: name, architecture: model.architecture,
            encoder: model.network?.encoder ?? model.architecture.rawValue,
            parameters: model.network?.parameters ?? 0,
            candidates: model.network?.candidates ?? 3,
            input: .init(
                size: inputSize, channels: preprocessing.channels,
                preprocessing: preprocessing, range: preprocessing.range),
            embedding: .init(
                width: network.embeddingWidth,
                side: network.embeddingSize),
            prompts: recordings.decoder == nil ? [] : PromptKind.allCases,
            trainedPrompts: model.trainedPrompts.map { trained in
                PromptKind.allCases.filter(trained.contains)
            },
            areaLevels: model.areaLevels,
            classes: model.classes?.map(\.name) ?? [], classValues: model.classes?.map(\.value),
            precision: precision, files: files,
            source: .init(sha256: model.sha256, program: program), licence: model.licence,
            origin: model.origin, notice: ResearchNotice.text,
            macs: recordings.encoder.multiplyAdds)
    }
}

extension Exporter {
    /// Names of all files that an export may contain.
    public static let fileNames: Set<String> = [
        ModelBundle.Manifest.FileName.encoder, ModelBundle.Manifest.FileName.decoder,
        ModelBundle.Manifest.FileName.promptFreeDecoder, ModelBundle.Manifest.FileName.manifest,
        ModelBundle.Manifest.FileName.weights, quantizationReport, ToolConfiguration.fileName,
    ]

    private static let quantizationReport = "quantization.json"

    /// Writes `quantization.json` where layers were calibrated.
    func writeQuantizationReport(_ layers: QuantizedLayers?, into folder: AtomicFolder) throws {
        guard let layers else { return }
        try AtomicFile.write(
            try layers.json(), to: folder.path(of: Self.quantizationReport))
    }

    /// Writes one graph as an ONNX file.
    ///
    /// - Parameters:
    ///   - graph: after all passes.
    ///   - path: of the file, which is written completely or not at all.
    /// - Returns: the file's size and SHA-256.
    /// - Throws: ``ExportError``, `FileError`.
    func write(_ graph: Graph, to path: String) throws -> ModelBundle.Manifest.File {
        var output = HashedFile(file: try AtomicFile(path))
        try ONNXWriter.write(graph, metadata: metadata, to: &output)
        try output.file.commit()
        return .init(bytes: output.bytes, sha256: output.hash.hexDigest)
    }

    /// ONNX `metadata_props` of every file.
    private var metadata: [(key: String, value: String)] {
        [
            ("model", "\(model.architecture.rawValue), \(model.name)"),
            ("source SHA-256", model.sha256), ("program", program),
            ("license", model.licence ?? "not stated"), ("origin", model.origin ?? "not stated"),
            ("notice", ResearchNotice.text),
        ]
    }
}

/// A file under construction, with the size and hash of what was written so far.
struct HashedFile {
    let file: AtomicFile
    private(set) var bytes = 0
    private(set) var hash = SHA256()

    init(file: AtomicFile) {
        self.file = file
    }

    mutating func append(_ piece: [UInt8]) throws(FileError) {
        try file.append(piece)
        bytes += piece.count
        hash.update(piece)
    }

    mutating func append(_ piece: UnsafeRawBufferPointer) throws(FileError) {
        try file.append(piece)
        bytes += piece.count
        hash.update(piece)
    }
}
