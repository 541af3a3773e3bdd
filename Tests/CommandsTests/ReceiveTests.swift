import FileIO
import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite("samus receive takes what named senders send, and nothing else", .serialized)
struct ReceiveTests {
    private static let fixtures = Program.package.appending(path: "Tests/Fixtures/dicom")
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    /// A running `samus receive`, ended with the test.
    private final class Receiver {
        let process = Process()
        let port: Int
        let log: URL

        init(_ folder: String, log: URL, _ options: String...) throws {
            self.log = log
            process.executableURL = Program.folder.appending(path: "samus")
            process.arguments =
                ["receive", "--port", "0", "--allow", "ECHO1", "--timeout", "5", "-o", folder]
                + options
            _ = FileManager.default.createFile(atPath: log.path, contents: nil)
            let handle = try FileHandle(forWritingTo: log)
            process.standardOutput = handle
            process.standardError = handle
            process.standardInput = FileHandle.nullDevice
            try process.run()
            var found: Int?
            for _ in 0..<300 where found == nil && process.isRunning {
                Thread.sleep(forTimeInterval: 0.05)
                let text = try String(contentsOf: log, encoding: .utf8)
                found = text.firstMatch(of: #/ready: 127\.0\.0\.1:([0-9]+),/#).flatMap {
                    Int($0.1)
                }
            }
            port = try #require(found)
        }

        deinit {
            if process.isRunning { process.terminate() }
        }

        /// Ends it, and returns all that it printed.
        func end() throws -> String {
            process.terminate()
            process.waitUntilExit()
            return try String(contentsOf: log, encoding: .utf8)
        }
    }

    private func receiver(_ options: String...) throws -> Receiver {
        let log = scratch.url.appending(path: "log-\(UUID())")
        return try options.isEmpty
            ? Receiver(scratch.path("inbox"), log: log)
            : Receiver(scratch.path("inbox"), log: log, options[0], options[1])
    }

    /// Sends files with dcmtk's program; its exit code.
    private func send(_ arguments: String..., to port: Int, as title: String = "ECHO1") throws
        -> Int32
    {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["storescu", "-aet", title, "-aec", "SAMUS"] + arguments.filter { $0.hasPrefix("-") }
            + ["127.0.0.1", "\(port)"] + arguments.filter { !$0.hasPrefix("-") }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    private func fixture(_ name: String) -> String { Self.fixtures.appending(path: name).path }

    @Test(
        "objects of an allowed sender are stored once; others and too many are refused",
        .enabled(if: DICOMValidator.areInstalled, "\(DICOMValidator.missing)"))
    func storing() throws {
        let receiver = try receiver("--max-files", "2")
        #expect(try send(fixture("grey8.dcm"), to: receiver.port, as: "OTHER") != 0)
        #expect(scratch.files("inbox").isEmpty)
        #expect(try send(fixture("grey8.dcm"), to: receiver.port) == 0)
        #expect(try send("-xy", fixture("jpeg-cine.dcm"), to: receiver.port) == 0)
        #expect(scratch.files("inbox").count == 2)
        // The pixels of the JPEG file are those that were sent.
        let sent = try Data(contentsOf: URL(filePath: fixture("jpeg-cine.dcm")))
        let stored = try scratch.files("inbox").map {
            try Data(contentsOf: scratch.url.appending(path: "inbox/\($0)"))
        }
        #expect(stored.contains { $0.suffix(2000) == sent.suffix(2000) })
        // The folder is full; what is there is accepted again only below the limit.
        #expect(try send("-xw", fixture("palette.dcm"), to: receiver.port) != 0)
        let log = try receiver.end()
        #expect(log.contains("refused an association of the AE title OTHER"))
        #expect(log.components(separatedBy: "stored ").count == 3)
        #expect(log.contains("--max-files"))
        #expect(!log.contains("^"), "no name of a patient")
    }

    @Test(
        "an object that is there stays, and is confirmed to the sender",
        .enabled(if: DICOMValidator.areInstalled, "\(DICOMValidator.missing)"))
    func twice() throws {
        let receiver = try receiver()
        #expect(try send(fixture("grey8.dcm"), to: receiver.port) == 0)
        let name = try #require(scratch.files("inbox").first)
        let before = try Data(contentsOf: scratch.url.appending(path: "inbox/\(name)"))
        #expect(try send(fixture("grey8.dcm"), to: receiver.port) == 0)
        #expect(scratch.files("inbox") == [name])
        #expect(try Data(contentsOf: scratch.url.appending(path: "inbox/\(name)")) == before)
        #expect(try receiver.end().contains("present "))
    }

    @Test("connections that are not DICOM end, and the next one is served")
    func garbage() throws {
        let receiver = try receiver()
        var random = SplitMix64(seed: 3)
        for round in 0..<20 {
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(socket) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(UInt16(receiver.port).bigEndian)
            inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
            let isConnected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            #expect(isConnected)
            var bytes = (0..<random.next(below: 400)).map { _ in UInt8(random.next(below: 256)) }
            // An A-ASSOCIATE-RQ that states a huge length, and others.
            if round % 2 == 0 { bytes = [1, 0, 0xFF, 0xFF, 0xFF, 0xFF] + bytes }
            _ = bytes.withUnsafeBytes { write(socket, $0.baseAddress, $0.count) }
        }
        Thread.sleep(forTimeInterval: 1)
        #expect(receiver.process.isRunning)
        #expect(scratch.files("inbox").isEmpty)
        #expect(try receiver.end().contains("is ready"))
    }

    @Test("wrong arguments and addresses are refused with one sentence")
    func refusals() throws {
        let samus = Program()
        #expect(try samus("receive", "-o", scratch.path("x")).code == 64)
        let title = try samus("receive", "--allow", "a title with spaces", "-o", scratch.path("x"))
        #expect(title.code == 64 && title.errors.contains("AE title"))
        let host = try samus(
            "receive", "--allow", "A", "--host", "nowhere", "-o", scratch.path("x"))
        #expect(host.code == 69 && host.errors.contains("IPv4"))
        let other = try samus(
            "receive", "--allow", "A", "--host", "203.0.113.1", "-o", scratch.path("x"))
        #expect(other.code == 69 && other.errors.contains("cannot be listened on"))
    }
}
