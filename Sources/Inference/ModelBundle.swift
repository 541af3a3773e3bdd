import Checkpoints
import FileIO
import Foundation
import Segmentation

/// A model in a folder `NAME.samus`: ONNX files, and `model.json`, which says what they are.
///
/// Opening reads `model.json` alone and compares sizes. The SHA-256 of a file is compared when it is
/// compiled; a compiled model in the cache was compared when it was made, and is used only for a
/// file of the same path, size and time of change.
public struct ModelBundle: Sendable {
    /// The folder, links followed.
    public let folder: URL
    /// What `model.json` says.
    public let manifest: Manifest
    /// What its results are written beside; the SHA-256 is that of `model.json`, in which those of
    /// all other files are.
    public let model: ModelDescription

    /// The ending of a bundle's folder.
    public static let pathExtension = "samus"

    /// No manifest needs more; a file of 10 GB is refused before it is read.
    private static let manifestLimit = 1 << 20

    /// Opens a bundle.
    ///
    /// - Parameter folder: with `model.json` in it.
    /// - Throws: ``ModelBundleError`` where something is missing or not as `model.json` says.
    public init(_ folder: URL) throws(ModelBundleError) {
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

    /// Whether a path looks like a bundle's: a folder that has a `model.json`.
    ///
    /// - Parameter path: any.
    /// - Returns: whether it is worth opening.
    public static func isBundle(_ path: String) -> Bool {
        FileManager.default.fileExists(
            atPath: URL(fileURLWithPath: path).appendingPathComponent(Manifest.FileName.manifest)
                .path)
    }

    /// A file's path.
    ///
    /// - Parameter name: as in the manifest.
    /// - Returns: an absolute path.
    public func path(of name: String) -> String {
        folder.appendingPathComponent(name).path
    }

    /// What tells a file from another, its size compared.
    func identity(of name: String) throws(ModelBundleError) -> ModelFileIdentity {
        let path = path(of: name)
        guard let expected = manifest.files[name] else {
            throw .cannotRead(path: path, reason: "model.json does not name it")
        }
        let file = try readingBundle { () throws(FileReadError) in try RegularFile(path) }
        guard file.byteCount == expected.bytes else {
            throw .otherSize(file: path, expected: expected.bytes, found: file.byteCount)
        }
        return ModelFileIdentity(
            path: path, bytes: file.byteCount,
            changed: "\(file.modified.seconds).\(file.modified.nanoseconds)",
            sha256: expected.sha256)
    }

    /// Reads a file, compares its SHA-256, and refuses weights that would lie in a file besides, which no
    /// SHA-256 is of.
    ///
    /// - Parameter name: as in the manifest.
    /// - Throws: ``ModelBundleError/otherContent(file:expected:found:)`` where it is another,
    ///   ``ModelBundleError/externalData(file:)``.
    public func verify(_ name: String) throws(ModelBundleError) {
        let expected = try identity(of: name)
        var hash = SHA256()
        var outside = ExternalData()
        try readingBundle { () throws(FileReadError) in
            try RegularFile(expected.path).forEachBlock { block in
                hash.update(block)
                outside.look(at: Array(block))
            }
        }
        guard !outside.isNamed else { throw .externalData(file: expected.path) }
        guard hash.hexDigest == expected.sha256 else {
            throw .otherContent(
                file: expected.path, expected: expected.sha256, found: hash.hexDigest)
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
            input.preprocessing == kind.preprocessing
                && input.channels == kind.preprocessing.channels,
            "\(kind.rawValue) takes \(kind.preprocessing.channels) channels, prepared as "
                + "'\(kind.preprocessing.rawValue)'")
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
            !kind.isPromptFree || files[FileName.automatic] != nil,
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
        /// Images to embeddings.
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

/// Whether an ONNX file names data in other files, looked for while it is read.
///
/// A tensor says so by an entry `location` (TensorProto.external_data): a key of 8 bytes with its
/// length before it, or with a 0, where somebody writes the length in more bytes than it needs.
struct ExternalData {
    private static let key = Array("location".utf8)

    /// Whether it was met.
    private(set) var isNamed = false
    /// The end of the piece before, where a key may begin.
    private var rest: [UInt8] = []

    /// Looks at the next piece.
    mutating func look(at piece: [UInt8]) {
        guard !isNamed, !piece.isEmpty else { return }
        isNamed = Self.names(rest + piece.prefix(Self.key.count)) || Self.names(piece)
        rest = Array((rest + piece.suffix(Self.key.count)).suffix(Self.key.count))
    }

    private static func names(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            var place = 0
            while place < bytes.count,
                let found = memchr(start + place, Int32(key[0]), bytes.count - place)
            {
                let index = UnsafeRawPointer(found) - start
                if index > 0, [0, 8].contains(bytes[index - 1]),
                    bytes.count - index >= key.count, memcmp(found, key, key.count) == 0
                {
                    return true
                }
                place = index + 1
            }
            return false
        }
    }
}
