import HTTPTypes
import Hummingbird

/// All routes of the server, in order, so that tests can compare them with `openapi.json`.
struct RouteTable {
    typealias Handler = @Sendable (Request, ServerContext) async throws -> Response

    /// A route.
    struct Route: Hashable {
        let method: HTTPRequest.Method
        /// With parameters in braces: `/v1/images/{id}`.
        let path: String
    }

    private(set) var routes: [Route] = []
    private let router: Router<ServerContext>

    init(router: Router<ServerContext>) {
        self.router = router
    }

    mutating func add(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        routes.append(Route(method: method, path: path))
        router.on(RouterPath(path), method: method, use: handler)
    }
}
