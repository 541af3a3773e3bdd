import Foundation
import Torch

/// The rendezvous of the processes of one test, on a port that the system chooses.
public struct Meeting: Codable, Sendable {
    private let file: String

    /// Creates a rendezvous.
    public init() {
        file =
            FileManager.default.temporaryDirectory
            .appending(path: "samus-meeting-\(UUID().uuidString)").path
    }

    /// Joins the group; to be called in a separate process.
    ///
    /// - Parameters:
    ///   - rank: rank of this process.
    ///   - size: the number of processes.
    ///   - timeout: seconds after which a collective fails.
    /// - Returns: the group.
    /// - Throws: `ProcessGroupError`.
    public func join(rank: Int, of size: Int, timeout: Double = 60) throws -> ProcessGroup {
        if rank == 0 {
            return try ProcessGroup(
                Rendezvous(port: 0, rank: 0, size: size), timeout: timeout, joinTimeout: 60,
                onListening: { port in
                    // Written atomically; after a failure the other processes do not join.
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

    /// Removes the files of the rendezvous.
    public func end() {
        try? FileManager.default.removeItem(atPath: file)
    }

    private struct NotHere: Error {}
}
