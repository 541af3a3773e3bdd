import ArgumentParser
import Commands
import FileIO
import Foundation
import Segmentation
import Server

/// `samus-server`, which `samus serve` starts.
struct ServerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "samus-server",
        abstract: "Segment in the browser, and answer other programs over HTTP.",
        discussion: ServeOptions.discussion, version: "samus \(ProgramVersion.current)")

    @OptionGroup var options: ServeOptions

    func run() throws {
        let configuration = configuration
        do throws(ServerConfigurationError) {
            try configuration.check()
        } catch {
            throw ValidationError(error.description)
        }
        let (engine, rests) = (options.engine, options.idle != nil)
        let model: any SegmentationEngine
        if rests {
            model = try ServedModel.resting(engine)
        } else {
            let served = try ServedModel(engine)
            served.notes.forEach(Terminal.log)
            model = served.engine
        }
        let server = try withExitStatus(.input) {
            try SegmentationServer(engine: model, configuration: configuration) { bundle in
                let options = bundle.map(engine.with(model:)) ?? engine
                // Loaded once in any case, so that a damaged bundle does not replace what works.
                let loaded = try ServedModel(options).engine
                return rests ? try ServedModel.resting(options) : loaded
            }
        }
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        try Self.wait {
            try await server.run { port in
                Terminal.log(
                    "\(model.model.name) is ready: http://\(host):\(port)/ (research use "
                        + "only, not a medical device)")
            }
        }
    }

    private var configuration: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.host = options.host
        configuration.port = options.port
        let environment = ProcessInfo.processInfo.environment["SAMUS_TOKEN"] ?? ""
        configuration.token = options.token ?? (environment.isEmpty ? nil : environment)
        configuration.allowedOrigins = options.allowOrigin
        if options.servesArchive {
            configuration.archive = options.data
        } else {
            configuration.dataFolder = options.data
        }
        configuration.allowsPlainHTTP = options.allowHttp
        configuration.auditLog = options.auditLog
        configuration.logsRequests = options.logRequests
        configuration.trainer = TrainingPrograms.path.map { path in
            .init(program: path, model: options.engine.bundlePath ?? options.engine.model)
        }
        configuration.version = ProgramVersion.current
        configuration.limits.bodyBytes = options.maxRequest << 20
        configuration.limits.pixels = options.maxPixels * 1_000_000
        configuration.limits.waitingSeconds = options.timeLimit
        configuration.limits.bodySeconds = options.timeLimit
        configuration.limits.waitingRequests = options.queue
        configuration.limits.restSeconds = options.idle.map { 60 * $0 }
        return configuration
    }

    /// Runs asynchronous work on other threads while the main thread waits.
    private static func wait(_ body: @escaping @Sendable () async throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        let failure = Failure()
        Task {
            do { try await body() } catch { failure.error = error }
            done.signal()
        }
        done.wait()
        if let error = failure.error { throw ExitError(.unavailable, "\(error)") }
    }
}

/// An error from another thread; written before the semaphore is signalled, and read after it.
private final class Failure: @unchecked Sendable {
    var error: (any Error)?
}
