import FileIO
import Foundation
import Hummingbird
import Imaging

/// `/health` and `/metrics`.
struct StatusRoutes {
    let service: SegmentationService
    let metrics: ServerMetrics
    let connections: ClientConnections

    func add(to table: inout RouteTable) {
        table.add(.get, "/health", health)
        table.add(.get, "/metrics", metricsText)
    }

    @Sendable private func health(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        // The keys `status`, `models_loaded` and `timestamp` are X-AnyLabeling's.
        struct Body: Encodable {
            let status = "healthy"
            let modelsLoaded = 1
            let timestamp: String
            let version: String
            let model: String
            /// Whether the model takes points and boxes.
            let takesPrompts: Bool
            let notice = ResearchNotice.text
        }
        return try .json(
            Body(
                timestamp: Date.now.formatted(.iso8601), version: service.version,
                model: service.model.name,
                takesPrompts: !service.model.architecture.isPromptFree))
    }

    @Sendable private func metricsText(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let text = metrics.text(
            queue: service.queue.counts, connections: connections.count,
            images: service.store.usage, version: service.version)
        return .data(text.utf8, type: "text/plain; version=0.0.4; charset=utf-8")
    }
}
