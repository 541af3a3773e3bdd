import Foundation
import Testing

@testable import Server

extension ServerTests {
    @Suite("Hostile clients")
    struct AbuseTests {
        @Test("a client that sends its header or its body too slowly is cut off")
        func slow() async throws {
            try await withServer({ configuration in
                configuration.limits.idleSeconds = 1
                configuration.limits.bodySeconds = 1
            }) { client in
                for start in [
                    "GET / HTTP/1.1\r\nHost: local",
                    "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
                ] {
                    // Throws if the server keeps the connection.
                    let reply = try await client.raw(Array(start.utf8))
                    #expect([0, 400, 408].contains(reply.status), "\(reply.status)")
                }
                let status1 = try await client.send("GET", "/health").status
                #expect(status1 == 200)
            }
        }

        @Test("bodies that together are too large are refused until one is answered")
        func manyBodies() async throws {
            try await withServer({ configuration in
                configuration.limits.allBodyBytes = 10_000
                configuration.limits.bodySeconds = 60
            }) { client in
                let start =
                    "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n{"
                var waiting: Int32 = -1
                defer { close(waiting) }
                var refused = Reply(status: 0, headers: [:], body: [])
                // The server may read the small request first, and then refuses the one that waits.
                for _ in 0..<50 where refused.status != 503 {
                    if waiting >= 0 { close(waiting) }
                    waiting = try Client.connect(port: client.port)
                    _ = start.withCString { send(waiting, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
                    try await Task.sleep(for: .milliseconds(100))
                    refused = try await client.json("POST", "/v1/segment", padded(2000))
                }
                #expect(
                    refused.status == 503 && refused.headers["retry-after"] == "5",
                    "\(refused.status) \(refused.text)")
                let small = try await client.json("POST", "/v1/segment", "{}")
                #expect(small.status != 503)
                shutdown(waiting, Int32(SHUT_RDWR))
                var accepted = try await client.json("POST", "/v1/segment", padded(2000))
                for _ in 0..<100 where accepted.status == 503 {
                    try await Task.sleep(for: .milliseconds(100))
                    accepted = try await client.json("POST", "/v1/segment", padded(2000))
                }
                #expect(accepted.status != 503)
            }
        }

        /// An empty object of JSON with so many bytes.
        private func padded(_ bytes: Int) -> String {
            "{" + String(repeating: " ", count: bytes - 2) + "}"
        }

        @Test("a body that is announced too large is refused before it is sent")
        func announced() async throws {
            let reply = try await withServer { client in
                try await client.raw(
                    Array(
                        "POST /v1/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
                            .utf8))
            }
            #expect(reply.status == 413)
        }

        @Test("a header above the limit is refused")
        func header() async throws {
            try await withServer { client in
                let reply = try await client.send(
                    "GET", "/health", headers: [("X", String(repeating: "a", count: 100_000))])
                #expect([0, 400, 431].contains(reply.status))
                let status2 = try await client.send("GET", "/health").status
                #expect(status2 == 200)
            }
        }

        @Test(
            "malformed requests get an answer or a closed connection",
            arguments: [
                "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\u{1}\u{2}",
                "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
                "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
                "POST /v1/segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                "GET /v1/images/%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "GET /v1/images?limit=99999999999999999999 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "GET //////etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            ])
        func malformed(request: String) async throws {
            try await withServer({ $0.limits.idleSeconds = 1 }) { client in
                let reply = try await client.raw(Array(request.utf8))
                #expect(reply.status != 200 && reply.status != 500, "\(reply.status) \(reply.text)")
                let status3 = try await client.send("GET", "/health").status
                #expect(status3 == 200)
            }
        }

        @Test("random changes of valid requests never stop the server or give an error 500")
        func fuzz() async throws {
            var random = SystemRandomNumberGenerator()
            let image = try Data(squarePNG()).base64EncodedString()
            let valid = [
                (
                    "/v1/segment", "application/json",
                    #"{"image":"\#(image)","box":[1,2,30,35],"mask":"rle"}"#
                ),
                (
                    "/v1/segment", "multipart/form-data; boundary=b",
                    "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\nx\r\n--b\r\n"
                        + "Content-Disposition: form-data; name=\"point\"\r\n\r\n1,2\r\n--b--\r\n"
                ),
                (
                    "/v2/models/samus/infer", "application/json",
                    #"{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["\#(image)"]},{"name":"box","shape":[4],"datatype":"FP32","data":[1,2,30,35]}]}"#
                ),
                (
                    "/predict", "application/json",
                    #"{"tasks":[{"data":{"image":"x"}}],"params":{"context":{"result":[]}}}"#
                ),
                ("/", "application/json", #"{"image":"\#(image)","pos_points":[[12,22]]}"#),
                (
                    "/infer/samus", "application/json",
                    #"{"foreground":[[1,2,0]],"roi":[1,2,3,4,5,6]}"#
                ),
            ]
            var requests: [(String, String, [UInt8])] = []
            for _ in 0..<150 {
                let (path, type, body) = valid[Int.random(in: 0..<valid.count, using: &random)]
                var bytes = Array(body.utf8)
                for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes.remove(at: place)
                    default: bytes.removeSubrange(place...)
                    }
                }
                requests.append((path, type, bytes))
            }
            let sent = requests
            try await withServer { client in
                for (path, type, body) in sent {
                    let reply = try await client.send(
                        "POST", path, headers: [("Content-Type", type)], body: body)
                    #expect(
                        (200..<500).contains(reply.status) || reply.status == 501,
                        "\(reply.status) \(path) \(String(decoding: body, as: UTF8.self))")
                }
                let status4 = try await client.send("GET", "/health").status
                #expect(status4 == 200)
            }
        }
    }
}
