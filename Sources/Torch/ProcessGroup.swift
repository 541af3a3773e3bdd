import CTorch
import Foundation

/// Processes that train or evaluate together, on one machine or many.
///
/// All of them call the same collectives in the same order, each from one thread at a time.
/// libtorch's Gloo carries them over TCP. Tensors of a GPU pass through the processor's memory.
public final class ProcessGroup: @unchecked Sendable {
    // libtorch locks its queue; the order of calls is the caller's promise.
    private let raw: OpaquePointer
    private let store: OpaquePointer

    /// This process among all, from 0.
    public let rank: Int
    /// The number of processes.
    public let size: Int
    /// This process among those of its machine, from 0: the index of its GPU.
    public let localRank: Int
    /// Seconds that a collective may take; another process is missed after them.
    public let timeout: Double

    /// Meets the other processes.
    ///
    /// - Parameters:
    ///   - rendezvous: where, and who this process is.
    ///   - timeout: seconds that a collective may take. One whose process has ended fails at once; one
    ///     whose machine has vanished, or that hangs, fails after them.
    ///   - joinTimeout: seconds in which all processes must have come.
    ///   - onListening: called with the port on the process that serves, before the others come.
    /// - Throws: ``ProcessGroupError/notJoined(rank:size:place:reason:)``.
    public init(
        _ rendezvous: Rendezvous, timeout: Double = 60, joinTimeout: Double = 600,
        onListening: ((Int) -> Void)? = nil
    ) throws(ProcessGroupError) {
        let rank = rendezvous.rank
        let size = rendezvous.size
        let failure = { (message: UnsafeMutablePointer<CChar>) in
            ProcessGroupError.notJoined(
                rank: rank, size: size, place: "\(rendezvous.host):\(rendezvous.port)",
                reason: words(taking: message))
        }
        var opened: OpaquePointer?
        var port: Int32 = 0
        if let message = ct_store_open(
            rendezvous.host, Int32(rendezvous.port), rendezvous.isServing,
            "samus/\(rendezvous.restart)", milliseconds(joinTimeout), &opened, &port)
        {
            throw failure(message)
        }
        guard let store = opened else { preconditionFailure("no store") }
        if rendezvous.isServing { onListening?(Int(port)) }
        var joined: OpaquePointer?
        if let message = ct_group_join(
            store, rendezvous.host, Int32(rank), Int32(size), milliseconds(joinTimeout),
            milliseconds(timeout), &joined)
        {
            ct_store_close(store)
            throw failure(message)
        }
        guard let raw = joined else { preconditionFailure("no group") }
        self.raw = raw
        self.store = store
        self.rank = rank
        self.size = size
        self.localRank = rendezvous.localRank
        self.timeout = timeout
    }

    deinit {
        ct_group_leave(raw)
        ct_store_close(store)
    }

    /// Meets the processes that a launcher started beside this one.
    ///
    /// - Parameters:
    ///   - timeout: seconds that a collective may take.
    ///   - joinTimeout: seconds in which all processes must have come.
    /// - Returns: nil for a single process.
    /// - Throws: ``ProcessGroupError`` for variables half set, or when the others do not come.
    public static func fromEnvironment(
        timeout: Double = 60, joinTimeout: Double = 600
    ) throws(ProcessGroupError) -> ProcessGroup? {
        guard let rendezvous = try Rendezvous.fromEnvironment() else { return nil }
        return try ProcessGroup(rendezvous, timeout: timeout, joinTimeout: joinTimeout)
    }

    /// Starts a collective on a tensor and goes on.
    func start(
        _ work: String, on tensor: Tensor, timeout: Double?,
        _ body: (OpaquePointer, OpaquePointer, Int64, UnsafeMutablePointer<OpaquePointer?>)
            -> UnsafeMutablePointer<CChar>?
    ) throws(ProcessGroupError) -> Collective {
        let limit = timeout ?? self.timeout
        // Gloo reads the memory as it lies; what has gaps, or lies elsewhere, is copied and back.
        let carrier = tensor.detached().to(.cpu).contiguous()
        var started: OpaquePointer?
        let message = carrier.handle.with { body(raw, $0, milliseconds(limit), &started) }
        if let message {
            throw .refused(rank: rank, work: work, reason: words(taking: message))
        }
        guard let started else { preconditionFailure("no work") }
        return Collective(
            started, of: self, named: work, limit: limit, tensor: tensor, carrier: carrier)
    }
}

/// A collective under way.
public final class Collective: @unchecked Sendable {
    // Waited for on one thread; libtorch locks its state.
    private let raw: OpaquePointer
    private let group: ProcessGroup
    private let work: String
    private let limit: Double
    private let tensor: Tensor
    private let carrier: Tensor

    init(
        _ raw: OpaquePointer, of group: ProcessGroup, named work: String, limit: Double,
        tensor: Tensor, carrier: Tensor
    ) {
        self.raw = raw
        self.group = group
        self.work = work
        self.limit = limit
        self.tensor = tensor
        self.carrier = carrier
    }

    deinit {
        ct_work_release(raw)
    }

    /// Whether it has ended, well or not.
    public var isDone: Bool {
        ct_work_is_done(raw)
    }

    /// Waits for the end; then the tensor holds the result.
    ///
    /// - Throws: ``ProcessGroupError`` when another process has gone, or does not answer in time.
    public func wait() throws(ProcessGroupError) {
        let clock = ContinuousClock()
        let start = clock.now
        // Gloo ends a collective after `limit`; a little more leaves the word to it.
        if let message = ct_work_wait(raw, milliseconds(limit + 1)) {
            let reason = words(taking: message)
            if (clock.now - start) / .seconds(1) >= limit * 0.9 {
                throw .timedOut(rank: group.rank, size: group.size, work: work, seconds: limit)
            }
            throw .lostPeer(rank: group.rank, size: group.size, work: work, reason: reason)
        }
        if tensor.sharesMemory(with: carrier) {
            tensor.bumpVersion()
        } else {
            withoutGrad { tensor.assign(from: carrier) }
        }
    }
}

extension Tensor {
    /// Whether both start at the same address of the processor's memory.
    fileprivate func sharesMemory(with other: Tensor) -> Bool {
        guard device.kind == .cpu, other.device.kind == .cpu else { return false }
        return handle.with(ct_memory) == other.handle.with(ct_memory) && strides == other.strides
    }
}

private func milliseconds(_ seconds: Double) -> Int64 {
    Int64((seconds * 1000).rounded(.up))
}

/// libtorch's message without the place in its source and the lines after the first.
private func words(taking message: UnsafeMutablePointer<CChar>) -> String {
    defer { free(message) }
    let line = String(cString: message).split(separator: "\n").first.map(String.init) ?? ""
    return line.replacing(#/^\[[^\]]*\.(cc|cpp|h):\d+\]\s*/#, with: "")
}

extension ProcessGroup {
    /// Starts to add a tensor up over all processes, in place.
    ///
    /// - Parameters:
    ///   - tensor: of one shape and type in all processes; left alone until the work has ended.
    ///   - work: what it is for, in an error's words.
    ///   - timeout: seconds it may take; nil for the group's own.
    /// - Returns: the work under way.
    /// - Throws: ``ProcessGroupError/refused(rank:work:reason:)``.
    public func startSum(
        _ tensor: Tensor, for work: String = "a sum over all processes", timeout: Double? = nil
    ) throws(ProcessGroupError) -> Collective {
        try start(work, on: tensor, timeout: timeout) { ct_group_sum($0, $1, $2, $3) }
    }

    /// Adds a tensor up over all processes, in place; see
    /// ``startSum(_:for:timeout:)``.
    public func sumInPlace(
        _ tensor: Tensor, for work: String = "a sum over all processes", timeout: Double? = nil
    ) throws(ProcessGroupError) {
        try startSum(tensor, for: work, timeout: timeout).wait()
    }

    /// Takes the mean of a floating point tensor over all processes, in place.
    public func meanInPlace(
        _ tensor: Tensor, for work: String = "a mean over all processes", timeout: Double? = nil
    ) throws(ProcessGroupError) {
        withoutGrad { tensor.assign(from: tensor / Double(size)) }
        try sumInPlace(tensor, for: work, timeout: timeout)
    }

    /// Gives all processes the tensor of one of them, in place.
    ///
    /// - Parameters:
    ///   - tensor: of one shape and type in all processes.
    ///   - root: the rank whose elements all get.
    ///   - work: what it is for, in an error's words.
    ///   - timeout: seconds it may take; nil for the group's own.
    /// - Throws: ``ProcessGroupError`` when another process has gone.
    public func broadcast(
        _ tensor: Tensor, from root: Int = 0, for work: String = "a broadcast",
        timeout: Double? = nil
    ) throws(ProcessGroupError) {
        try start(work, on: tensor, timeout: timeout) {
            ct_group_broadcast($0, $1, Int32(root), $2, $3)
        }.wait()
    }

    /// The tensors of all processes, in the order of their ranks.
    ///
    /// - Parameters:
    ///   - tensor: of one shape and type in all processes.
    ///   - work: what it is for, in an error's words.
    ///   - timeout: seconds it may take; nil for the group's own.
    /// - Returns: as many tensors as processes, on the CPU.
    /// - Throws: ``ProcessGroupError`` when another process has gone.
    public func gather(
        _ tensor: Tensor, for work: String = "a gathering", timeout: Double? = nil
    ) throws(ProcessGroupError) -> [Tensor] {
        let results = (0..<size).map { _ in Tensor.empty(tensor.shape, dtype: tensor.dtype) }
        try start(work, on: tensor, timeout: timeout) { group, raw, limit, result in
            withExtendedLifetime(results) {
                let places = results.map { Optional($0.handle.raw) }
                return places.withUnsafeBufferPointer {
                    ct_group_gather(group, raw, $0.baseAddress, limit, result)
                }
            }
        }.wait()
        return results
    }

    /// Lists of bytes of all processes, of any lengths, in the order of their ranks.
    ///
    /// - Parameters:
    ///   - bytes: this process's.
    ///   - work: what it is for, in an error's words.
    /// - Returns: as many lists as processes.
    /// - Throws: ``ProcessGroupError`` when another process has gone.
    public func gather(
        bytes: [UInt8], for work: String = "a gathering"
    ) throws(ProcessGroupError) -> [[UInt8]] {
        let counts = try gather(Tensor([bytes.count]), for: work).map { Int($0.item()) }
        let longest = counts.max() ?? 0
        guard longest > 0 else { return counts.map { _ in [] } }
        let padding = [UInt8](repeating: 0, count: longest - bytes.count)
        let all = try gather(Tensor(bytes + padding), for: work)
        return zip(all, counts).map { Array($0.elements(as: UInt8.self).prefix($1)) }
    }

    /// Waits until all processes are here.
    ///
    /// - Parameter timeout: seconds to wait; nil for the group's own. More than that is needed where
    ///   one process works while the others wait.
    /// - Throws: ``ProcessGroupError`` when another process has gone, or does not come.
    public func barrier(timeout: Double? = nil) throws(ProcessGroupError) {
        try start("a barrier", on: .zeros([1]), timeout: timeout) { group, _, limit, result in
            ct_group_barrier(group, limit, result)
        }.wait()
    }

    /// The sum over all processes, differentiable: what a loss pooled over all of them needs.
    ///
    /// Let rank r of R have the summands `S_r(w)` of the weights w, and all have the loss
    /// `L = f(S_1 + … + S_R)`. Its gradient is `f' · Σ_r dS_r/dw`. Each rank differentiates only its
    /// own summand, and ``ProcessGroup`` users then *average* gradients over the ranks, so that each
    /// must contribute `R · f' · dS_r/dw`: the gradient passes back times R, as the adjoint of a sum
    /// that all ranks receive (Σ over ranks of the gradient, R equal ones). Nothing is sent backward.
    ///
    /// A loss `a · B + b · f(Σ S)` with `B` a mean over this rank's images thus gets the gradient of
    /// one process with all images, where all ranks have as many of them; where they have not, pool
    /// sum and count of `B` likewise.
    ///
    /// All ranks must use the sum alike: `f` is the same function on each.
    ///
    /// - Parameters:
    ///   - tensor: the summands of this rank, as overlap and areas in one tensor: one message for all.
    ///   - work: what it is for, in an error's words.
    /// - Returns: a tensor of the same shape, equal to the last bit on all ranks.
    /// - Throws: ``ProcessGroupError`` when another process has gone.
    public func sum(
        _ tensor: Tensor, for work: String = "the pooling of a loss"
    ) throws(ProcessGroupError) -> Tensor {
        let total = tensor.detached().clone()
        try sumInPlace(total, for: work)
        guard tensor.requiresGrad, isGradEnabled else { return total }
        // The second summand is 0 and carries the gradient.
        return total + (tensor - tensor.detached()) * Double(size)
    }
}

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
