import FileIO
import Foundation
import Imaging
import Inference
import Segmentation
import Synchronization
import Testing

@testable import Server

extension ServerTests {
    @Suite("The queue in front of the model")
    struct QueueTests {
        /// Waits until something is true; fails the test after a minute.
        private func wait(_ condition: () -> Bool) async throws {
            for _ in 0..<6000 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
            try #require(condition())
        }

        private static func question() -> @Sendable (EngineQueue.Session) throws -> Bool {
            { try $0.encoded("key", image: squareImage).wasCached }
        }

        @Test("concurrent requests for one image encode it once")
        func once() async throws {
            let engine = BrightEngine(delay: .milliseconds(50))
            let queue = EngineQueue(engine: engine, limits: .init())
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await queue.run(for: ClientConnection(), Self.question()) }
                }
                let cached = try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                #expect(cached == 7)
            }
            #expect(engine.encodings == 1)
            #expect(queue.counts.cacheHits == 7)
            #expect(queue.counts.waiting == 0)
        }

        @Test("the least recently used image is encoded again")
        func bounded() async throws {
            var limits = ServerConfiguration.Limits()
            limits.encodedImages = 2
            let engine = BrightEngine()
            let queue = EngineQueue(engine: engine, limits: limits)
            for key in ["a", "b", "a", "c", "a", "b"] {
                _ = try await queue.run(for: ClientConnection()) {
                    try $0.encoded(key, image: squareImage).wasCached
                }
            }
            // a, b, c, and b once more.
            #expect(engine.encodings == 4)
        }

        @Test("a full queue is answered with 503 and Retry-After")
        func full() async throws {
            var limits = ServerConfiguration.Limits()
            limits.waitingRequests = 2
            let queue = EngineQueue(engine: BrightEngine(), limits: limits)
            let gate = DispatchSemaphore(value: 0)
            let first = Task { try await queue.run(for: ClientConnection()) { _ in gate.wait() } }
            // The first request leaves the queue when the worker takes it.
            try await wait { queue.counts.started > 0 }
            let others = (0..<2).map { _ in
                Task { try await queue.run(for: ClientConnection()) { _ in } }
            }
            try await wait { queue.counts.waiting == 2 }
            let error = await #expect(throws: RequestError.self) {
                try await queue.run(for: ClientConnection()) { _ in }
            }
            #expect(error?.status == .serviceUnavailable)
            #expect(error?.retryAfter == 1)
            gate.signal()
            try await first.value
            for other in others { try await other.value }
            #expect(queue.counts.refused == 1)
        }

        @Test("a request whose client has gone does not run")
        func gone() async throws {
            let queue = EngineQueue(engine: BrightEngine(), limits: .init())
            let gate = DispatchSemaphore(value: 0)
            let first = Task { try await queue.run(for: ClientConnection()) { _ in gate.wait() } }
            try await wait { queue.counts.started > 0 }
            let client = ClientConnection()
            let flag = Flag()
            let second = Task { try await queue.run(for: client) { _ in flag.set() } }
            try await wait { queue.counts.waiting > 0 }
            client.close()
            gate.signal()
            try await first.value
            await #expect(throws: CancellationError.self) { try await second.value }
            #expect(!flag.isSet)
            #expect(queue.counts.dropped == 1)
        }

        @Test("the server notices that a client has gone")
        func connection() async throws {
            let engine = BrightEngine(delay: .milliseconds(400))
            try await withServer(engine: engine) { client in
                let image = try Data(squarePNG()).base64EncodedString()
                let other = try Data(
                    Image(width: 2, height: 1, channels: 1, pixels: [0, 255]).encodedPNG()
                ).base64EncodedString()
                async let first = client.json(
                    "POST", "/v1/segment", #"{"image":"\#(image)","box":[1,1,30,30]}"#)
                try await Task.sleep(for: .milliseconds(100))
                let body = #"{"image":"\#(other)","box":[0,0,2,1]}"#
                let descriptor = try Client.connect(port: client.port)
                let request =
                    "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
                _ = request.withCString { send(descriptor, $0, strlen($0), 0) }
                try await Task.sleep(for: .milliseconds(50))
                close(descriptor)
                let status1 = try await first.status
                #expect(status1 == 200)
                var text = ""
                for _ in 0..<100 where !text.contains("samus_engine_dropped_total 1") {
                    try await Task.sleep(for: .milliseconds(20))
                    text = try await client.send("GET", "/metrics").text
                }
                #expect(text.contains("samus_engine_dropped_total 1"))
            }
            #expect(engine.encodings == 1)
        }

        @Test("the audit log has one line for each mask, without names")
        func audit() async throws {
            try await withFolder { folder in
                let path = "\(folder)/audit.jsonl"
                try await withServer({ $0.auditLog = path }) { client in
                    for _ in 0..<2 {
                        _ = try await client.form(
                            "POST", "/v1/segment",
                            [
                                ("image", "Jane Doe.png", squarePNG()),
                                ("point", nil, Array("12,22".utf8)),
                                ("client_id", nil, Array("ward 7".utf8)),
                            ])
                    }
                }
                let text = try String(contentsOfFile: path, encoding: .utf8)
                let lines = text.split(separator: "\n")
                try #require(lines.count == 2)
                #expect(!text.contains("Jane") && !text.contains("ward"))
                let entry = try #require(
                    JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
                #expect(entry["image_sha256"] as? String == (try SHA256.hexDigest(of: squarePNG())))
                #expect(entry["weights_sha256"] as? String == "0123")
                let time = try #require(entry["ts"] as? String)
                let date = try Date(
                    time, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
                #expect(abs(date.timeIntervalSinceNow) < 3600, "\(time)")
                #expect((entry["output_sha256"] as? [String])?.first?.count == 64)
                // The same request gives the same mask.
                let outputs = try lines.map {
                    try (JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?[
                        "output_sha256"] as? [String]
                }
                #expect(outputs[0] == outputs[1])
            }
        }

        @Test("a resting model is loaded by the first request, and rests after a time without one")
        func rests() async throws {
            let loads = Mutex(0)
            let engine = RestingEngine(model: BrightEngine().model) {
                loads.withLock { $0 += 1 }
                return BrightEngine()
            }
            var limits = ServerConfiguration.Limits()
            limits.restSeconds = 1
            let queue = EngineQueue(engine: engine, limits: limits)
            #expect(queue.model.name == "bright")
            #expect(!engine.isLoaded)
            for round in 1...2 {
                let wasCached = try await queue.run(for: ClientConnection()) { session in
                    try session.encoded("a") { squareImage() }.wasCached
                }
                // What the former engine had encoded went with it.
                #expect(!wasCached)
                #expect(loads.withLock { $0 } == round)
                for _ in 0..<12_000 where engine.isLoaded {
                    try await Task.sleep(for: .milliseconds(50))
                }
                #expect(!engine.isLoaded)
            }
        }

        @Test("a model that cannot be loaded is an error of its request")
        func cannotBeLoaded() async throws {
            struct Missing: Error {}
            let engine = RestingEngine(model: BrightEngine().model) { throw Missing() }
            let queue = EngineQueue(engine: engine, limits: .init())
            await #expect(throws: Missing.self) {
                try await queue.run(for: ClientConnection()) { session in
                    _ = try session.encoded("a") { squareImage() }
                }
            }
            #expect(queue.networks.isEmpty)
        }
    }
}

/// A flag that one thread sets and another reads.
private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}
