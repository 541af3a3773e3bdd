import Evaluation
import FileIO
import Foundation
import Imaging

/// `run.json`: what a run was made of, so that it can be repeated and told from another.
public struct RunRecord: Codable, Equatable, Sendable {
    /// A later start of the same run.
    public struct Resume: Codable, Equatable, Sendable {
        /// When.
        public var at: Date
        /// The step that it went on from.
        public var step: Int
        /// The words at the terminal.
        public var commandLine: [String]
        /// The computer, which may be another one.
        public var machine: Machine

        /// - Parameters:
        ///   - step: the step that it went on from.
        ///   - at: when.
        ///   - commandLine: the words at the terminal.
        ///   - machine: the computer.
        public init(
            step: Int, at: Date = Date(), commandLine: [String] = CommandLine.arguments,
            machine: Machine = .current()
        ) {
            self.step = step
            self.at = RunRecord.wholeSeconds(at)
            self.commandLine = commandLine
            self.machine = machine
        }
    }

    /// "research use only, not a medical device".
    public private(set) var notice = ResearchNotice.text
    /// All randomness comes from it.
    public var seed: UInt64
    /// A fingerprint of the training data, 64 bits; nil where it was not computed.
    public var dataHash: String?
    /// SHA-256 of the weights that the run started from; nil when it started from nothing.
    public var startWeightsHash: String?
    /// Versions by what they are of: the program, libtorch, Swift.
    public var versions: [String: String]
    /// The computer of the first start.
    public var machine: Machine
    /// The words at the terminal of the first start.
    public var commandLine: [String]
    /// When the run began.
    public var started: Date
    /// When it came to its end; nil while it runs and after a sudden end.
    public var ended: Date?
    /// Why it ended, such as `finished`, `patience` or `time limit`.
    public var end: String?
    /// Later starts, in order.
    public var resumes: [Resume]

    /// - Parameters:
    ///   - seed: all randomness comes from it.
    ///   - dataHash: a fingerprint of the training data.
    ///   - startWeightsHash: SHA-256 of the weights that the run starts from.
    ///   - versions: versions by what they are of; Swift's is added.
    ///   - machine: the computer.
    ///   - commandLine: the words at the terminal.
    ///   - started: when the run began.
    public init(
        seed: UInt64, dataHash: String? = nil, startWeightsHash: String? = nil,
        versions: [String: String], machine: Machine = .current(),
        commandLine: [String] = CommandLine.arguments, started: Date = Date()
    ) {
        self.seed = seed
        self.dataHash = dataHash
        self.startWeightsHash = startWeightsHash
        self.versions = versions.merging(["swift": Self.swiftVersion]) { given, _ in given }
        self.machine = machine
        self.commandLine = commandLine
        self.started = Self.wholeSeconds(started)
        resumes = []
    }

    /// Notes that the run has ended now.
    public mutating func finish() {
        ended = Self.wholeSeconds(Date())
    }

    /// Writes the file, whole or not at all.
    ///
    /// - Parameter path: the file to make or replace.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public func write(to path: String) throws(RunFolderError) {
        try RunJSON.write(self, to: path)
    }

    /// Reads the file.
    ///
    /// - Parameter path: the file, at most 64 MB.
    /// - Returns: the record.
    /// - Throws: ``RunFolderError/unreadable(path:reason:)`` with what is missing.
    public static func read(_ path: String) throws(RunFolderError) -> RunRecord {
        try RunJSON.read(RunRecord.self, path)
    }

    /// The file keeps no fractions.
    fileprivate static func wholeSeconds(_ date: Date) -> Date {
        Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down))
    }

    private static var swiftVersion: String {
        #if compiler(>=6.4)
            "6.4 or newer"
        #elseif compiler(>=6.3)
            "6.3"
        #elseif compiler(>=6.2)
            "6.2"
        #else
            "6.1"
        #endif
    }
}

/// JSON as the run folder writes it: keys in order, times in ISO 8601, readable by people.
public enum RunJSON {
    /// Writes a file such as `summary.json`, whole or not at all; numbers that JSON does not know
    /// become `"nan"` and `"inf"`.
    ///
    /// - Parameters:
    ///   - value: what is written.
    ///   - path: the file to make or replace.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public static func write(_ value: some Encodable, to path: String) throws(RunFolderError) {
        let bytes: [UInt8]
        do {
            bytes = try JSON.encode(
                value, formatVersion: 1, style: .indented, allowsNonFinite: true)
        } catch {
            throw .cannotWrite(path: path, reason: "\(error)")
        }
        try writeRunFile(String(decoding: bytes, as: UTF8.self), to: path)
    }

    /// Reads what ``write(_:to:)`` wrote.
    ///
    /// - Parameters:
    ///   - type: what it holds.
    ///   - path: the file, at most 64 MB.
    /// - Returns: the value.
    /// - Throws: ``RunFolderError/unreadable(path:reason:)`` with what is missing.
    public static func read<Value: Decodable>(
        _ type: Value.Type, _ path: String
    ) throws(RunFolderError) -> Value {
        let text = try readRunFile(path, limit: 64 << 20)
        do throws(JSONError) {
            return try JSON.decode(type, from: text.utf8)
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
    }
}

/// `summary.json`: what came out of a run, in figures.
public struct RunSummary: Codable, Equatable, Sendable {
    /// "research use only, not a medical device".
    public private(set) var notice = ResearchNotice.text
    /// Epochs done.
    public var epochs: Int
    /// Optimizer steps done.
    public var steps: Int
    /// Seconds of work, resumed starts included.
    public var seconds: Double
    /// The step whose weights are `best.safetensors`; nil when nothing was validated.
    public var bestStep: Int?
    /// The validation that made them best, by column of `results.csv`.
    public var best: [String: Double]
    /// The last validation.
    public var last: [String: Double]
    /// Numbers of the network trained in this run.
    public var trainedParameters: Int
    /// Numbers of the network in all.
    public var parameters: Int
    /// Bytes of memory at most; nil where the system does not tell.
    public var peakMemory: Int?
    /// Why the run ended.
    public var end: String

    /// - Parameters:
    ///   - epochs: epochs done.
    ///   - steps: optimizer steps done.
    ///   - seconds: seconds of work, resumed starts included.
    ///   - bestStep: the step whose weights are `best.safetensors`.
    ///   - best: the validation that made them best.
    ///   - last: the last validation.
    ///   - trainedParameters: numbers of the network trained in this run.
    ///   - parameters: numbers of the network in all.
    ///   - peakMemory: bytes of memory at most.
    ///   - end: why the run ended.
    public init(
        epochs: Int, steps: Int, seconds: Double, bestStep: Int?, best: [String: Double],
        last: [String: Double], trainedParameters: Int, parameters: Int,
        peakMemory: Int? = ProcessMemory.peak(), end: String
    ) {
        self.epochs = epochs
        self.steps = steps
        self.seconds = seconds
        self.bestStep = bestStep
        self.best = best
        self.last = last
        self.trainedParameters = trainedParameters
        self.parameters = parameters
        self.peakMemory = peakMemory
        self.end = end
    }

    /// Writes the file, whole or not at all.
    ///
    /// - Parameter path: the file to make or replace.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public func write(to path: String) throws(RunFolderError) {
        try RunJSON.write(self, to: path)
    }
}
