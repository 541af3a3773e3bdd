import Datasets
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
        /// SHA-256 of names, classes and pixels of the images and labels that could be read.
        public var hash: String
        /// Images that were to be evaluated.
        public var images: Int
        /// Images of the list, where only a part was to be evaluated.
        public var limitedFrom: Int?

        /// - Parameters:
        ///   - root: the folder of all data sets.
        ///   - split: the list.
        ///   - hash: of the data.
        ///   - images: that were to be evaluated.
        ///   - limitedFrom: images of the list, where only a part was to be evaluated.
        public init(
            root: String, split: String, hash: String, images: Int, limitedFrom: Int? = nil
        ) {
            self.root = root
            self.split = split
            self.hash = hash
            self.images = images
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
    /// Whether all images were looked at.
    public var isComplete: Bool
    /// Images that could not be evaluated.
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
    ///   - data: root and split; hash and number of images come from the evaluation.
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
        self.data.images = evaluation.images
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

/// One way of asking for masks, and of bringing several masks of an object to one number.
public struct Variant: Hashable, Codable, Sendable {
    /// What becomes of the several prompts of one object.
    public enum Reduction: String, Codable, Sendable {
        /// There is only one.
        case single
        /// Their mean.
        case mean
        /// The one with the lowest Dice.
        case worst
    }

    /// How prompts are made; nil where masks come from files.
    public var prompt: PromptStrategy?
    /// What becomes of several.
    public var reduction: Reduction

    /// - Parameters:
    ///   - prompt: how prompts are made; nil where masks come from files.
    ///   - reduction: what becomes of several.
    public init(prompt: PromptStrategy?, reduction: Reduction) {
        self.prompt = prompt
        self.reduction = reduction
    }

    /// The ways of a prompt: one, or mean and worst of several.
    static func all(of prompt: PromptStrategy?) -> [Variant] {
        (prompt?.promptCount ?? 1) == 1
            ? [Variant(prompt: prompt, reduction: .single)]
            : [.init(prompt: prompt, reduction: .mean), .init(prompt: prompt, reduction: .worst)]
    }

    /// As tables call it.
    public var title: String {
        switch (prompt, reduction) {
        case (.randomClicks(let clicks)?, .worst): "worst of \(clicks) random clicks"
        case (.randomClicks(let clicks)?, .mean): "mean of \(clicks) random clicks"
        default: prompt.title
        }
    }
}

extension PromptStrategy? {
    /// As tables call it.
    var title: String {
        switch self {
        case nil: "masks as given"
        case .fixedClick: "fixed click"
        case .randomClicks(let clicks): clicks == 1 ? "1 random click" : "\(clicks) random clicks"
        case .clicks(let clicks):
            clicks == 1 ? "1 random click" : "\(clicks) random clicks together"
        case .backgroundPoints(let clicks): "1 random click, \(clicks) on the background"
        case .box(0): "box"
        case .box(let growth): "box grown by \(String(format: "%.10g", growth * 100))%"
        case .boxAndClick: "box and 1 random click"
        case .corrections(let clicks): "\(clicks) corrections"
        case .promptFree: "no prompt"
        }
    }

    /// Whether the label told the model where the object is: beside every figure.
    var promptedWord: String {
        switch self {
        case nil: "not stated"
        case let prompt?: prompt.usesLabel ? "prompted" : "prompt-free"
        }
    }
}

/// The computer that something ran on, as reports name it.
public struct Machine: Codable, Equatable, Sendable {
    /// The processor's name.
    public var processor: String
    /// Processors that the program may use.
    public var cores: Int
    /// Bytes of memory.
    public var memory: Int
    /// The system and its version.
    public var system: String
    /// The computer's name on the network.
    public var host: String

    /// This computer.
    ///
    /// - Returns: its figures; `unknown` where the system does not tell.
    public static func current() -> Machine {
        let information = ProcessInfo.processInfo
        return Machine(
            processor: processorName() ?? "unknown", cores: information.activeProcessorCount,
            memory: Int(clamping: information.physicalMemory), system: systemName(),
            host: information.hostName)
    }

    /// Processor, cores and system on one line, for a report of times.
    public var title: String { "\(processor), \(cores) cores, \(system)" }

    private static func processorName() -> String? {
        #if os(Linux)
            let keys = ["model name", "Hardware", "CPU part"]
            let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
            for key in keys {
                for line in lines.split(separator: "\n") where line.hasPrefix(key) {
                    return line.split(separator: ":", maxSplits: 1).last?
                        .trimmingCharacters(in: .whitespaces)
                }
            }
            return nil
        #else
            var bytes = [CChar](repeating: 0, count: 256)
            var count = bytes.count
            guard sysctlbyname("machdep.cpu.brand_string", &bytes, &count, nil, 0) == 0 else {
                return nil
            }
            return String(
                decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #endif
    }

    private static func systemName() -> String {
        let version = ProcessInfo.processInfo.operatingSystemVersionString
        #if os(Linux)
            let release = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)) ?? ""
            let name = release.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }
            let kernel = try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
            let system =
                name?.dropFirst("PRETTY_NAME=".count)
                .trimmingCharacters(in: CharacterSet(charactersIn: "\"")) ?? version
            let linux = kernel?.trimmingCharacters(in: .whitespacesAndNewlines)
            return system + (linux.map { ", Linux \($0)" } ?? "")
        #else
            return "macOS \(version)"
        #endif
    }
}

/// How long images and masks take.
public struct Speed: Codable, Equatable, Sendable {
    /// Images measured; the first of a run, which warms up, is left out where there are others.
    public var images: Int
    /// Masks measured.
    public var masks: Int
    /// Seconds to look at an image, median.
    public var encode: Double
    /// Seconds for a mask on an image that was looked at, median of the images' means.
    public var prompt: Double

    /// Images a second, each looked at and given one mask.
    public var framesPerSecond: Double { 1 / max(encode + prompt, 1e-9) }

    /// - Parameter times: of images, in order; nil comes back where there are none.
    init?(_ times: [ImageTime]) {
        let measured = times.count > 1 ? Array(times.dropFirst()) : times
        guard !measured.isEmpty else { return nil }
        images = measured.count
        masks = measured.reduce(0) { $0 + $1.count }
        encode = Self.median(measured.map(\.encode))
        prompt = Self.median(measured.map { $0.masks / Double(max($0.count, 1)) })
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
