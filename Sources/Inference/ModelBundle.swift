import Checkpoints
import FileIO
import Foundation
import Segmentation

/// A model bundle: a folder `NAME.samus` with ONNX files, and `model.json`, which describes them.
///
/// Opening a bundle reads `model.json` and checks the sizes of the files. The SHA-256 of a file is
/// checked before the file is compiled. A compiled model in the cache is only used for a file with
/// the same path, size and modification time.
package struct ModelBundle: Sendable {
    /// The folder, symbolic links resolved.
    package let folder: URL
    /// The content of `model.json`.
    package let manifest: Manifest
    /// The model's description.
    ///
    /// Its SHA-256 is that of `model.json`, which states the SHA-256 of all other files.
    package let model: ModelDescription

    /// The weights file whose SHA-256 has been found correct.
    private let verifiedWeights = Locked<ModelFileIdentity?>(nil)

    /// File name extension of a bundle's folder.
    package static let pathExtension = "samus"

    /// Largest `model.json` that is read, in bytes.
    private static let manifestLimit = 1 << 20

    /// Opens a bundle.
    ///
    /// - Parameter folder: the bundle's folder.
    /// - Throws: ``ModelBundleError`` if a file is missing or does not have the stated size.
    package init(_ folder: URL) throws(ModelBundleError) {
        self.folder = folder.resolvingSymlinksInPath()
        let path = self.folder.appendingPathComponent(Manifest.FileName.manifest).path
        let bytes = try readingBundle { () throws(FileReadError) in
            try RegularFile.read(path, limit: Self.manifestLimit)
        }
        manifest = try Manifest(Data(bytes))
        model = manifest.description(sha256: SHA256.hexDigest(of: bytes))
        for name in manifest.files.keys.sorted() {
            _ = try identity(of: name)
        }
    }

    /// Whether a folder contains a `model.json`.
    ///
    /// - Parameter path: path of the folder.
    /// - Returns: false also if the folder does not exist.
    package static func isBundle(_ path: String) -> Bool {
        FileManager.default.fileExists(
            atPath: URL(fileURLWithPath: path).appendingPathComponent(Manifest.FileName.manifest)
                .path)
    }

    /// The absolute path of a file of the bundle.
    ///
    /// - Parameter name: the file's name in the manifest.
    /// - Returns: an absolute path.
    package func path(of name: String) -> String {
        folder.appendingPathComponent(name).path
    }

    /// The identity of a file of the bundle; throws if the file does not have the stated size.
    func identity(of name: String) throws(ModelBundleError) -> ModelFileIdentity {
        let path = path(of: name)
        guard let expected = manifest.files[name] else {
            throw .cannotRead(path: path, reason: "it is not listed in model.json")
        }
        let file = try readingBundle { () throws(FileReadError) in try RegularFile(path) }
        guard file.byteCount == expected.bytes else {
            throw .sizeMismatch(file: path, expected: expected.bytes, found: file.byteCount)
        }
        return ModelFileIdentity(
            path: path, bytes: file.byteCount,
            changed: "\(file.modified.seconds).\(file.modified.nanoseconds)",
            sha256: expected.sha256)
    }

    /// The identity of a graph together with the weights that it may refer to.
    func identity(ofGraph name: String) throws(ModelBundleError) -> ModelFileIdentity {
        let graph = try identity(of: name)
        guard manifest.files[Manifest.FileName.weights] != nil else { return graph }
        let weights = try identity(of: Manifest.FileName.weights)
        return ModelFileIdentity(
            path: graph.path, bytes: graph.bytes + weights.bytes,
            changed: "\(graph.changed) \(weights.changed)",
            sha256: SHA256.hexDigest(of: Array((graph.sha256 + weights.sha256).utf8)))
    }

    /// Checks the SHA-256 of a file.
    ///
    /// ONNX files may refer to weights in ``Manifest/FileName/weights`` of the bundle, whose SHA-256
    /// is checked too; references to any other file are refused.
    ///
    /// - Parameter name: the file's name in the manifest.
    /// - Throws: ``ModelBundleError/contentMismatch(file:expected:found:)``,
    ///   ``ModelBundleError/externalData(file:)``.
    package func verify(_ name: String) throws(ModelBundleError) {
        let expected = try identity(of: name)
        var hash = SHA256()
        var externalData = ExternalDataScan()
        let isGraph = name.hasSuffix(".onnx")
        try readingBundle { () throws(FileReadError) in
            try RegularFile(expected.path).forEachBlock { block in
                hash.update(block)
                if isGraph { externalData.scan(Array(block)) }
            }
        }
        externalData.finish()
        if externalData.found {
            guard !externalData.foundForeign, manifest.files[Manifest.FileName.weights] != nil
            else {
                throw .externalData(file: expected.path)
            }
            try verifyWeights()
        }
        guard hash.hexDigest == expected.sha256 else {
            throw .contentMismatch(
                file: expected.path, expected: expected.sha256, found: hash.hexDigest)
        }
    }

    /// Checks the SHA-256 of the weights once, also if several graphs refer to them at the same time.
    private func verifyWeights() throws(ModelBundleError) {
        let identity = try identity(of: Manifest.FileName.weights)
        try verifiedWeights.withLock { verified throws(ModelBundleError) in
            guard verified != identity else { return }
            try verify(Manifest.FileName.weights)
            verified = identity
        }
    }
}

/// Calls `body` and turns its error into a ``ModelBundleError``.
private func readingBundle<Result>(
    _ body: () throws(FileReadError) -> Result
) throws(ModelBundleError) -> Result {
    do throws(FileReadError) {
        return try body()
    } catch {
        switch error {
        case .notARegularFile(let path, _): throw .notARegularFile(path: path)
        case .tooLarge(_, let bytes, let limit): throw .manifestTooLarge(bytes: bytes, limit: limit)
        default: throw .cannotRead(path: error.path, reason: error.reason)
        }
    }
}

extension ModelBundle.Manifest {
    /// Decodes and checks a `model.json` of any format version.
    ///
    /// - Parameter data: the untrusted content of the file.
    /// - Throws: ``ModelBundleError``.
    package init(_ data: Data) throws(ModelBundleError) {
        // The version first: the other keys depend on it.
        let version = try Self.decode(Version.self, from: data).formatVersion
        guard (1...Self.currentFormat).contains(version) else { throw .unknownFormat(version) }
        self = try Self.decode(Self.self, from: data)
        try check()
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, from data: Data
    ) throws(ModelBundleError) -> Value {
        do throws(JSONError) {
            return try JSON.decode(
                type, from: data,
                property: { path in
                    let key = path.last?.stringValue ?? ""
                    return Self.formerKeys[key] ?? key
                })
        } catch {
            throw .notAManifest(error.reason)
        }
    }

    private struct Version: Decodable {
        let formatVersion: Int

        enum CodingKeys: String, CodingKey {
            case formatVersion = "format_version"
        }
    }

    /// The keys of format version 1, and the present keys.
    private static let formerKeys = [
        "format": "format_version", "trainedPrompts": "trained_prompts",
        "preparation": "preprocessing",
    ]

    /// Checks that the values are possible.
    private func check() throws(ModelBundleError) {
        try Self.require(Self.isPlain(name), "the name may contain letters, digits, - _ .")
        try Self.require(
            (0...1_000_000_000_000).contains(parameters),
            "the number of parameters must be from 0 to 10^12")
        try Self.require(
            ((files[FileName.decoder] == nil ? 0 : 1)...64).contains(candidates),
            "the number of candidates must be from 1 to 64")
        try Self.require(
            (8...8192).contains(input.size), "the input size must be 8 to 8192 pixels")
        try Self.require(
            input.preprocessing == architecture.preprocessing
                && input.channels == architecture.preprocessing.channels,
            "\(architecture.rawValue) takes \(architecture.preprocessing.channels) channels and preprocessing "
                + "'\(architecture.preprocessing.rawValue)'")
        try Self.require(
            input.range.count == 2 && input.range.allSatisfy(\.isFinite)
                && input.range[0] < input.range[1],
            "the input range must have a lower and an upper end")
        try Self.require(
            (1...65_536).contains(embedding.width) && (1...2048).contains(embedding.side),
            "the embedding must have a width of 1 to 65,536 and a side of 1 to 2048")
        try Self.require(
            macs.map { $0 > 0 } ?? true, "the number of multiply-add operations must be positive")
        let levels = [areaLevels?.click, areaLevels?.box].compactMap(\.self)
        try Self.require(
            levels.allSatisfy { (0...0.5).contains($0) }, "area levels must be from 0 to 0.5")
        let texts = [encoder, licence ?? "", origin ?? "", notice, source.program] + classes
        try Self.require(
            texts.allSatisfy { $0.utf8.count <= 10_000 } && classes.count <= 10_000,
            "there may be at most 10,000 classes, and texts of at most 10,000 bytes")
        if let classValues {
            try Self.require(
                architecture.takesClasses && classValues.count > 1
                    && classValues.count == classes.count && (classLabels ?? []).isValid,
                "'class_values' must have an ascending value from 1 to 255 for each of 'classes', "
                    + "and belongs to task-specific networks")
        }
        try Self.require(
            Self.isHash(source.sha256), "the source's SHA-256 must have 64 hexadecimal digits")
        try checkFiles()
    }

    private func checkFiles() throws(ModelBundleError) {
        try Self.require(files.count <= 64, "there may be at most 64 files")
        for (name, file) in files {
            try Self.require(Self.isPlain(name), "file names must be plain, without folders")
            try Self.require(
                (1...(1 << 40)).contains(file.bytes) && Self.isHash(file.sha256),
                "the size of '\(name)' must be positive, its SHA-256 must have 64 hexadecimal digits"
            )
        }
        let decoders = [FileName.decoder, FileName.promptFreeDecoder].filter { files[$0] != nil }
        try Self.require(
            files[FileName.encoder] != nil && !decoders.isEmpty,
            "a bundle must have \(FileName.encoder), and \(FileName.decoder) or "
                + FileName.promptFreeDecoder)
        try Self.require(
            !architecture.isPromptFree || files[FileName.promptFreeDecoder] != nil,
            "a bundle of the prompt-free \(architecture.rawValue) must have \(FileName.promptFreeDecoder)"
        )
    }

    private static func require(
        _ condition: Bool, _ requirement: String
    ) throws(ModelBundleError) {
        guard condition else { throw .invalidValue(requirement) }
    }

    private static func isPlain(_ name: String) -> Bool {
        name.utf8.count <= 200 && name.wholeMatch(of: #/[A-Za-z0-9_][A-Za-z0-9_.\-]*/#) != nil
    }

    private static func isHash(_ text: String) -> Bool {
        text.wholeMatch(of: #/[0-9a-f]{64}/#) != nil
    }
}

extension ModelBundle.Manifest {
    /// Names of a bundle's files.
    package enum FileName {
        /// Image encoder: images to embeddings.
        package static let encoder = "encoder.onnx"
        /// Prompted decoder: embeddings and prompts to masks.
        package static let decoder = "decoder.onnx"
        /// Prompt-free decoder: embeddings to masks.
        package static let promptFreeDecoder = "auto.onnx"
        /// The weights, for training and for the graphs that refer to them.
        package static let weights = "weights.safetensors"
        /// The manifest.
        package static let manifest = "model.json"
    }

    /// The model's description, which is written into results.
    ///
    /// - Parameter sha256: SHA-256 of `model.json`.
    /// - Returns: the model's description.
    func description(sha256: String) -> ModelDescription {
        ModelDescription(
            name: name, architecture: architecture,
            network: .init(
                encoder: encoder, inputSize: input.size, candidates: candidates,
                parameters: parameters),
            sha256: sha256, licence: licence, origin: origin,
            trainedPrompts: trainedPrompts.map(Set.init), areaLevels: areaLevels,
            classes: classLabels)
    }
}

/// Scans an ONNX file for tensors whose data is in another file.
///
/// Such a tensor has an entry with the key `location` and the file's name (field 13 of TensorProto,
/// external_data). Only the exact bytes that the export writes are accepted
/// for the bundle's own weights: the tag and length of the entry, the key, and the name as its last
/// field. In any other encoding, another reader might take another name.
struct ExternalDataScan {
    private static let key = Array("location".utf8)
    /// A whole entry that refers to the bundle's own weights.
    private static let own: [UInt8] = {
        let name = Array(ModelBundle.Manifest.FileName.weights.utf8)
        let content = [0x0A, UInt8(key.count)] + key + [0x12, UInt8(name.count)] + name
        return [0x6A, UInt8(content.count)] + content
    }()
    /// Where the key begins in ``own``.
    private static let keyPlace = 4

    /// Whether such a tensor was found.
    private(set) var found = false
    /// Whether a tensor was found that is not in the bundle's weights.
    private(set) var foundForeign = false
    /// The end of the file so far: a reference may be split between chunks.
    private var rest: [UInt8] = []
    /// The number of bytes of ``rest`` that were judged already.
    private var judged = 0

    /// Scans the next chunk of the file.
    mutating func scan(_ chunk: [UInt8]) {
        guard !foundForeign, !chunk.isEmpty else { return }
        rest += chunk
        // A reference is judged when all of it is there, or at the end.
        judge(upTo: rest.count - (Self.own.count - Self.keyPlace) + 1)
        let surplus = max(judged - Self.keyPlace, 0)
        rest.removeFirst(surplus)
        judged -= surplus
    }

    /// Judges references at the end of the file.
    mutating func finish() {
        let end = rest.count
        rest += [UInt8](repeating: 0xFF, count: Self.own.count)
        judge(upTo: end)
        rest = []
        judged = 0
    }

    /// Looks for keys that start before `end`.
    private mutating func judge(upTo end: Int) {
        guard end > judged else { return }
        rest.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            var place = judged
            while place < end, let hit = memchr(start + place, Int32(Self.key[0]), end - place) {
                let index = UnsafeRawPointer(hit) - start
                place = index + 1
                // The length before a key is 8, or ends in 0 where it takes more bytes than needed.
                guard index > 0, [0, 8].contains(bytes[index - 1]),
                    memcmp(hit, Self.key, Self.key.count) == 0
                else { continue }
                found = true
                let entry = index - Self.keyPlace
                if entry < 0 || memcmp(start + entry, Self.own, Self.own.count) != 0 {
                    foundForeign = true
                }
            }
        }
        judged = end
    }
}
