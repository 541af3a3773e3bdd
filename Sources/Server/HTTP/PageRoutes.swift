import Hummingbird

/// The page and the description of the interface, which are part of the program.
struct PageRoutes {
    private struct File {
        let path: String
        let type: String
        let content: [UInt8]
    }

    private static let files =
        [
            File(path: "/", type: "text/html; charset=utf-8", content: PackageResources.index_html),
            File(
                path: "/style.css", type: "text/css; charset=utf-8",
                content: PackageResources.style_css),
            File(
                path: "/openapi.json", type: "application/json",
                content: PackageResources.openapi_json),
        ]
        + scripts.map { name, content in
            File(path: "/\(name).js", type: "text/javascript; charset=utf-8", content: content)
        }

    private static let scripts = [
        ("app", PackageResources.app_js),
        ("server", PackageResources.server_js),
        ("masks", PackageResources.masks_js),
        ("draft", PackageResources.draft_js),
        ("view", PackageResources.view_js),
        ("worklist", PackageResources.worklist_js),
        ("cine", PackageResources.cine_js),
        ("results", PackageResources.results_js),
        ("training", PackageResources.training_js),
    ]

    /// Paths that need no token: they contain no data.
    static let openPaths = Set(files.map(\.path) + ["/health"])

    func add(to table: inout RouteTable) {
        for file in Self.files {
            table.add(.get, file.path) { _, _ in
                var response = Response.data(file.content, type: file.type)
                response.headers[.cacheControl] = "no-cache"
                response.headers[.contentSecurityPolicy] =
                    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                    + "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; "
                    + "frame-ancestors 'none'"
                return response
            }
        }
    }
}
