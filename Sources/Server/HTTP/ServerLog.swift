import FileIO
import Foundation
import Logging
import Segmentation

/// The log of the server: one JSON object a line on standard error.
///
/// It has routes, not addresses, so that no file name or patient's name of a request gets into it.
enum ServerLog {
    /// The logger of the server and of the libraries below it.
    static let shared = Logger(label: "samus-server") { _ in JSONLogHandler() }

    /// Logs an error that the server, not the request, is to blame for.
    ///
    /// - Parameters:
    ///   - message: what could not be done.
    ///   - error: why; only what it says without paths and names is written.
    static func failed(_ message: Logger.Message, because error: any Error) {
        shared.error(message, metadata: ["reason": "\(reason(of: error))"])
    }

    /// The reason of an error without paths, which may have names of patients.
    static func reason(of error: any Error) -> String {
        switch error {
        case let error as FileReadError: error.reason
        case let error as FileError: error.reason
        case let error as RequestError: error.message
        case let error as EngineError: error.description
        case let error as CocoaError: "\(type(of: error)) \(error.code.rawValue)"
        default: "\(type(of: error))"
        }
    }

    /// For the libraries, which log only what goes wrong.
    static let quiet = {
        var logger = shared
        logger.logLevel = .warning
        return logger
    }()
}

extension Date {
    /// Date and time in UTC, with milliseconds: `2026-11-30T12:29:45.767Z`.
    var timestamp: String { formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)) }
}

private struct JSONLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
            .mapValues { "\($0)" }
        fields["ts"] = Date.now.timestamp
        fields["level"] = event.level.rawValue
        fields["message"] = "\(event.message)"
        guard let line = try? JSON.encode(fields, keys: .exact) else { return }
        try? FileHandle.standardError.write(contentsOf: Data(line + [UInt8(ascii: "\n")]))
    }
}
