import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Synchronization

/// The outermost layer: measures and logs each request, and turns errors into JSON.
struct RequestObserver: RouterMiddleware {
    let connections: ClientConnections
    let metrics: ServerMetrics
    let allowed: AllowedMethods
    /// Whether requests that succeed are logged too.
    let logsRequests: Bool

    func handle(
        _ request: Request, context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.client = connections.connection(of: context.channel)
        metrics.begin()
        let start = ContinuousClock.now
        var response: Response
        var failure: (any Error)?
        do {
            response = try await next(request, context)
        } catch {
            failure = error
            response = .error(RequestError(error))
            // No route: perhaps one of the same path and another method.
            if (error as? HTTPError)?.status == .notFound,
                let methods = allowed.methods(of: request.uri.path)
            {
                response = .error(
                    RequestError(.methodNotAllowed, "this path has other methods: \(methods)"))
                response.headers[.allow] = methods
            }
        }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.resourcePolicy] = "same-origin"
        let seconds = (ContinuousClock.now - start).inSeconds
        let route = context.endpointPath ?? "none"
        metrics.end(
            method: request.method.rawValue, route: route, status: response.status.code,
            seconds: seconds)
        var details: Logger.Metadata = [
            "method": "\(request.method.rawValue.prefix(16))", "route": "\(route)",
            "status": "\(response.status.code)",
            "ms": "\((seconds * 1e5).rounded() / 100)",
        ]
        if let failure, response.status.code == 500 {
            details["reason"] = "\(ServerLog.reason(of: failure))"
            ServerLog.shared.error("request failed", metadata: details)
        } else {
            ServerLog.shared.log(
                level: logsRequests ? .info : .debug, "request", metadata: details)
        }
        return response
    }
}

/// Decides who may use the server.
///
/// - A server with a token needs it for everything but the page itself and `/health`.
/// - A server without one, which listens on this machine alone, checks the `Host` header: a web
///   page must not reach it under another name (DNS rebinding).
/// - Other web pages need to be in `allowedOrigins`.
struct AccessGuard: RouterMiddleware {
    let configuration: ServerConfiguration
    /// Paths that can be read without a token.
    let openPaths: Set<String>

    func handle(
        _ request: Request, context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let authority = request.head.authority ?? ""
        if configuration.token == nil, !Self.isLocal(authority) {
            throw RequestError(
                .misdirectedRequest,
                "this server answers requests to localhost and 127.0.0.1 only")
        }
        let origin = request.headers[.origin]
        if let origin, !isAllowed(origin, authority: authority) {
            throw RequestError(
                .forbidden, "web pages of another origin may not use this server: --allow-origin")
        }
        let isOther = origin.map { configuration.allowedOrigins.contains($0) } ?? false
        if request.method == .options, isOther {
            return withOrigin(origin, Response(status: .noContent), isPreflight: true)
        }
        // By method too: `POST /` runs the model.
        let isOpen =
            [.get, .head].contains(request.method) && openPaths.contains(request.uri.path)
        if let token = configuration.token, !isOpen,
            !Self.isEqual(Self.token(of: request) ?? "", token)
        {
            var response = Response.error(
                RequestError(.unauthorized, "this server needs the token: Authorization: Bearer …"))
            response.headers[.wwwAuthenticate] = "Bearer"
            return isOther ? withOrigin(origin, response) : response
        }
        do {
            let response = try await next(request, context)
            return isOther ? withOrigin(origin, response) : response
        } catch  where isOther {
            return withOrigin(origin, .error(RequestError(error)))
        }
    }

    private func isAllowed(_ origin: String, authority: String) -> Bool {
        origin == "http://\(authority)" || origin == "https://\(authority)"
            || configuration.allowedOrigins.contains(origin)
    }

    private func withOrigin(
        _ origin: String?, _ response: Response, isPreflight: Bool = false
    ) -> Response {
        var response = response
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.vary] = "Origin"
        response.headers[.resourcePolicy] = nil
        response.headers[.accessControlExposeHeaders] = "ETag, Retry-After, Content-Disposition"
        if isPreflight {
            response.headers[.accessControlAllowMethods] = "GET, HEAD, POST, PUT, DELETE"
            response.headers[.accessControlAllowHeaders] =
                "Authorization, Content-Type, If-Match, If-None-Match, Token"
            response.headers[.accessControlMaxAge] = "600"
        }
        return response
    }

    /// Whether an authority, with or without a port, names this machine.
    static func isLocal(_ authority: String) -> Bool {
        let host: Substring
        if authority.hasPrefix("[") {
            host = authority.dropFirst().prefix { $0 != "]" }
        } else {
            host = authority.prefix { $0 != ":" }
        }
        return ServerConfiguration.isLoopback(String(host).lowercased())
    }

    /// The token of a request: `Authorization: Bearer …`, or `Token: …` as X-AnyLabeling sends it.
    private static func token(of request: Request) -> String? {
        if let given = request.headers[.authorization] {
            let words = given.split(separator: " ", maxSplits: 1)
            if words.count == 2, words[0].lowercased() == "bearer" { return String(words[1]) }
        }
        return request.headers[.token]
    }

    /// Compares in a time that does not depend on where the texts differ.
    static func isEqual(_ one: String, _ other: String) -> Bool {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        var difference = UInt8(one.count == other.count ? 0 : 1)
        for (index, byte) in other.enumerated() {
            difference |= byte ^ (index < one.count ? one[index] : ~byte)
        }
        return difference == 0
    }
}

/// Refuses bodies that together would not fit into memory: many large requests at once.
struct BodyGuard: RouterMiddleware {
    /// The bytes of all bodies that are being read or answered.
    private final class Budget: Sendable {
        let used = Mutex(0)
    }

    private let limits: ServerConfiguration.Limits
    private let budget = Budget()

    init(limits: ServerConfiguration.Limits) {
        self.limits = limits
    }

    func handle(
        _ request: Request, context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        guard let bytes = Self.bodySize(of: request, limits) else {
            return try await next(request, context)
        }
        let isAccepted = budget.used.withLock { used in
            guard used == 0 || used + bytes <= limits.allBodyBytes else { return false }
            used += bytes
            return true
        }
        guard isAccepted else {
            context.closeSoon()
            throw RequestError(
                .serviceUnavailable,
                "the server reads other large requests: send this one again later", retryAfter: 5)
        }
        defer { budget.used.withLock { $0 -= bytes } }
        return try await next(request, context)
    }

    /// The stated size; the largest possible one where none is stated; nil without a body.
    private static func bodySize(
        of request: Request, _ limits: ServerConfiguration.Limits
    ) -> Int? {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }) {
            return length > 0 ? min(length, limits.bodyBytes) : nil
        }
        return request.headers[.transferEncoding] == nil ? nil : limits.bodyBytes
    }
}

extension HTTPField.Name {
    static let token = HTTPField.Name("Token").known
    static let resourcePolicy = HTTPField.Name("Cross-Origin-Resource-Policy").known
    static let inferenceHeaderLength = HTTPField.Name("Inference-Header-Content-Length").known
}

extension HTTPField.Name? {
    /// The name of a literal, which is valid.
    fileprivate var known: HTTPField.Name {
        guard let self else { preconditionFailure("the literal is a valid header name") }
        return self
    }
}
