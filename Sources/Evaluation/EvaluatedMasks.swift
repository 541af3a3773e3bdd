import Datasets
import FileIO
import Imaging

/// `masks.json`: the masks of an evaluation as run lengths, in the order of the report's cases.
public struct EvaluatedMasks: Codable, Equatable, Sendable {
    /// One mask.
    public struct Entry: Codable, Equatable, Sendable {
        /// The sample, for example `Echo-CAMUS/patient0010_2CH_ES#2`.
        public var id: String
        /// How the prompt was made; nil where masks come from files.
        public var prompt: PromptStrategy?
        /// Number of the prompt, from 1.
        public var click: Int
        /// Height and width.
        public var size: [Int]
        /// COCO's compressed run lengths.
        public var counts: String

        /// The mask's runs; nil where they do not fit the size.
        public var runLength: RunLength? {
            guard size.count == 2 else { return nil }
            return RunLength(compressed: counts, size: Size(height: size[0], width: size[1]))
        }
    }

    /// Version of this format.
    public var formatVersion: Int? = 1
    /// "research use only, not a medical device".
    public var notice = ResearchNotice.text
    /// The masks.
    public var masks: [Entry]

    /// - Parameter evaluation: the results.
    public init(_ evaluation: Evaluation) {
        masks = zip(evaluation.cases, evaluation.masks).map { one, mask in
            Entry(
                id: one.id, prompt: one.prompt, click: one.click,
                size: [mask.size.height, mask.size.width], counts: mask.compressed)
        }
    }

    /// The masks as the content of a JSON file.
    ///
    /// - Throws: `EncodingError`.
    public func json() throws -> [UInt8] {
        try JSON.encode(self, style: .compact) + [UInt8(ascii: "\n")]
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: the JSON file.
    ///   - limit: how large a file is accepted, in bytes.
    /// - Returns: the masks.
    /// - Throws: ``EvaluationError/unreadable(path:reason:)``.
    public static func read(
        _ path: String, limit: Int = 1 << 30
    ) throws(EvaluationError) -> EvaluatedMasks {
        do {
            return try JSON.decode(
                EvaluatedMasks.self, from: RegularFile.read(path, limit: limit))
        } catch let error as FileReadError {
            throw .unreadable(path: path, reason: error.reason)
        } catch {
            throw .unreadable(path: path, reason: "it has no masks of 'samus evaluate' (\(error))")
        }
    }
}
