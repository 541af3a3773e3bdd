import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Imaging
import Logging
import NIOCore
import Segmentation
import ServiceLifecycle
import UnixSignals

/// The HTTP server: the page, its own interface, and the protocols of other programs.
public struct SegmentationServer: Sendable {
    let service: SegmentationService
    private let training: TrainingService
    let configuration: ServerConfiguration
    let routes: [RouteTable.Route]
    private let responder: RouterResponder<ServerContext>
    private let connections = ClientConnections()

    /// Prepares the server without listening.
    ///
    /// - Parameters:
    ///   - engine: the model.
    ///   - configuration: address, access and limits.
    ///   - load: loads a model bundle by its path, and the model of `engine` for nil; nil where the
    ///     server cannot change its model.
    /// - Throws: ``ServerConfigurationError``, `FileError` if there is no temporary folder.
    public init(
        engine: any SegmentationEngine, configuration: ServerConfiguration,
        load: (@Sendable (_ bundle: String?) throws -> any SegmentationEngine)? = nil
    ) throws {
        try configuration.check()
        let data = try configuration.dataFolder.map { path throws(ServerConfigurationError) in
            try DataFolder(path)
        }
        let archive = try configuration.archive.map { address throws(ServerConfigurationError) in
            let archive = try Archive(
                address, allowsPlainHTTP: configuration.allowsPlainHTTP,
                largestFile: configuration.limits.bodyBytes,
                limit: configuration.limits.fetchedBytes)
            do throws(ServerConfigurationError) {
                try archive.check()
            } catch {
                archive.close()
                throw error
            }
            return archive
        }
        let audit = try configuration.auditLog.map { path throws(ServerConfigurationError) in
            try AuditLog(path)
        }
        service = SegmentationService(
            version: configuration.version,
            queue: EngineQueue(engine: engine, limits: configuration.limits),
            store: try ImageStore(data: archive ?? data, limits: configuration.limits),
            annotations: data.map { AnnotationStore($0) },
            drafts: data.map { DraftStore(root: $0.root) }, archive: archive, audit: audit,
            limits: configuration.limits)
        training = TrainingService(
            service: service,
            trainer: data.map {
                Trainer(
                    root: $0.root,
                    program: configuration.trainer.map { .init(path: $0.program, model: $0.model) })
            }, load: load)
        self.configuration = configuration

        let (metrics, allowed) = (ServerMetrics(), AllowedMethods())
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(
            middleware: RequestObserver(
                connections: connections, metrics: metrics, allowed: allowed,
                logsRequests: configuration.logsRequests))
        router.add(
            middleware: AccessGuard(
                configuration: configuration, openPaths: PageRoutes.openPaths))
        router.add(middleware: BodyGuard(limits: configuration.limits))
        var table = RouteTable(router: router)
        PageRoutes().add(to: &table)
        StatusRoutes(service: service, metrics: metrics, connections: connections)
            .add(to: &table)
        PlainRoutes(service).add(to: &table)
        TrackRoutes(service).add(to: &table)
        AnnotationRoutes(service).add(to: &table)
        DraftRoutes(service).add(to: &table)
        SegmentationExport(service).add(to: &table)
        ArchiveRoutes(service).add(to: &table)
        TrainingRoutes(training).add(to: &table)
        XAnyLabeling(service: service).add(to: &table)
        MONAILabel(
            service: service, training: training, labels: LabelFiles(root: configuration.dataFolder)
        )
        .add(to: &table)
        OpenInference(service: service).add(to: &table)
        LabelStudio(service: service).add(to: &table)
        CVATInteractor(service: service).add(to: &table)
        routes = table.routes
        allowed.set(routes)
        responder = router.buildResponder()
    }

    /// Listens until the process gets SIGTERM, SIGINT or SIGHUP, then finishes the running requests.
    ///
    /// - Parameter onStart: called with the port once the server listens.
    /// - Throws: ``ServerConfigurationError/cannotListen(host:port:reason:)``, errors of a service.
    public func run(onStart: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
        try await run(signals: [.sigterm, .sigint, .sighup], onStart: onStart)
    }

    /// Listens until the task is cancelled or one of the signals arrives.
    func run(
        signals: [UnixSignal], onStart: @escaping @Sendable (Int) -> Void
    ) async throws {
        defer {
            training.trainer?.close()
            service.archive?.close()
            service.store.close()
        }
        let limits = configuration.limits
        let connections = connections
        let application = Application(
            responder: responder,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [connections.handler()],
                    idleTimeout: .seconds(Int64(limits.idleSeconds)),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: limits.headerBytes,
                        maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: 100))),
            configuration: .init(
                address: .hostname(configuration.host, port: configuration.port), backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    limits.connections, logger: ServerLog.shared)),
            onServerRunning: { channel in onStart(channel.localAddress?.port ?? 0) },
            logger: ServerLog.quiet)
        do {
            let group = ServiceGroup(
                configuration: .init(
                    services: [application], gracefulShutdownSignals: signals,
                    logger: ServerLog.quiet))
            try await group.run()
        } catch let error as IOError {
            throw ServerConfigurationError.cannotListen(
                host: configuration.host, port: configuration.port,
                reason: String(cString: strerror(error.errnoCode)))
        }
    }
}
