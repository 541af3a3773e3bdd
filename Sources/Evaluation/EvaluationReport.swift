import Datasets
import FileIO
import Foundation
import Imaging

/// `report.json`: an evaluation with all that a comparison with another one needs.
public struct EvaluationReport: Codable, Equatable, Sendable {
    /// The evaluated data.
    public struct Data: Codable, Equatable, Sendable {
        /// The folder of all datasets.
        public var root: String
        /// The list, for example `test-Breast-BUSI`.
        public var split: String
        /// SHA-256 of names, classes and pixels of all images and labels that could be read.
        public var hash: String
        /// Number of images to evaluate.
        public var images: Int
        /// Number of images in the list, where only a part is evaluated.
        public var limitedFrom: Int?

        /// - Parameters:
        ///   - root: the folder of all datasets.
        ///   - split: the list.
        ///   - hash: hash of the data.
        ///   - images: number of images to evaluate.
        ///   - limitedFrom: number of images in the list, where only a part is evaluated.
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

    /// Version of this format; nil in files of version 0.1.
    public var formatVersion: Int? = 2
    /// "research use only, not a medical device".
    public var notice = ResearchNotice.text
    /// Program and version that evaluated.
    public var program: String
    /// Versions of libraries, such as libtorch.
    public var versions: [String: String]
    /// Date of the evaluation.
    public var date: Date
    /// The computer.
    public var machine: String
    /// The source of the masks.
    public var source: SourceRecord
    /// The evaluated data.
    public var data: Data
    /// The options.
    public var options: EvaluationOptions
    /// Whether the evaluation was not stopped early.
    public var isComplete: Bool
    /// Images that could not be evaluated.
    public var failures: [EvaluationFailure]
    /// Notes on labels and masks, such as values between background and object; nil without any.
    public var dataNotes: [String]?
    /// Statistics of each prompt, dataset and class.
    public var summaries: [SummaryRow]
    /// True and false positives and negatives.
    public var detection: [DetectionRow]
    /// Agreement of the model's IoU estimate with the IoU.
    public var calibration: [CalibrationRow]
    /// Clicks until a mask is good, and how far clicks are obeyed; nil without corrections.
    public var interaction: [InteractionRow]?
    /// Intervals of areas; nil where uncertainty was not measured.
    public var uncertainty: [UncertaintyRow]?
    /// Times; nil where none were measured.
    public var speed: Speed?
    /// All cases.
    public var cases: [EvaluatedCase]

    /// - Parameters:
    ///   - evaluation: the results.
    ///   - source: the source of the masks.
    ///   - options: the options.
    ///   - data: root and split; hash and number of images come from the evaluation.
    ///   - program: name and version.
    ///   - versions: versions of libraries.
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
        dataNotes = evaluation.notes.isEmpty ? nil : evaluation.notes
        summaries = evaluation.cases.summaries(seed: options.seed)
        detection = evaluation.cases.detections()
        calibration = evaluation.cases.calibrations()
        let rows = evaluation.cases.interactions()
        interaction = rows.isEmpty ? nil : rows
        let intervals = evaluation.cases.areaIntervals()
        uncertainty = intervals.isEmpty ? nil : intervals
        speed = source.kind == .model ? Speed(evaluation.timings) : nil
        cases = evaluation.cases
    }

    /// The report as the content of a JSON file.
    ///
    /// - Throws: `EncodingError` when a number is not finite.
    public func json() throws -> [UInt8] {
        try JSON.encode(self) + [UInt8(ascii: "\n")]
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
        let bytes: [UInt8]
        do throws(FileReadError) {
            bytes = try RegularFile.read(path, limit: limit)
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
        do throws(JSONError) {
            return try JSON.decode(
                EvaluationReport.self, from: bytes, property: FormerReportKeys.property)
        } catch {
            throw .unreadable(
                path: path,
                reason: "it is not a report.json of 'samus evaluate' (\(error.reason))")
        }
    }
}

/// Keys of reports of version 0.1 that have changed since.
private enum FormerReportKeys {
    private static let renamed = [
        "pictures": "images", "picture": "image", "negatives": "backgroundPoints",
        "figures": "statistics", "deviation": "standardDeviation", "presence": "detection",
        "found": "truePositives", "missed": "falseNegatives", "invented": "falsePositives",
        "absent": "trueNegatives", "runs": "runtime", "encode": "encodeSeconds",
        "meanIoU": "meanIou",
    ]

    /// The property of a key.
    ///
    /// - Parameter path: the key, after the keys that contain it.
    /// - Returns: the name of the property.
    static func property(_ path: [any CodingKey]) -> String {
        let key = path[path.count - 1].stringValue
        let isSpeed = path.count > 1 && path[path.count - 2].stringValue == "speed"
        if isSpeed && key == "prompt" { return "maskSeconds" }
        let words = key.split(separator: "_")
        let name = words.dropFirst().reduce(words.first.map(String.init) ?? key) {
            $0 + $1.prefix(1).uppercased() + $1.dropFirst()
        }
        return renamed[name] ?? name
    }
}

/// A prompt strategy, and how several masks of an object are reduced to one number.
public struct Variant: Hashable, Codable, Sendable {
    /// How the masks of several prompts are reduced.
    public enum Reduction: String, Codable, Sendable {
        /// There is only one mask.
        case single
        /// The mean.
        case mean
        /// The one with the lowest Dice.
        case worst
    }

    /// The prompt strategy; nil where masks come from files.
    public var prompt: PromptStrategy?
    /// How several masks are reduced.
    public var reduction: Reduction

    /// - Parameters:
    ///   - prompt: the prompt strategy; nil where masks come from files.
    ///   - reduction: how several masks are reduced.
    public init(prompt: PromptStrategy?, reduction: Reduction) {
        self.prompt = prompt
        self.reduction = reduction
    }

    /// The variants of a prompt: one, or mean and worst of several.
    static func all(of prompt: PromptStrategy?) -> [Variant] {
        (prompt?.promptCount ?? 1) == 1
            ? [Variant(prompt: prompt, reduction: .single)]
            : [.init(prompt: prompt, reduction: .mean), .init(prompt: prompt, reduction: .worst)]
    }

    /// The title in tables.
    public var title: String {
        switch (prompt, reduction) {
        case (.randomClicks(let clicks)?, .worst): "worst of \(clicks) random clicks"
        case (.randomClicks(let clicks)?, .mean): "mean of \(clicks) random clicks"
        default: prompt.title
        }
    }
}

extension PromptStrategy? {
    /// The title in tables.
    var title: String {
        switch self {
        case nil: "predictions"
        case .fixedClick: "fixed click"
        case .randomClicks(let clicks): clicks == 1 ? "1 random click" : "\(clicks) random clicks"
        case .clicks(let clicks):
            clicks == 1 ? "1 random click" : "\(clicks) random clicks together"
        case .backgroundPoints(let clicks): "1 random click, \(clicks) on the background"
        case .box(0): "box"
        case .box(let growth): "box grown by \(String(format: "%.10g", growth * 100))%"
        case .boxAndClick: "box and 1 random click"
        case .corrections(0): "click in the middle"
        case .corrections(let clicks): clicks == 1 ? "1 correction" : "\(clicks) corrections"
        case .onNothing(let prompts):
            prompts == 1 ? "1 prompt on nothing" : "\(prompts) prompts on nothing"
        case .interactive(let clicks): "up to \(clicks) corrections"
        case .promptFree: "no prompt"
        }
    }

    /// Whether the prompt was made from the label, for tables.
    var promptedWord: String {
        switch self {
        case nil: "unknown"
        case let prompt?: prompt.usesLabel ? "yes" : "no"
        }
    }
}

/// A computer, as reports describe it.
public struct Machine: Codable, Equatable, Sendable {
    /// The processor's name.
    public var processor: String
    /// Number of processors that the program may use.
    public var cores: Int
    /// Bytes of memory.
    public var memory: Int
    /// The system and its version.
    public var system: String
    /// The computer's name on the network.
    public var host: String

    /// This computer.
    ///
    /// - Returns: its description; `unknown` where the system gives none.
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

/// Seconds for images and masks.
public struct Speed: Codable, Equatable, Sendable {
    /// Number of measured images; the first one (warm-up) is left out where there are others.
    public var images: Int
    /// Number of measured masks.
    public var masks: Int
    /// Median seconds to encode an image.
    public var encodeSeconds: Double
    /// Median over images of the mean seconds for a mask on an encoded image.
    public var maskSeconds: Double

    /// Images per second, each encoded and given one mask.
    public var framesPerSecond: Double { 1 / max(encodeSeconds + maskSeconds, 1e-9) }

    /// - Parameter times: of images, in order; the result is nil where there are none.
    init?(_ times: [ImageTiming]) {
        let measured = times.count > 1 ? Array(times.dropFirst()) : times
        guard !measured.isEmpty else { return nil }
        images = measured.count
        masks = measured.reduce(0) { $0 + $1.maskCount }
        encodeSeconds = Self.median(measured.map(\.encodeSeconds))
        maskSeconds = Self.median(
            measured.map { $0.maskSeconds / Double(max($0.maskCount, 1)) })
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
