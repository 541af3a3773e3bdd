import HTTPTypes
import Synchronization

/// The methods of each path, for answers to requests that use another one.
final class AllowedMethods: Sendable {
    private let routes = Mutex<[RouteTable.Route]>([])

    /// Sets the routes, once all of them are known.
    func set(_ all: [RouteTable.Route]) {
        routes.withLock { $0 = all }
    }

    /// The methods that a path has, for the header `Allow`; nil for a path of no route.
    func methods(of path: String) -> String? {
        let parts = path.split(separator: "/")
        let found = routes.withLock { routes in
            routes.filter { route in
                let pattern = route.path.split(separator: "/")
                return pattern.count == parts.count
                    && zip(pattern, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
            }
        }
        var methods = Set(found.map(\.method.rawValue))
        if methods.contains("GET") { methods.insert("HEAD") }
        return methods.isEmpty ? nil : methods.sorted().joined(separator: ", ")
    }
}
