import Foundation
import Imaging

/// An evaluation as a file, complete enough to be compared with another.
public struct EvaluationReport: Codable, Equatable, Sendable {
    /// What was evaluated.
    public struct Data: Codable, Equatable, Sendable {
        /// The folder of all data sets.
        public var root: String
        /// The list, as `test-Breast-BUSI`.
        public var split: String
        /// SHA-256 of names, classes and pixels of the pictures and labels that could be read.
        public var hash: String
        /// Pictures that were to be evaluated.
        public var pictures: Int
        /// Pictures of the list, where only a part was to be evaluated.
        public var limitedFrom: Int?

        /// - Parameters:
        ///   - root: the folder of all data sets.
        ///   - split: the list.
        ///   - hash: of the data.
        ///   - pictures: that were to be evaluated.
        ///   - limitedFrom: pictures of the list, where only a part was to be evaluated.
        public init(
            root: String, split: String, hash: String, pictures: Int, limitedFrom: Int? = nil
        ) {
            self.root = root
            self.split = split
            self.hash = hash
            self.pictures = pictures
            self.limitedFrom = limitedFrom
        }
    }

    /// "research use only, not a medical device".
    public var notice = ResearchNotice.text
    /// Program and version that evaluated.
    public var program: String
    /// Versions of what it rests on, as libtorch's.
    public var versions: [String: String]
    /// When.
    public var date: Date
    /// The computer.
    public var machine: String
    /// What made the masks.
    public var source: SourceRecord
    /// What was evaluated.
    public var data: Data
    /// How.
    public var options: EvaluationOptions
    /// Whether all pictures were looked at.
    public var isComplete: Bool
    /// Pictures that could not be evaluated.
    public var failures: [EvaluationFailure]
    /// Figures of each prompt, set and class.
    public var summaries: [SummaryRow]
    /// Whether objects were found, missed or invented.
    public var presence: [PresenceRow]
    /// How well the model knows its own quality.
    public var calibration: [CalibrationRow]
    /// How long it took; nil where nothing was measured.
    public var speed: Speed?
    /// All cases.
    public var cases: [EvaluatedCase]

    /// - Parameters:
    ///   - evaluation: what was measured.
    ///   - source: what made the masks.
    ///   - options: how.
    ///   - data: root and split; hash and number of pictures come from the evaluation.
    ///   - program: name and version.
    ///   - versions: of what it rests on.
    public init(
        _ evaluation: Evaluation, source: SourceRecord, options: EvaluationOptions, data: Data,
        program: String, versions: [String: String] = [:]
    ) {
        self.program = program
        self.versions = versions
        date = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
        machine = Machine.current().title
        self.source = source
        self.data = data
        self.data.hash = evaluation.dataHash
        self.data.pictures = evaluation.pictures
        self.options = options
        isComplete = evaluation.isComplete
        failures = evaluation.failures
        summaries = evaluation.cases.summaries(seed: options.seed)
        presence = evaluation.cases.presence()
        calibration = evaluation.cases.calibrations()
        speed = source.kind == .model ? Speed(evaluation.encodings) : nil
        cases = evaluation.cases
    }

    /// The report as the content of a JSON file.
    ///
    /// - Throws: `EncodingError` when a number is not finite.
    public func json() throws -> [UInt8] {
        try [UInt8](JSONEncoder.report.encode(self)) + [UInt8(ascii: "\n")]
    }

    /// Reads a report.
    ///
    /// - Parameters:
    ///   - path: the JSON file.
    ///   - limit: how large a file is accepted, in bytes.
    /// - Returns: the report.
    /// - Throws: ``EvaluationError/unreadable(path:reason:)``.
    public static func read(
        _ path: String, limit: Int = 1 << 30
    ) throws(EvaluationError) -> EvaluationReport {
        let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        guard let size else {
            throw .unreadable(path: path, reason: "there is no such file")
        }
        guard size <= limit else {
            throw .unreadable(path: path, reason: "it has more than \(limit) bytes")
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .unreadable(path: path, reason: "it cannot be opened")
        }
        do {
            return try JSONDecoder.report.decode(EvaluationReport.self, from: data)
        } catch {
            throw .unreadable(
                path: path,
                reason: "it is no report.json of 'samus evaluate' (\(error.words))")
        }
    }
}

extension JSONEncoder {
    /// As all of the program's JSON: keys_like_this, sorted.
    static var report: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

extension JSONDecoder {
    fileprivate static var report: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }
}

extension Error {
    /// What is wrong with JSON, in a few words.
    fileprivate var words: String {
        switch self as? DecodingError {
        case .keyNotFound(let key, _)?: "'\(key.stringValue)' is missing"
        case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?,
            .dataCorrupted(let context)?:
            context.debugDescription
        default: "\(self)"
        }
    }
}
