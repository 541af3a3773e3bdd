import Foundation

/// Where the server listens, who may use it, and how much it accepts.
public struct ServerConfiguration: Sendable {
    /// What the server accepts; everything larger is refused before memory is allocated for it.
    public struct Limits: Sendable, Equatable {
        /// Largest request body, in bytes.
        public var bodyBytes = 64 << 20
        /// Largest size of the bodies of all running requests, in bytes.
        ///
        /// A further request is answered with 503; one request is always accepted.
        public var allBodyBytes = 512 << 20
        /// Largest image, in pixels.
        public var pixels = 40_000_000
        /// Largest header of a request, in bytes.
        public var headerBytes = 32 << 10
        /// Time in which a request body must arrive, in seconds.
        public var bodySeconds = 60
        /// Time after which a connection without a request is closed, in seconds.
        public var idleSeconds = 60
        /// Number of requests that wait for the model; further ones are answered with 503.
        public var waitingRequests = 64
        /// Longest time that a request waits for the model, in seconds.
        public var waitingSeconds = 60
        /// Time without a request after which a model that can rest gives its memory back, in seconds;
        /// nil for never.
        public var restSeconds: Int?
        /// Number of open connections; further ones wait until one is closed.
        public var connections = 4096
        /// Size of all uploaded images that are kept, in bytes; the least recently used are removed.
        public var uploadedBytes = 256 << 20
        /// Size of decoded volumes and frames of cines that are kept, in bytes.
        public var decodedBytes = 256 << 20
        /// Size of the files of an archive that are kept on disk, in bytes.
        public var fetchedBytes = 2 << 30
        /// Number of encoded images that are kept, 1 to 4 MB each.
        public var encodedImages = 16

        /// The default limits.
        public init() {}
    }

    /// The program `samus` with `samus-train` beside it, and what a training starts from.
    public struct TrainingProgram: Sendable, Equatable {
        /// The path of `samus`.
        public var program: String
        /// Name or path of the served model.
        public var model: String

        /// - Parameters:
        ///   - program: the path of `samus`.
        ///   - model: name or path of the served model.
        public init(program: String, model: String) {
            self.program = program
            self.model = model
        }
    }

    /// The address to listen on.
    public var host = "127.0.0.1"
    /// The port to listen on; 0 takes a free one.
    public var port = 8080
    /// What a client must send as `Authorization: Bearer …`; nil for no such check.
    public var token: String?
    /// Origins of other web pages that may use the server: `https://viewer.example`.
    public var allowedOrigins: [String] = []
    /// A folder of images to choose from.
    public var dataFolder: String?
    /// The root of a DICOMweb service, in place of a folder: `https://pacs.example/dicom-web`.
    public var archive: String?
    /// Whether the archive may be another machine that is reached by `http`.
    public var allowsPlainHTTP = false
    /// A file to which one JSON line is added for each use of the model.
    public var auditLog: String?
    /// The program that trains on accepted masks; nil where this machine has none.
    public var trainer: TrainingProgram?
    /// Whether each request is logged, not only failures of the server.
    public var logsRequests = false
    /// The version of the program.
    public var version = ""
    /// What the server accepts.
    public var limits = Limits()

    /// A server for this machine alone, on port 8080.
    public init() {}

    /// Whether only programs on this machine can connect.
    public var isLoopback: Bool { Self.isLoopback(host) }

    static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host.wholeMatch(of: #/127(\.\d{1,3}){3}/#) != nil
    }

    /// Checks what does not depend on the machine.
    ///
    /// - Throws: ``ServerConfigurationError``.
    public func check() throws(ServerConfigurationError) {
        guard (0...65535).contains(port) else { throw .port(port) }
        if let token {
            guard token.utf8.count >= 16, token.utf8.allSatisfy({ (33...126).contains($0) }) else {
                throw .weakToken
            }
        } else if !isLoopback {
            throw .openWithoutToken(host: host)
        }
        for origin in allowedOrigins {
            guard origin.wholeMatch(of: #/https?://[^/\s*]+/#) != nil else {
                throw .origin(origin)
            }
        }
    }
}

/// Why a server cannot start as configured.
public enum ServerConfigurationError: Error, Equatable, Sendable {
    case port(Int)
    case openWithoutToken(host: String)
    case weakToken
    case origin(String)
    case dataFolder(String, reason: String)
    case archive(reason: String)
    case auditLog(String, reason: String)
    case cannotListen(host: String, port: Int, reason: String)
}

extension ServerConfigurationError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .port(let port):
            "there is no port \(port): give a number from 0 to 65535"
        case .openWithoutToken(let host):
            "--host \(host) can be reached from other machines: add --token, or listen on "
                + "127.0.0.1"
        case .weakToken:
            "the token must have at least 16 visible ASCII characters without spaces, for example "
                + "from 'openssl rand -hex 16'"
        case .origin(let origin):
            "'\(origin)' is not an origin: give scheme, host and port, for example "
                + "https://viewer.example:8443"
        case .dataFolder(let path, let reason):
            "the folder '\(path)' cannot be served: \(reason)"
        case .archive(let reason):
            "the archive of --data cannot be used: \(reason)"
        case .auditLog(let path, let reason):
            "the audit log '\(path)' cannot be written: \(reason)"
        case .cannotListen(let host, let port, let reason):
            "the server cannot listen on \(host), port \(port): \(reason); --port 0 takes a free port"
        }
    }
}
