import Foundation

/// Where several processes meet, and which of them this one is.
///
/// The variables are those of `torchrun`; Kubernetes' PyTorchJob sets them too, and Slurm's are
/// copied to them (`Docs/DataParallel.md`).
public struct Rendezvous: Equatable, Sendable {
    /// The machine of rank 0.
    public var host: String
    /// Its port; 0 lets the system choose one, which only rank 0 can ask for.
    public var port: Int
    /// This process among all, from 0.
    public var rank: Int
    /// The number of processes.
    public var size: Int
    /// This process among those of its machine, from 0.
    public var localRank: Int
    /// Whether this process answers at the port; under `torchrun` the launcher does.
    public var isServing: Bool
    /// How often the launcher has started all of them anew.
    public var restart: Int

    /// A place to meet at.
    ///
    /// - Parameters:
    ///   - host: the machine of rank 0.
    ///   - port: its port; 0 lets the system choose, on rank 0.
    ///   - rank: this process, from 0.
    ///   - size: the number of processes.
    ///   - localRank: this process among those of its machine.
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

    /// What a launcher says in `MASTER_ADDR`, `MASTER_PORT`, `RANK`, `WORLD_SIZE` and `LOCAL_RANK`.
    ///
    /// - Parameter environment: the process's variables.
    /// - Returns: nil for a single process: `RANK` and `WORLD_SIZE` absent, or a size of 1.
    /// - Throws: ``ProcessGroupError`` for variables half set or out of range.
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

/// Reads numbers from variables, with errors that name them.
private struct EnvironmentReader {
    let environment: [String: String]

    init(_ environment: [String: String]) {
        // An empty variable says as much as none.
        self.environment = environment.filter { !$0.value.isEmpty }
    }

    func requireAll(_ names: [String]) throws(ProcessGroupError) {
        let missing = names.filter { environment[$0] == nil }
        guard !missing.isEmpty else { return }
        throw .halfSetEnvironment(
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
