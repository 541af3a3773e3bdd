import Foundation
import Synchronization

/// Counts requests and writes them, with the state of the queue, in Prometheus' text format.
final class ServerMetrics: Sendable {
    private struct Key: Hashable {
        let method: String
        let route: String
        let status: Int
    }

    private struct Histogram {
        static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
        var counts = [Int](repeating: 0, count: bounds.count)
        var sum = 0.0
        var count = 0

        mutating func add(_ seconds: Double) {
            for (index, bound) in Self.bounds.enumerated() where seconds <= bound {
                counts[index] += 1
            }
            sum += seconds
            count += 1
        }
    }

    private struct State {
        var requests: [Key: Int] = [:]
        var seconds: [String: Histogram] = [:]
        var running = 0
    }

    private let state = Mutex(State())
    private let start = Date.now

    func begin() {
        state.withLock { $0.running += 1 }
    }

    /// Counts an answered request.
    ///
    /// - Parameters:
    ///   - method: GET, POST and so on; others are counted as one.
    ///   - route: the route, not the path, so that the number of names is limited.
    ///   - status: of the answer.
    ///   - seconds: duration.
    func end(method: String, route: String, status: Int, seconds: Double) {
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"].contains(method)
        state.withLock { state in
            state.running -= 1
            let key = Key(method: known ? method : "other", route: route, status: status)
            state.requests[key, default: 0] += 1
            state.seconds[route, default: Histogram()].add(seconds)
        }
    }

    /// The metrics as text.
    func text(
        queue: EngineQueue.Counts, connections: Int, images: (count: Int, bytes: Int),
        version: String
    ) -> String {
        let state = state.withLock { $0 }
        var lines: [String] = []
        func metric(_ name: String, _ kind: String, _ help: String, _ values: [(String, Any)]) {
            lines.append("# HELP \(name) \(help)")
            lines.append("# TYPE \(name) \(kind)")
            lines += values.map { "\(name)\($0.0) \($0.1)" }
        }
        metric("samus_info", "gauge", "The running version.", [("{version=\"\(version)\"}", 1)])
        metric(
            "samus_http_requests_total", "counter", "Answered requests.",
            state.requests.map { key, count in
                (
                    "{method=\"\(key.method)\",route=\"\(key.route)\",status=\"\(key.status)\"}",
                    count as Any
                )
            }.sorted { $0.0 < $1.0 })
        lines.append("# HELP samus_http_request_seconds Duration of requests.")
        lines.append("# TYPE samus_http_request_seconds histogram")
        for (route, histogram) in state.seconds.sorted(by: { $0.key < $1.key }) {
            let name = "samus_http_request_seconds"
            for (bound, count) in zip(Histogram.bounds, histogram.counts) {
                lines.append("\(name)_bucket{route=\"\(route)\",le=\"\(bound)\"} \(count)")
            }
            lines.append("\(name)_bucket{route=\"\(route)\",le=\"+Inf\"} \(histogram.count)")
            lines.append("\(name)_sum{route=\"\(route)\"} \(histogram.sum)")
            lines.append("\(name)_count{route=\"\(route)\"} \(histogram.count)")
        }
        metric("samus_http_running", "gauge", "Requests being answered.", [("", state.running)])
        metric("samus_http_connections", "gauge", "Open connections.", [("", connections)])
        metric("samus_engine_waiting", "gauge", "Requests in the queue.", [("", queue.waiting)])
        metric(
            "samus_engine_encodings_total", "counter", "Encoded images.", [("", queue.encodings)])
        metric(
            "samus_engine_encoding_seconds_total", "counter", "Time spent encoding.",
            [("", queue.secondsEncoding)])
        metric(
            "samus_engine_cache_hits_total", "counter", "Images that were already encoded.",
            [("", queue.cacheHits)])
        metric(
            "samus_engine_refused_total", "counter", "Requests refused because the queue was full.",
            [("", queue.refused)])
        metric(
            "samus_engine_dropped_total", "counter",
            "Requests dropped because the client had gone or they had waited too long.",
            [("", queue.dropped)])
        metric("samus_images", "gauge", "Uploaded images in memory.", [("", images.count)])
        metric("samus_image_bytes", "gauge", "Their size.", [("", images.bytes)])
        metric(
            "process_start_time_seconds", "gauge", "Start of the server.",
            [("", start.timeIntervalSince1970)])
        if let memory = Self.residentBytes {
            metric("process_resident_memory_bytes", "gauge", "Resident memory.", [("", memory)])
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Resident memory of this process; nil where the system does not say.
    private static var residentBytes: Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
