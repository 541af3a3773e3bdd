/// Why processes cannot work together, or no longer do.
public enum ProcessGroupError: Error, Equatable, Sendable {
    /// Some of the variables that a launcher sets are there, others are not.
    case halfSetEnvironment(set: [String], missing: [String])
    /// A launcher's variable that says nothing useful.
    case badEnvironment(name: String, value: String, needed: String)
    /// The processes did not find each other.
    case notJoined(rank: Int, size: Int, place: String, reason: String)
    /// A collective that ended because another process has gone.
    case lostPeer(rank: Int, size: Int, work: String, reason: String)
    /// A collective that another process did not answer in time.
    case timedOut(rank: Int, size: Int, work: String, seconds: Double)
    /// A collective that libtorch did not take.
    case refused(rank: Int, work: String, reason: String)
    /// Something that must be the same in all processes and is not.
    case disagreement(rank: Int, about: String)
}

extension ProcessGroupError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .halfSetEnvironment(let set, let missing):
            "\(set.joined(separator: ", ")) set but not \(missing.joined(separator: ", ")): "
                + "set all of them for several processes, or none for one"
        case .badEnvironment(let name, let value, let needed):
            "\(name) is '\(value)', \(needed) is needed"
        case .notJoined(let rank, let size, let place, let reason):
            "rank \(rank) of \(size) could not join the others at \(place): \(reason)"
        case .lostPeer(let rank, let size, let work, let reason):
            "rank \(rank) of \(size) lost another process during \(work): \(reason)"
        case .timedOut(let rank, let size, let work, let seconds):
            "rank \(rank) of \(size) waited \(seconds) s for the other processes during \(work)"
        case .refused(let rank, let work, let reason):
            "rank \(rank) cannot start \(work): \(reason)"
        case .disagreement(let rank, let about):
            "rank \(rank) found that the processes differ in \(about)"
        }
    }
}
