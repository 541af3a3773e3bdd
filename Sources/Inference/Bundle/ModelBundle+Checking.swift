import Foundation
import Segmentation

extension ModelBundle.Manifest {
    /// Reads and checks `model.json`.
    ///
    /// - Parameter data: its bytes, from anywhere.
    /// - Throws: ``ModelBundleError``.
    public init(_ data: Data) throws(ModelBundleError) {
        do {
            let format = try JSONDecoder().decode(Format.self, from: data).format
            guard format == Self.currentFormat else {
                throw ModelBundleError.unknownFormat(format)
            }
            self = try JSONDecoder().decode(Self.self, from: data)
        } catch let error as ModelBundleError {
            throw error
        } catch let error as DecodingError {
            throw .notAManifest(error.words)
        } catch {
            throw .notAManifest("it is not JSON")
        }
        try check()
    }

    /// Read first: what else there is depends on it.
    private struct Format: Decodable {
        let format: Int
    }

    /// Refuses what no bundle of this format can have.
    private func check() throws(ModelBundleError) {
        try Self.require(Self.isPlain(name), "its name has to be plain: letters, digits, - _ .")
        try Self.require((0...1_000_000_000_000).contains(parameters), "its count of parameters")
        try Self.require((1...64).contains(candidates), "1 to 64 candidates are possible")
        try Self.require(
            (8...8192).contains(input.size), "an input of 8 to 8192 pixels is possible")
        try Self.require(
            input.preparation == kind.preparation && input.channels == kind.preparation.channels,
            "\(kind.rawValue) takes \(kind.preparation.channels) channels, prepared as "
                + "'\(kind.preparation.rawValue)'")
        try Self.require(
            input.range.count == 2 && input.range.allSatisfy(\.isFinite)
                && input.range[0] < input.range[1], "its range has a lower and an upper end")
        try Self.require(
            (1...65_536).contains(embedding.width) && (1...2048).contains(embedding.side),
            "its embedding's width and side")
        try Self.require(macs.map { $0 > 0 } ?? true, "its count of multiplications")
        let texts = [encoder, licence ?? "", origin ?? "", notice, source.program] + classes
        try Self.require(
            texts.allSatisfy { $0.utf8.count <= 10_000 } && classes.count <= 10_000,
            "a text of at most 10,000 bytes")
        try Self.require(Self.isHash(source.sha256), "its source's SHA-256")
        try checkFiles()
    }

    private func checkFiles() throws(ModelBundleError) {
        try Self.require(files.count <= 64, "at most 64 files")
        for (name, file) in files {
            try Self.require(Self.isPlain(name), "files named plainly, without folders")
            try Self.require(
                (1...(1 << 40)).contains(file.bytes) && Self.isHash(file.sha256),
                "the size and SHA-256 of '\(name)'")
        }
        let decoders = [FileName.decoder, FileName.automatic].filter { files[$0] != nil }
        try Self.require(
            files[FileName.encoder] != nil && !decoders.isEmpty,
            "\(FileName.encoder), and \(FileName.decoder) or \(FileName.automatic)")
        try Self.require(
            !kind.findsPrompts || files[FileName.automatic] != nil,
            "\(FileName.automatic), with which \(kind.rawValue) finds its object")
    }

    private static func require(
        _ condition: Bool, _ needed: String
    ) throws(ModelBundleError) {
        guard condition else { throw .outOfBounds(needed) }
    }

    private static func isPlain(_ name: String) -> Bool {
        name.utf8.count <= 200 && name.wholeMatch(of: #/[A-Za-z0-9_][A-Za-z0-9_.\-]*/#) != nil
    }

    private static func isHash(_ text: String) -> Bool {
        text.wholeMatch(of: #/[0-9a-f]{64}/#) != nil
    }
}

extension ModelBundle.Manifest {
    /// Names of the files with a task.
    public enum FileName {
        /// Pictures to embeddings.
        public static let encoder = "encoder.onnx"
        /// Embeddings and prompts to masks.
        public static let decoder = "decoder.onnx"
        /// Embeddings to the mask of the object that the model finds by itself.
        public static let automatic = "auto.onnx"
        /// The manifest.
        public static let manifest = "model.json"
    }

    /// What its results are written beside.
    ///
    /// - Parameter sha256: that of `model.json`, which has those of all other files.
    /// - Returns: the model's description.
    func description(sha256: String) -> ModelDescription {
        ModelDescription(
            name: name, kind: kind,
            network: .init(
                encoder: encoder, inputSize: input.size, candidates: candidates,
                parameters: parameters),
            sha256: sha256, licence: licence, origin: origin,
            trainedPrompts: trainedPrompts.map(Set.init))
    }
}

extension DecodingError {
    /// Where and what, without Foundation's own prose.
    fileprivate var words: String {
        switch self {
        case .keyNotFound(let key, let context):
            "'\(Self.path(context, key))' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "'\(Self.path(context))' is of another type"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "'\(Self.path(context))' has a value that this program does not know"
        default: "it is not JSON"
        }
    }

    private static func path(_ context: Context, _ last: (any CodingKey)? = nil) -> String {
        (context.codingPath + (last.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
    }
}
