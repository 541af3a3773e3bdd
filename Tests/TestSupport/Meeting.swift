import Foundation
import Torch

/// A place where the processes of one test meet, on a port that the system chooses.
public struct Meeting: Codable, Sendable {
    private let file: String

    /// A place of its own.
    public init() {
        file =
            FileManager.default.temporaryDirectory
            .appending(path: "samus-meeting-\(UUID().uuidString)").path
    }

    /// Joins the others; to be called in a process of the test's own.
    ///
    /// - Parameters:
    ///   - rank: this process.
    ///   - size: the number of processes.
    ///   - timeout: seconds that a collective may take.
    /// - Returns: the group.
    /// - Throws: `ProcessGroupError`.
    public func join(rank: Int, of size: Int, timeout: Double = 60) throws -> ProcessGroup {
        if rank == 0 {
            return try ProcessGroup(
                Rendezvous(port: 0, rank: 0, size: size), timeout: timeout, joinTimeout: 60,
                onListening: { port in
                    // Whole or not at all; a failure shows as others that do not come.
                    try? Data("\(port)".utf8).write(to: URL(filePath: file), options: .atomic)
                })
        }
        for _ in 0..<600 {
            if let text = try? String(contentsOfFile: file, encoding: .utf8), let port = Int(text) {
                return try ProcessGroup(
                    Rendezvous(port: port, rank: rank, size: size), timeout: timeout,
                    joinTimeout: 60)
            }
            Thread.sleep(forTimeInterval: 0.1)
        }
        throw NotHere()
    }

    /// Removes what the meeting left.
    public func end() {
        try? FileManager.default.removeItem(atPath: file)
    }

    private struct NotHere: Error {}
}
