import ArgumentParser
import FileIO
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// `samus receive`: takes DICOM files that devices and archives send (C-STORE).
struct ReceiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive",
        abstract: "Receive DICOM files that a device or an archive sends (C-STORE).",
        discussion: """
            Example:
              samus receive --allow ECHO1 --output inbox

            Listens on 127.0.0.1 until Ctrl-C or SIGTERM. Files become \
            OUTPUT/SOP-INSTANCE-UID.dcm, byte by byte as they were sent, when they are complete \
            and can be parsed; an object that is there stays. Only AE titles of --allow may send. \
            An AE title is a name, not a password, and DICOM without TLS is not encrypted: listen \
            on other addresses (--host) only in a network that you trust. Each connection is \
            served by a process of its own, samus-receive, with limits for memory, time and files.

            Prints one line for each object: its UID and size. The files contain patients' data. \
            Docs/PACS.md has more.

            Research use only, not a medical device.
            """)

    @Option(help: ArgumentHelp("An AE title that may send. Repeatable.", valueName: "title"))
    var allow: [String] = []

    @Option(help: ArgumentHelp("The AE title of this program.", valueName: "title"))
    var ae = "SAMUS"

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for the files; made if needed.", valueName: "dir"),
        completion: .directory)
    var output: String

    @Option(help: ArgumentHelp("The port; 0 takes a free one.", valueName: "n"))
    var port = 11112

    @Option(help: ArgumentHelp("The IPv4 address to listen on.", valueName: "address"))
    var host = "127.0.0.1"

    @Option(help: ArgumentHelp("Largest file, in MB.", valueName: "MB"))
    var maxSize = 512

    @Option(
        help: ArgumentHelp("Most files in the folder; further ones are refused.", valueName: "n"))
    var maxFiles = 10_000

    @Option(help: ArgumentHelp("Most connections at the same time.", valueName: "n"))
    var maxConnections = 4

    @Option(help: ArgumentHelp("Longest wait for a sender, in seconds.", valueName: "s"))
    var timeout = 30

    func validate() throws {
        guard !allow.isEmpty else {
            throw ValidationError("say who may send: --allow TITLE")
        }
        for title in allow + [ae] {
            guard (1...16).contains(title.utf8.count),
                title.utf8.allSatisfy({ (33...126).contains($0) && $0 != 92 })
            else {
                throw ValidationError(
                    "'\(title)': an AE title has 1 to 16 printable characters without spaces")
            }
        }
        for (name, value, range) in [
            ("--port", port, 0...65535), ("--max-size", maxSize, 1...2048),
            ("--max-files", maxFiles, 1...1_000_000), ("--max-connections", maxConnections, 1...64),
            ("--timeout", timeout, 1...3600),
        ] where !range.contains(value) {
            throw ValidationError(
                "\(name) is \(value): a number from \(range.lowerBound) to \(range.upperBound) is "
                    + "needed")
        }
    }

    func run() throws {
        let program = ProgramLocation.folder.appendingPathComponent("samus-receive").path
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw ExitError(
                .unavailable,
                "the program 'samus-receive' is not built: run 'make receive' in the checkout "
                    + "(looked for \(program))")
        }
        let folder = OutputFolder(output)
        try folder.make()
        removeLeftovers(in: folder.url.path)
        let listener = try withExitStatus(.unavailable) {
            try ReceiveListener(host: host, port: port)
        }
        let arguments =
            [
                folder.url.path, ae, "\(maxSize << 20)", "\(maxFiles)", "\(timeout)",
            ] + allow
        Terminal.log(
            "\(ae) is ready: \(host):\(listener.port), for \(allow.joined(separator: ", ")) "
                + "(research use only, not a medical device)")
        let interruption = Interruption(finishing: "the open connections")
        var workers: [Process] = []
        while !interruption.isRequested {
            workers.removeAll { !$0.isRunning }
            guard let socket = listener.accept(seconds: 0.2) else { continue }
            guard workers.count < maxConnections else {
                Terminal.log("refused a connection: \(workers.count) are open")
                close(socket)
                continue
            }
            let worker = Process()
            worker.executableURL = URL(fileURLWithPath: program)
            worker.arguments = arguments
            let handle = FileHandle(fileDescriptor: socket, closeOnDealloc: false)
            worker.standardInput = handle
            do {
                try worker.run()
                workers.append(worker)
            } catch {
                Terminal.log("failed: '\(program)' cannot be started: \(error)")
            }
            // The process has its own copy.
            close(socket)
        }
        workers.forEach { $0.waitUntilExit() }
    }

    /// Removes what killed processes left behind.
    private func removeLeftovers(in folder: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix(".samus-receive-") && name.hasSuffix(".partial") {
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }
}

/// A TCP socket that waits for connections.
private final class ReceiveListener {
    private let descriptor: Int32
    /// The port, also where a free one was taken.
    let port: Int

    /// - Parameters:
    ///   - host: an IPv4 address of this machine.
    ///   - port: the port; 0 for a free one.
    /// - Throws: ``ReceiveError``.
    init(host: String, port: Int) throws(ReceiveError) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
            throw .address(host)
        }
        #if os(Linux)
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        let descriptor = socket(AF_INET, kind, 0)
        var yes: Int32 = 1
        setsockopt(
            descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0
            }
        }
        guard descriptor >= 0, isBound, listen(descriptor, 16) == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw .cannotListen(host, port: port, reason: reason)
        }
        var bound = sockaddr_in()
        var size = length
        _ = withUnsafeMutablePointer(to: &bound) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &size)
            }
        }
        self.descriptor = descriptor
        self.port = Int(UInt16(bigEndian: bound.sin_port))
    }

    deinit { close(descriptor) }

    /// Waits for a connection.
    ///
    /// - Parameter seconds: the longest wait.
    /// - Returns: the connected socket; nil where nobody came.
    func accept(seconds: Double) -> Int32? {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, Int32(seconds * 1000)) > 0 else { return nil }
        #if canImport(Glibc)
            let socket = Glibc.accept(descriptor, nil, nil)
        #else
            let socket = Darwin.accept(descriptor, nil, nil)
        #endif
        guard socket >= 0 else { return nil }
        // Not inherited by the processes of other connections.
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        return socket
    }
}

/// Why `samus receive` cannot listen.
private enum ReceiveError: Error, CustomStringConvertible {
    case address(String)
    case cannotListen(String, port: Int, reason: String)

    var description: String {
        switch self {
        case .address(let host): "'\(host)' is not an IPv4 address, such as 127.0.0.1"
        case .cannotListen(let host, let port, let reason):
            "\(host):\(port) cannot be listened on: \(reason)"
        }
    }
}
