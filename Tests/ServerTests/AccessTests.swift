import FileIO
import Foundation
import HTTPTypes
import Testing

@testable import Server

extension ServerTests {
    @Suite("Access")
    struct AccessTests {
        private static let token = "0123456789abcdef0123"

        @Test("a configuration that others could reach without a token is refused")
        func configuration() {
            var configuration = ServerConfiguration()
            #expect(throws: Never.self) { try configuration.check() }
            configuration.host = "0.0.0.0"
            #expect(throws: ServerConfigurationError.openWithoutToken(host: "0.0.0.0")) {
                try configuration.check()
            }
            configuration.token = "short"
            #expect(throws: ServerConfigurationError.weakToken) { try configuration.check() }
            configuration.token = Self.token
            #expect(throws: Never.self) { try configuration.check() }
            configuration.allowedOrigins = ["*"]
            #expect(throws: ServerConfigurationError.origin("*")) { try configuration.check() }
        }

        @Test("a token is needed for everything but the page and /health")
        func token() async throws {
            try await withServer({ $0.token = Self.token }) { client in
                let status1 = try await client.send("GET", "/v1/images").status
                #expect(status1 == 401)
                let status2 = try await client.send("GET", "/metrics").status
                #expect(status2 == 401)
                let status3 = try await client.send("GET", "/nothing").status
                #expect(status3 == 401)
                let status4 = try await client.send("GET", "/").status
                #expect(status4 == 200)
                let status5 = try await client.send("GET", "/health").status
                #expect(status5 == 200)
                for header in [("Authorization", "Bearer \(Self.token)"), ("Token", Self.token)] {
                    let status6 = try await client.send("GET", "/v1/images", headers: [header])
                        .status
                    #expect(status6 == 200)
                }
                let wrong = ("Authorization", "Bearer \(Self.token)x")
                let status7 = try await client.send("GET", "/v1/images", headers: [wrong]).status
                #expect(status7 == 401)
            }
        }

        @Test("without the token, no route but reading the page and /health is open")
        func everyRoute() async throws {
            try await withServer({ $0.token = Self.token }) { client in
                for route in client.routes {
                    let path = route.path.replacing(#/\{[^}]*\}/#, with: "x")
                    let isOpen = route.method == "GET" && Self.open.contains(path)
                    let status = try await client.send(route.method, path).status
                    #expect((status != 401) == isOpen, "\(route.method) \(path): \(status)")
                }
            }
        }
        private static let open: Set = [
            "/", "/app.js", "/server.js", "/masks.js", "/draft.js", "/view.js", "/worklist.js",
            "/cine.js", "/results.js", "/training.js", "/style.css", "/openapi.json", "/health",
        ]

        @Test("texts are compared to their ends")
        func comparison() {
            #expect(AccessGuard.isEqual("abc", "abc"))
            for other in ["", "ab", "abd", "abcd"] { #expect(!AccessGuard.isEqual(other, "abc")) }
        }

        @Test("without a token, other names of this machine are refused")
        func rebinding() async throws {
            try await withServer { client in
                for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""] {
                    let reply = try await client.send("GET", "/health", headers: [("Host", host)])
                    #expect([400, 421].contains(reply.status), "\(host)")
                }
                for host in ["localhost", "127.0.0.1:9", "[::1]:8080", "LOCALHOST"] {
                    let reply = try await client.send("GET", "/health", headers: [("Host", host)])
                    #expect(reply.status == 200, "\(host)")
                }
            }
        }

        @Test("web pages of other origins are refused unless they are allowed")
        func origins() async throws {
            let allowed = "https://viewer.example"
            try await withServer({ $0.allowedOrigins = [allowed] }) { client in
                let other = try await client.send(
                    "GET", "/v1/images", headers: [("Origin", "https://evil.example")])
                #expect(other.status == 403)
                #expect(other.headers["access-control-allow-origin"] == nil)
                let own = try await client.send(
                    "GET", "/v1/images", headers: [("Origin", "http://localhost:\(client.port)")])
                #expect(own.status == 200)
                let viewer = try await client.send(
                    "GET", "/v1/images", headers: [("Origin", allowed)])
                #expect(viewer.headers["access-control-allow-origin"] == allowed)
                let failed = try await client.send(
                    "GET", "/v1/images/none", headers: [("Origin", allowed)])
                #expect(failed.status == 404)
                #expect(failed.headers["access-control-allow-origin"] == allowed)
                let preflight = try await client.send(
                    "OPTIONS", "/v1/segment",
                    headers: [("Origin", allowed), ("Access-Control-Request-Method", "POST")])
                #expect(preflight.status == 204)
                #expect(preflight.headers["access-control-allow-methods"]?.contains("POST") == true)
            }
        }

        @Test("the page is self-contained and may not be framed")
        func page() async throws {
            try await withServer { client in
                let page = try await client.send("GET", "/")
                #expect(page.headers["content-type"] == "text/html; charset=utf-8")
                let policy = page.headers["content-security-policy"] ?? ""
                #expect(policy.contains("default-src 'none'"))
                #expect(policy.contains("frame-ancestors 'none'"))
                #expect(page.text.contains("Research use only, not a medical device"))
                for path in ["/", "/app.js", "/style.css"] {
                    let text = try await client.send("GET", path).text
                    #expect(!text.contains("https://") && !text.contains("http://"), "\(path)")
                }
                let head = try await client.send("HEAD", "/")
                #expect(head.status == 200)
                #expect(head.body.isEmpty)
            }
        }

        @Test("every route is described by /openapi.json, and nothing else is")
        func description() async throws {
            let server = try SegmentationServer(
                engine: BrightEngine(), configuration: ServerConfiguration())
            let reply = try await withServer { try await $0.send("GET", "/openapi.json") }
            let description = try reply.object()
            #expect(description["openapi"] as? String == "3.1.0")
            let paths = try #require(description["paths"] as? [String: [String: Any]])
            let described = Set(
                paths.flatMap { path, methods in methods.keys.map { "\($0.uppercased()) \(path)" } }
            )
            let routes = Set(server.routes.map { "\($0.method.rawValue) \($0.path)" })
            #expect(described == routes)
            #expect(routes.count == server.routes.count)
            for (path, methods) in paths {
                let names = path.matches(of: #/\{(\w+)\}/#).map { String($0.1) }
                for (method, operation) in methods {
                    let parameters =
                        (operation as? [String: Any])?["parameters"] as? [[String: Any]]
                    let inPath = (parameters ?? []).filter { $0["in"] as? String == "path" }
                    #expect(
                        Set(inPath.compactMap { $0["name"] as? String }) == Set(names),
                        "\(method) \(path)")
                }
            }
        }

        @Test("a path with another method is answered with 405 and its methods")
        func methods() async throws {
            try await withServer { client in
                for (method, path, allowed) in [
                    ("DELETE", "/health", "GET, HEAD"), ("PATCH", "/v1/segment", "POST"),
                    ("POST", "/v1/images/x/draft", "DELETE, GET, HEAD, PUT"),
                    ("TRACE", "/info/", "GET, HEAD"),
                ] {
                    let reply = try await client.send(method, path)
                    #expect(reply.status == 405, "\(method) \(path)")
                    #expect(reply.headers["allow"] == allowed)
                }
                let unknown = try await client.send("PATCH", "/v1/nothing")
                #expect(unknown.status == 404)
            }
        }

        @Test("a parameter of the query with a wrong value, or twice, is refused")
        func query() async throws {
            try await withServer { client in
                for query in ["encode=yes", "encode=true&encode=true"] {
                    let reply = try await client.send(
                        "POST", "/v1/images?\(query)", body: squarePNG())
                    #expect(reply.status == 400, "\(query)")
                }
                let twice = try await client.send("GET", "/v1/images?limit=1&limit=2")
                #expect(twice.error.contains("limit twice"), "\(twice.error)")
            }
        }

        @Test("the metrics count requests by route, not by path")
        func metrics() async throws {
            try await withServer { client in
                _ = try await client.send("GET", "/v1/images/patient-name")
                _ = try await client.send("GET", "/another-name")
                let text = try await client.send("GET", "/metrics").text
                #expect(
                    text.contains(
                        #"samus_http_requests_total{method="GET",route="/v1/images/{id}",status="404"} 1"#
                    ), "\(text)")
                #expect(!text.contains("patient-name") && !text.contains("another-name"))
                #expect(text.contains("samus_engine_waiting 0"))
            }
        }
    }
}
