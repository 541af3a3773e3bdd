import Checkpoints
import FileIO
import Foundation
import Imaging
import Inference
import Segmentation

extension Exporter {
    /// Writes a bundle: a folder `NAME.samus` with the graphs and `model.json`.
    ///
    /// Its encoder takes one image at a time: with all sizes fixed it needs less memory and time.
    ///
    /// - Parameters:
    ///   - name: of the model, as results will state it.
    ///   - precision: how weights are stored and products computed.
    ///   - layers: what calibration found, for `int8`: the layers to be computed in integers.
    ///   - path: of the folder, which appears whole or not at all.
    /// - Throws: ``ExportError``, `FileError`.
    package func writeBundle(
        named name: String, precision: ModelBundle.Manifest.Precision,
        layers: QuantizedLayers? = nil, to path: String
    ) throws {
        let folder = try AtomicFolder(path)
        let files = try writeGraphs(
            precision: precision, layers: layers, oneImage: true
        ) { folder.place(of: $0) }
        let manifest = ModelBundle.Manifest(
            name: name, kind: model.kind, encoder: model.network?.encoder ?? model.kind.rawValue,
            parameters: model.network?.parameters ?? 0,
            candidates: model.network?.candidates ?? 3,
            input: .init(
                size: inputSize, channels: model.kind.preprocessing.channels,
                preprocessing: model.kind.preprocessing, range: model.kind.preprocessing.range),
            embedding: .init(
                width: network.maskDecoder.outputTokens.size(1),
                side: network.promptEncoder.gridSize),
            prompts: PromptKind.allCases,
            trainedPrompts: model.trainedPrompts.map { trained in
                PromptKind.allCases.filter(trained.contains)
            },
            precision: precision, files: files,
            source: .init(sha256: model.sha256, program: program), licence: model.licence,
            origin: model.origin, notice: ResearchNotice.text,
            macs: graphs.encoder.multiplyAdds)
        let json = try JSON.encode(manifest, style: .indented, keys: .exact)
        try AtomicFile.write(json, to: folder.place(of: ModelBundle.Manifest.FileName.manifest))
        try writeReport(layers, into: folder)
        try folder.commit()
    }

    /// Writes encoder, decoder and what finds an object by itself as ONNX files, for any number of
    /// images, prompts and points.
    ///
    /// - Parameters:
    ///   - precision: how weights are stored and products computed.
    ///   - layers: the layers to be computed in integers.
    ///   - path: of their folder, which appears whole or not at all.
    /// - Throws: ``ExportError``, `FileError`.
    package func writeGraphs(
        precision: ModelBundle.Manifest.Precision, layers: QuantizedLayers? = nil,
        to path: String
    ) throws {
        let folder = try AtomicFolder(path)
        _ = try writeGraphs(
            precision: precision, layers: layers, oneImage: false
        ) { folder.place(of: $0) }
        try writeReport(layers, into: folder)
        try folder.commit()
    }

    /// Names of all files that an export may have.
    public static let fileNames: Set<String> = [
        ModelBundle.Manifest.FileName.encoder, ModelBundle.Manifest.FileName.decoder,
        ModelBundle.Manifest.FileName.automatic, ModelBundle.Manifest.FileName.manifest,
        quantizationReport, ToolConfiguration.file,
    ]

    private static let quantizationReport = "quantization.json"

    /// Puts what is known of layers in integers beside the graphs.
    func writeReport(_ layers: QuantizedLayers?, into folder: AtomicFolder) throws {
        guard let layers else { return }
        try AtomicFile.write(
            try layers.json(), to: folder.place(of: Self.quantizationReport))
    }

    /// - Returns: their sizes and hashes, by name.
    private func writeGraphs(
        precision: ModelBundle.Manifest.Precision, layers: QuantizedLayers?, oneImage: Bool,
        to place: (String) -> String
    ) throws -> [String: ModelBundle.Manifest.File] {
        var files: [String: ModelBundle.Manifest.File] = [:]
        for part in try parts() {
            var graph = try part.stored(precision, layers)
            if part.role == .encoder, oneImage { graph.fix("images", at: 1) }
            files[part.file] = try write(graph, to: place(part.file))
        }
        return files
    }

    /// What each file says of itself.
    var remarks: [(key: String, value: String)] {
        [
            ("model", "\(model.kind.rawValue), \(model.name)"),
            ("source SHA-256", model.sha256), ("program", program),
            ("license", model.licence ?? "not stated"), ("origin", model.origin ?? "not stated"),
            ("notice", ResearchNotice.text),
        ]
    }
}

/// A file that is written, with its size and hash as it grows.
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
