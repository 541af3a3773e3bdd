import Foundation
import Imaging
import Segmentation
import Synchronization

@testable import Server

/// A formula instead of a network: a click gives all pixels of its grey level, a box gives the
/// bright pixels in it.
final class BrightEngine: SegmentationEngine {
    let model: ModelDescription
    private let count = Atomic(0)
    /// Time that encoding takes.
    let delay: Duration
    let estimate: Float

    init(name: String = "bright", delay: Duration = .zero, estimate: Float = 0.75) {
        model = ModelDescription(name: name, architecture: .samus, sha256: "0123", licence: nil)
        self.delay = delay
        self.estimate = estimate
    }

    /// Number of images encoded so far.
    var encodings: Int { count.load(ordering: .relaxed) }

    func encode(_ image: Image) throws -> any EncodedImage {
        count.add(1, ordering: .relaxed)
        if delay > .zero {
            Thread.sleep(forTimeInterval: Double(delay.components.attoseconds) / 1e18)
        }
        return BrightImage(
            model: model, image: image.grey(),
            geometry: InputGeometry(
                original: image.size, inputSize: image.width, preprocessing: .samus),
            estimate: estimate)
    }
}

private struct BrightImage: EncodedImage {
    let model: ModelDescription
    let image: Image
    let geometry: InputGeometry
    let estimate: Float

    func predict(_ prompts: [Prompt.Checked], multimask: Bool) throws -> [[MaskPrediction]] {
        prompts.map { [prediction($0.prompt)] }
    }

    func predictPromptFree() throws -> MaskPrediction {
        throw EngineError.needsPrompt(model: model.name)
    }

    private func prediction(_ prompt: Prompt) -> MaskPrediction {
        let grey = prompt.foregroundPoints.first.map {
            Int(image.pixels[Int($0.y.rounded()) * image.width + Int($0.x.rounded())])
        }
        let values = image.pixels.enumerated().map { index, pixel -> Float in
            let (x, y) = (Double(index % image.width), Double(index / image.width))
            let isInBox = prompt.box.map {
                $0.x0 <= x && x <= $0.x1 && $0.y0 <= y && y <= $0.y1 && pixel > 100
            }
            let isAlike = grey.map { $0 > 100 && abs($0 - Int(pixel)) < 10 }
            return isInBox ?? isAlike ?? false ? 1 : -1
        }
        return MaskPrediction(
            logits: Planes(channels: 1, height: image.height, width: image.width, values: values),
            iouEstimate: estimate)
    }
}

/// An image of 40x40 pixels with a bright square of 10x10 whose first pixel is (10, 20).
func squareImage() -> Image {
    var pixels = [UInt8](repeating: 20, count: 1600)
    for y in 20..<30 { for x in 10..<20 { pixels[40 * y + x] = 200 } }
    return Image(width: 40, height: 40, channels: 1, pixels: pixels)
}

func squarePNG() throws -> [UInt8] { try squareImage().encodedPNG() }

/// An answer of the server.
struct Reply: Sendable {
    let status: Int
    /// Names in lower case.
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON.
    func object() throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] ?? [:]
    }

    /// The text under the key `error`.
    var error: String { ((try? object())?["error"] as? String) ?? "" }
}

/// A client that sends exactly what a test gives it.
struct Client: Sendable {
    let port: Int
    /// All routes of the server.
    var routes: [(method: String, path: String)] = []

    /// Sends a request and reads the whole answer.
    func send(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8] = []
    ) async throws -> Reply {
        var head = "\(method) \(path) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.0 == "Host" }) { head += "Host: localhost:\(port)\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        head += "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
        return try await raw(Array(head.utf8) + body)
    }

    func json(_ method: String, _ path: String, _ text: String) async throws -> Reply {
        try await send(
            method, path, headers: [("Content-Type", "application/json")], body: Array(text.utf8))
    }

    /// Sends a form; each part has a name, a file's name or none, and its content.
    func form(
        _ method: String, _ path: String, _ parts: [(String, String?, [UInt8])]
    ) async throws -> Reply {
        var body: [UInt8] = []
        for (name, filename, content) in parts {
            let file = filename.map { "; filename=\"\($0)\"" } ?? ""
            body += Array(
                "--cut\r\nContent-Disposition: form-data; name=\"\(name)\"\(file)\r\n\r\n".utf8)
            body += content + Array("\r\n".utf8)
        }
        body += Array("--cut--\r\n".utf8)
        return try await send(
            method, path, headers: [("Content-Type", "multipart/form-data; boundary=cut")],
            body: body)
    }

    /// Sends bytes and reads until the server closes the connection.
    ///
    /// - Parameter bytes: what is sent.
    /// - Returns: the answer; status 0 if the server closed without one.
    /// - Throws: if there is no connection.
    func raw(_ bytes: [UInt8]) async throws -> Reply {
        let port = port
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try Self.exchange(bytes, port: port) })
            }
        }
    }

    /// Opens a connection.
    static func connect(port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, size)
            }
        }
        guard result == 0 else { throw POSIXError(.ECONNREFUSED) }
        return descriptor
    }

    private static func exchange(_ bytes: [UInt8], port: Int) throws -> Reply {
        let descriptor = try connect(port: port)
        defer { close(descriptor) }
        // Longer than any limit of the server, also on a busy machine: a server that keeps the connection
        // open is an error, not the end of an answer.
        var timeout = timeval(tv_sec: 600, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            // The server may answer and close before it has read everything.
            guard count > 0 else { break }
            sent += count
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EAGAIN || errno == EWOULDBLOCK { throw POSIXError(.ETIMEDOUT) }
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        return reply(answer)
    }

    private static func reply(_ answer: [UInt8]) -> Reply {
        guard let end = Data(answer).range(of: Data("\r\n\r\n".utf8)) else {
            return Reply(status: 0, headers: [:], body: answer)
        }
        let lines = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
            .split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] =
                line[line.index(after: colon)...]
                .trimmingPrefix(" ").description
        }
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return Reply(status: status ?? 0, headers: headers, body: Array(answer[end.upperBound...]))
    }
}

/// Runs a server on a free port while a test uses it.
func withServer<Result: Sendable>(
    engine: any SegmentationEngine = BrightEngine(),
    load: (@Sendable (String?) throws -> any SegmentationEngine)? = nil,
    _ configure: (inout ServerConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (Client) async throws -> Result
) async throws -> Result {
    var configuration = ServerConfiguration()
    configuration.port = 0
    configuration.version = "1.2.3"
    configure(&configuration)
    let server = try SegmentationServer(
        engine: engine, configuration: configuration, load: load)
    let (ports, started) = AsyncStream<Int>.makeStream()
    let running = Task {
        defer { started.finish() }
        try await server.run(signals: []) { started.yield($0) }
    }
    defer { running.cancel() }
    guard let port = await ports.first(where: { _ in true }) else {
        try await running.value
        throw POSIXError(.ECONNREFUSED)
    }
    let routes = server.routes.map { (method: $0.method.rawValue, path: $0.path) }
    return try await body(Client(port: port, routes: routes))
}

/// A temporary folder that is removed afterwards.
func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = NSTemporaryDirectory() + "samus-server-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}
