import Evaluation
import FileIO
import Foundation
import Imaging
import Segmentation

/// `run.json`: everything that repeating a run needs.
public struct RunRecord: Codable, Equatable, Sendable {
    /// A resume of the run.
    public struct Resume: Codable, Equatable, Sendable {
        /// Date of the resume.
        public var at: Date
        /// Optimizer step at which the run was resumed.
        public var step: Int
        /// The command line.
        public var commandLine: [String]
        /// The machine of this start.
        public var machine: Machine

        /// - Parameters:
        ///   - step: optimizer step at which the run was resumed.
        ///   - at: date of the resume.
        ///   - commandLine: the command line.
        ///   - machine: the machine of this start.
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
    /// Seed of all random numbers.
    public var seed: UInt64
    /// Fingerprint of the data, 64 bits; nil where it was not computed.
    public var dataHash: String?
    /// SHA-256 of the weights that the run started from; nil for random weights.
    public var startWeightsHash: String?
    /// The adapter in the image encoder, for example `lora-4`; nil for none.
    public var adapter: String?
    /// The classes that the network segments at once; nil for a network of one object.
    public var classes: [ClassLabel]?
    /// Versions of the program, libtorch and Swift, by name.
    public var versions: [String: String]
    /// The machine of the first start.
    public var machine: Machine
    /// The command line of the first start.
    public var commandLine: [String]
    /// Date of the first start.
    public var started: Date
    /// Date of the end; nil while the run is under way and after a kill.
    public var ended: Date?
    /// Why the run ended, for example `finished`, `patience` or `time limit`.
    public var end: String?
    /// All resumes, in order.
    public var resumes: [Resume]

    /// - Parameters:
    ///   - seed: seed of all random numbers.
    ///   - dataHash: fingerprint of the data.
    ///   - startWeightsHash: SHA-256 of the weights that the run starts from.
    ///   - adapter: the adapter in the image encoder.
    ///   - classes: the classes that the network segments at once.
    ///   - versions: versions by name; Swift's is added.
    ///   - machine: the machine.
    ///   - commandLine: the command line.
    ///   - started: date of the start.
    public init(
        seed: UInt64, dataHash: String? = nil, startWeightsHash: String? = nil,
        adapter: String? = nil, classes: [ClassLabel]? = nil, versions: [String: String],
        machine: Machine = .current(),
        commandLine: [String] = CommandLine.arguments, started: Date = Date()
    ) {
        self.seed = seed
        self.dataHash = dataHash
        self.startWeightsHash = startWeightsHash
        self.adapter = adapter
        self.classes = classes
        self.versions = versions.merging(["swift": Self.swiftVersion]) { given, _ in given }
        self.machine = machine
        self.commandLine = commandLine
        self.started = Self.wholeSeconds(started)
        resumes = []
    }

    /// Sets the date of the end to now.
    public mutating func finish() {
        ended = Self.wholeSeconds(Date())
    }

    /// Writes the file atomically.
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

    /// The file holds whole seconds.
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

/// The JSON files of a run folder.
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

/// `summary.json`: the result of a run in figures.
public struct RunSummary: Codable, Equatable, Sendable {
    /// "research use only, not a medical device".
    public private(set) var notice = ResearchNotice.text
    /// Epochs done.
    public var epochs: Int
    /// Optimizer steps done.
    public var steps: Int
    /// Seconds of training over all starts.
    public var seconds: Double
    /// The step of `best.safetensors`; nil without a validation.
    public var bestStep: Int?
    /// The row of the best validation, by column of `results.csv`.
    public var best: [String: Double]
    /// The last row of `results.csv`.
    public var last: [String: Double]
    /// Number of parameters that are trained.
    public var trainedParameters: Int
    /// Number of parameters.
    public var parameters: Int
    /// Peak memory in bytes; nil where the system does not report it.
    public var peakMemory: Int?
    /// Why the run ended.
    public var end: String

    /// - Parameters:
    ///   - epochs: epochs done.
    ///   - steps: optimizer steps done.
    ///   - seconds: seconds of training over all starts.
    ///   - bestStep: the step of `best.safetensors`.
    ///   - best: the row of the best validation.
    ///   - last: the last row of `results.csv`.
    ///   - trainedParameters: number of parameters that are trained.
    ///   - parameters: number of parameters.
    ///   - peakMemory: peak memory in bytes.
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

    /// Writes the file atomically.
    ///
    /// - Parameter path: the file to make or replace.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public func write(to path: String) throws(RunFolderError) {
        try RunJSON.write(self, to: path)
    }
}
