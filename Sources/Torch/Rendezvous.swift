import Foundation

/// The address at which processes join a group, and the rank of this process.
///
/// The environment variables are those of `torchrun`. Kubernetes' PyTorchJob sets them too; for
/// Slurm see `Docs/DataParallel.md`.
public struct Rendezvous: Equatable, Sendable {
    /// The machine of rank 0.
    public var host: String
    /// The port; 0, allowed on rank 0 only, lets the system choose one.
    public var port: Int
    /// Rank of this process among all processes, from 0.
    public var rank: Int
    /// The number of processes.
    public var size: Int
    /// Rank of this process on its machine, from 0.
    public var localRank: Int
    /// Whether this process serves the rendezvous; under `torchrun` the launcher does.
    public var isServing: Bool
    /// How often the launcher has restarted all processes.
    public var restart: Int

    /// Creates a rendezvous.
    ///
    /// - Parameters:
    ///   - host: the machine of rank 0.
    ///   - port: the port; 0, allowed on rank 0 only, lets the system choose one.
    ///   - rank: rank of this process, from 0.
    ///   - size: the number of processes.
    ///   - localRank: rank of this process on its machine.
    public init(
        host: String = "127.0.0.1", port: Int, rank: Int, size: Int, localRank: Int = 0
    ) {
        self.host = host
        self.port = port
        self.rank = rank
        self.size = size
        self.localRank = localRank
        isServing = rank == 0
        restart = 0
    }

    /// Reads `MASTER_ADDR`, `MASTER_PORT`, `RANK`, `WORLD_SIZE` and `LOCAL_RANK`.
    ///
    /// - Parameter environment: the process's environment variables.
    /// - Returns: nil for a single process: `RANK` and `WORLD_SIZE` absent, or a size of 1.
    /// - Throws: ``ProcessGroupError`` for variables that are missing or out of range.
    public static func fromEnvironment(
        _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ProcessGroupError) -> Rendezvous? {
        let launch = ["RANK", "WORLD_SIZE"]
        let reader = EnvironmentReader(environment)
        guard launch.contains(where: { reader.environment[$0] != nil }) else { return nil }
        try reader.requireAll(launch)
        let size = try reader.number("WORLD_SIZE", in: 1...4096)
        let rank = try reader.number("RANK", in: 0...(size - 1))
        guard size > 1 else { return nil }
        try reader.requireAll(launch + ["MASTER_ADDR", "MASTER_PORT"])
        var result = Rendezvous(
            host: environment["MASTER_ADDR"] ?? "",
            port: try reader.number("MASTER_PORT", in: 1...65535), rank: rank, size: size,
            localRank: try reader.number("LOCAL_RANK", in: 0...(size - 1), absent: 0))
        result.restart = try reader.number(
            "TORCHELASTIC_RESTART_COUNT", in: 0...Int(Int32.max), absent: 0)
        if environment["TORCHELASTIC_USE_AGENT_STORE"]?.lowercased() == "true" {
            result.isServing = false
        }
        return result
    }
}

/// Reads numbers from environment variables, with errors that name the variable.
private struct EnvironmentReader {
    let environment: [String: String]

    init(_ environment: [String: String]) {
        // An empty variable counts as missing.
        self.environment = environment.filter { !$0.value.isEmpty }
    }

    func requireAll(_ names: [String]) throws(ProcessGroupError) {
        let missing = names.filter { environment[$0] == nil }
        guard !missing.isEmpty else { return }
        throw .incompleteEnvironment(
            set: names.filter { environment[$0] != nil }, missing: missing)
    }

    func number(
        _ name: String, in range: ClosedRange<Int>, absent: Int? = nil
    ) throws(ProcessGroupError) -> Int {
        if environment[name] == nil, let absent { return absent }
        let text = environment[name] ?? ""
        guard let number = Int(text), range.contains(number) else {
            throw .badEnvironment(
                name: name, value: text,
                needed: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
