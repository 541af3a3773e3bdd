import FileIO
import Foundation
import Logging

/// The log of the server: one JSON object a line on standard error.
///
/// It has routes, not addresses, so that no file name or patient's name of a request gets into it.
enum ServerLog {
    /// The logger of the server and of the libraries below it.
    static let shared = Logger(label: "samus-server") { _ in JSONLogHandler() }

    /// For the libraries, which log only what goes wrong.
    static let quiet = {
        var logger = shared
        logger.logLevel = .warning
        return logger
    }()
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
        fields["ts"] = Date.now.formatted(.iso8601.time(includingFractionalSeconds: true))
        fields["level"] = event.level.rawValue
        fields["message"] = "\(event.message)"
        guard let line = try? JSON.encode(fields, keys: .exact) else { return }
        try? FileHandle.standardError.write(contentsOf: Data(line + [UInt8(ascii: "\n")]))
    }
}
