import FileIO
import Foundation
import Imaging
import Synchronization
import Testing

@testable import Server

/// A DICOMweb server with one object, which keeps what it is sent.
private final class FakeArchive: Sendable {
    static let (study, series, instance) = ("1.2.3", "1.2.3.4", "1.2.3.4.5")
    let file: [UInt8]
    let stored = Mutex<[String]>([])
    let isBroken = Atomic(false)

    init() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/dicom/jpeg-cine.dcm").standardizedFileURL
        file = [UInt8](try Data(contentsOf: path))
    }

    private func answer(_ request: String) -> (status: String, type: String, body: [UInt8]) {
        let line = request.prefix { $0 != "\r\n" }
        let (series, uid) = (Self.series, Self.instance)
        if isBroken.load(ordering: .relaxed) { return ("200 OK", "text/html", Array("<p>".utf8)) }
        if line.hasPrefix("POST") {
            stored.withLock { $0.append(String(line)) }
            return ("200 OK", "application/dicom+json", Array("{}".utf8))
        }
        if line.contains("/instances/\(uid) ") {
            let head = "--b\r\nContent-Type: application/dicom\r\n\r\n"
            return (
                "200 OK", "multipart/related; type=\"application/dicom\"; boundary=b",
                Array(head.utf8) + file + Array("\r\n--b--\r\n".utf8)
            )
        }
        let object =
            #"{"0020000D":{"vr":"UI","Value":["1.2.3"]},"0020000E":{"vr":"UI","Value":["\#(series)"]},"00080018":{"vr":"UI","Value":["\#(uid)"]},"00080020":{"vr":"DA","Value":["20240501"]},"0008103E":{"vr":"LO","Value":["Heart"]},"00200013":{"vr":"IS","Value":[7]}}"#
        // A second one whose UID is none.
        let damaged = #"{"0020000D":{"vr":"UI","Value":["../x"]}}"#
        let list = line.contains("SOPInstanceUID=") ? "" : "\(object),\(damaged)"
        return ("200 OK", "application/dicom+json", Array("[\(list)]".utf8))
    }

    /// Ends the thread that listens.
    static func end(_ descriptor: Int32) {
        // Closing alone would not wake it.
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    /// Answers requests on a free port until ``end(_:)``.
    func listen() throws -> (address: String, descriptor: Int32) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutableBytes(of: &place) { bytes -> UInt16 in
            bytes.withMemoryRebound(to: sockaddr.self) { name in
                _ = bind(descriptor, name.baseAddress, length)
                _ = Glibc.listen(descriptor, 16)
                getsockname(descriptor, name.baseAddress, &length)
            }
            return bytes.load(as: sockaddr_in.self).sin_port.byteSwapped
        }
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                var request: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                var wanted = Int.max
                while request.count < wanted {
                    let count = read(connection, &buffer, buffer.count)
                    guard count > 0 else { break }
                    request += buffer[..<count]
                    if wanted == .max,
                        let end = Data(request).range(of: Data("\r\n\r\n".utf8))?.upperBound
                    {
                        let head = String(decoding: request[..<end], as: UTF8.self)
                        let size = head.firstMatch(of: #/(?i)content-length: (\d+)/#)
                        wanted = end + (size.flatMap { Int($0.1) } ?? 0)
                    }
                }
                let (status, type, body) = answer(String(decoding: request, as: UTF8.self))
                let head =
                    "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n"
                let bytes = Array(head.utf8) + body
                var sent = 0
                while sent < bytes.count {
                    let count = bytes[sent...].withUnsafeBytes {
                        write(connection, $0.baseAddress, $0.count)
                    }
                    guard count > 0 else { break }
                    sent += count
                }
                close(connection)
            }
        }
        return ("http://127.0.0.1:\(port)/dicom-web", descriptor)
    }
}

extension ServerTests {
    @Suite("An archive in place of a folder")
    struct ArchiveTests {
        @Test("images are listed and fetched, and masks stored as DICOM SEG")
        func archive() async throws {
            let fake = try FakeArchive()
            let (address, descriptor) = try fake.listen()
            defer { FakeArchive.end(descriptor) }
            try await withServer({ $0.archive = address }) { client in
                let list = try await client.send("GET", "/v1/images").object()
                let images = try #require(list["images"] as? [[String: Any]])
                #expect(images.count == 1)
                #expect(list["can_store"] as? Bool == true)
                #expect(list["can_accept"] as? Bool == false)
                let name = try #require(images[0]["name"] as? String)
                #expect(name.hasPrefix("20240501, Heart, series ?, image 7"))
                let id = try #require(images[0]["id"] as? String)
                let image = try await client.send("GET", "/v1/images/\(id)").object()
                #expect(image["format"] as? String == "dicom")
                // As OHIF and 3D Slicer name images.
                for uid in [FakeArchive.series, FakeArchive.instance] {
                    let same = try await client.send("GET", "/v1/images/\(uid)").object()
                    #expect(same["id"] as? String == id)
                }
                let (width, height) = (
                    try #require(image["width"] as? Int), try #require(image["height"] as? Int)
                )
                let values = (0..<width * height).map { UInt8($0 % width < 5 ? 1 : 0) }
                let runs = Mask(width: width, height: height, values: values).runLength()
                let counts = String(decoding: try JSON.encode(runs.compressed), as: UTF8.self)
                let body =
                    #"{"segments":[{"label":"a","masks":[{"frame":1,"size":[\#(height),\#(width)],"counts":\#(counts)}]}]}"#
                let reply = try await client.json("POST", "/v1/images/\(id)/seg/store", body)
                #expect(reply.status == 201, "\(reply.text)")
                #expect(try reply.object()["stored"] as? Bool == true)
                #expect(fake.stored.withLock { $0.count } == 1)
                let uploaded = try await client.send("POST", "/v1/images", body: squarePNG())
                let other = try #require(try uploaded.object()["id"] as? String)
                let refused = try await client.json("POST", "/v1/images/\(other)/seg/store", body)
                #expect(refused.status == 422)
            }
        }

        @Test("an archive that answers nonsense is named, before the start and afterwards")
        func broken() async throws {
            let fake = try FakeArchive()
            let (address, descriptor) = try fake.listen()
            defer { FakeArchive.end(descriptor) }
            try await withServer({ $0.archive = address }) { client in
                fake.isBroken.store(true, ordering: .relaxed)
                let reply = try await client.send("GET", "/v1/images")
                #expect(reply.status == 502)
                #expect(reply.error.contains("the archive: the server's answer cannot be used"))
            }
            var configuration = ServerConfiguration()
            configuration.archive = address
            #expect(throws: ServerConfigurationError.self) {
                try SegmentationServer(engine: BrightEngine(), configuration: configuration)
            }
            try await withServer { client in
                let reply = try await client.json("POST", "/v1/images/x/seg/store", "{}")
                #expect(reply.status == 404)
            }
        }
    }
}
