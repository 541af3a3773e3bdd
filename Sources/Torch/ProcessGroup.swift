import CTorch
import Foundation

/// A group of processes that train or evaluate together, on one machine or many.
///
/// All processes must call the same collectives in the same order, each from one thread at a time.
/// Collectives use libtorch's Gloo over TCP. GPU tensors are copied through CPU memory.
public final class ProcessGroup: @unchecked Sendable {
    // libtorch locks its queue; the caller is responsible for the order of calls.
    private let raw: OpaquePointer
    private let store: OpaquePointer

    /// Rank of this process among all processes, from 0.
    public let rank: Int
    /// The number of processes.
    public let size: Int
    /// Rank of this process on its machine, from 0: the index of its GPU.
    public let localRank: Int
    /// Seconds after which a collective fails.
    public let timeout: Double

    /// Joins the group.
    ///
    /// - Parameters:
    ///   - rendezvous: the address of the rendezvous, and the rank of this process.
    ///   - timeout: seconds after which a collective fails because a machine is unreachable or a
    ///     process hangs. If a process exits, collectives fail at once.
    ///   - joinTimeout: seconds in which all processes must join.
    ///   - onListening: called with the port on the process that serves the rendezvous, before the
    ///     others join.
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

    /// Joins the group of processes that a launcher such as `torchrun` started.
    ///
    /// - Parameters:
    ///   - timeout: seconds after which a collective fails.
    ///   - joinTimeout: seconds in which all processes must join.
    /// - Returns: the group; nil for a single process.
    /// - Throws: ``ProcessGroupError`` when environment variables are missing, or when not all
    ///   processes join in time.
    public static func fromEnvironment(
        timeout: Double = 60, joinTimeout: Double = 600
    ) throws(ProcessGroupError) -> ProcessGroup? {
        guard let rendezvous = try Rendezvous.fromEnvironment() else { return nil }
        return try ProcessGroup(rendezvous, timeout: timeout, joinTimeout: joinTimeout)
    }

    /// Starts a collective on a tensor without waiting for it.
    func start(
        _ work: String, on tensor: Tensor, timeout: Double?,
        _ body: (OpaquePointer, OpaquePointer, Int64, UnsafeMutablePointer<OpaquePointer?>)
            -> UnsafeMutablePointer<CChar>?
    ) throws(ProcessGroupError) -> Collective {
        let limit = timeout ?? self.timeout
        // Gloo needs contiguous CPU memory; other tensors are copied before and after.
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

/// A running collective.
public final class Collective: @unchecked Sendable {
    // Only one thread waits for it; libtorch locks its state.
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

    /// Whether the collective has ended, successfully or not.
    public var isDone: Bool {
        ct_work_is_done(raw)
    }

    /// Waits for the end; the tensor then holds the result.
    ///
    /// - Throws: ``ProcessGroupError`` when another process has exited, or does not respond in
    ///   time.
    public func wait() throws(ProcessGroupError) {
        let clock = ContinuousClock()
        let start = clock.now
        // Gloo fails after `limit`; waiting slightly longer gives Gloo's own error message.
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
    /// Whether both start at the same address in CPU memory.
    fileprivate func sharesMemory(with other: Tensor) -> Bool {
        guard device.kind == .cpu, other.device.kind == .cpu else { return false }
        return handle.with(ct_memory) == other.handle.with(ct_memory) && strides == other.strides
    }
}

private func milliseconds(_ seconds: Double) -> Int64 {
    Int64((seconds * 1000).rounded(.up))
}

/// The first line of libtorch's message, without the source location.
private func words(taking message: UnsafeMutablePointer<CChar>) -> String {
    defer { free(message) }
    let line = String(cString: message).split(separator: "\n").first.map(String.init) ?? ""
    return line.replacing(#/^\[[^\]]*\.(cc|cpp|h):\d+\]\s*/#, with: "")
}

extension ProcessGroup {
    /// Starts the sum of a tensor over all processes, in place.
    ///
    /// - Parameters:
    ///   - tensor: has the same shape and type in all processes; must not be used until the
    ///     collective has ended.
    ///   - work: description of the collective for error messages.
    ///   - timeout: seconds after which it fails; nil for the group's timeout.
    /// - Returns: the running collective.
    /// - Throws: ``ProcessGroupError/refused(rank:work:reason:)``.
    public func startSum(
        _ tensor: Tensor, for work: String = "a sum over all processes", timeout: Double? = nil
    ) throws(ProcessGroupError) -> Collective {
        try start(work, on: tensor, timeout: timeout) { ct_group_sum($0, $1, $2, $3) }
    }

    /// Sums a tensor over all processes, in place; see ``startSum(_:for:timeout:)``.
    public func sumInPlace(
        _ tensor: Tensor, for work: String = "a sum over all processes", timeout: Double? = nil
    ) throws(ProcessGroupError) {
        try startSum(tensor, for: work, timeout: timeout).wait()
    }

    /// Averages a floating-point tensor over all processes, in place.
    public func meanInPlace(
        _ tensor: Tensor, for work: String = "a mean over all processes", timeout: Double? = nil
    ) throws(ProcessGroupError) {
        withoutGrad { tensor.assign(from: tensor / Double(size)) }
        try sumInPlace(tensor, for: work, timeout: timeout)
    }

    /// Copies the tensor of one process to all others, in place.
    ///
    /// - Parameters:
    ///   - tensor: has the same shape and type in all processes.
    ///   - root: the rank whose elements are copied.
    ///   - work: description of the collective for error messages.
    ///   - timeout: seconds after which it fails; nil for the group's timeout.
    /// - Throws: ``ProcessGroupError`` when another process has exited.
    public func broadcast(
        _ tensor: Tensor, from root: Int = 0, for work: String = "a broadcast",
        timeout: Double? = nil
    ) throws(ProcessGroupError) {
        try start(work, on: tensor, timeout: timeout) {
            ct_group_broadcast($0, $1, Int32(root), $2, $3)
        }.wait()
    }

    /// Gathers the tensors of all processes, in the order of their ranks.
    ///
    /// - Parameters:
    ///   - tensor: has the same shape and type in all processes.
    ///   - work: description of the collective for error messages.
    ///   - timeout: seconds after which it fails; nil for the group's timeout.
    /// - Returns: one tensor for each process, on the CPU.
    /// - Throws: ``ProcessGroupError`` when another process has exited.
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

    /// Gathers lists of bytes, which may differ in length, in the order of the ranks.
    ///
    /// - Parameters:
    ///   - bytes: the bytes of this process.
    ///   - work: description of the collective for error messages.
    /// - Returns: one list for each process.
    /// - Throws: ``ProcessGroupError`` when another process has exited.
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

    /// Waits until all processes have called this function.
    ///
    /// - Parameter timeout: seconds to wait; nil for the group's timeout. Needed when one process
    ///   works for longer than that while the others wait.
    /// - Throws: ``ProcessGroupError`` when another process has exited, or does not arrive in time.
    public func barrier(timeout: Double? = nil) throws(ProcessGroupError) {
        try start("a barrier", on: .zeros([1]), timeout: timeout) { group, _, limit, result in
            ct_group_barrier(group, limit, result)
        }.wait()
    }

    /// The sum over all processes, differentiable: for a loss that is pooled over all processes.
    ///
    /// Let rank r of R compute the summand `S_r(w)` of the weights w, and all ranks the loss
    /// `L = f(S_1 + … + S_R)`, whose gradient is `f' · Σ_r dS_r/dw`. Each rank differentiates only
    /// its own summand, and gradients are then *averaged* over the ranks, so each rank must
    /// contribute `R · f' · dS_r/dw`. Backward therefore multiplies the gradient by R, which is
    /// the adjoint of a sum that all ranks receive. Backward needs no communication.
    ///
    /// A loss `a · B + b · f(Σ S)`, where `B` is a mean over the rank's images, thus gets the
    /// gradient of one process with all images, if all ranks have the same number of images.
    /// Otherwise pool the sum and the count of `B` in the same way. `f` must be the same function
    /// on all ranks.
    ///
    /// - Parameters:
    ///   - tensor: the summands of this rank; several in one tensor, such as overlap and areas,
    ///     need only one message.
    ///   - work: description of the collective for error messages.
    /// - Returns: a tensor of the same shape, equal bit for bit on all ranks.
    /// - Throws: ``ProcessGroupError`` when another process has exited.
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

/// Why a process group cannot be formed, or fails.
public enum ProcessGroupError: Error, Equatable, Sendable {
    /// Some of the environment variables of a launcher are set, and others are missing.
    case incompleteEnvironment(set: [String], missing: [String])
    /// An environment variable of a launcher has an invalid value.
    case badEnvironment(name: String, value: String, needed: String)
    /// The processes did not all join.
    case notJoined(rank: Int, size: Int, place: String, reason: String)
    /// A collective failed because another process has exited.
    case lostPeer(rank: Int, size: Int, work: String, reason: String)
    /// A collective failed because another process did not respond in time.
    case timedOut(rank: Int, size: Int, work: String, seconds: Double)
    /// A collective that libtorch refused to start.
    case refused(rank: Int, work: String, reason: String)
    /// Something that must be equal in all processes differs.
    case disagreement(rank: Int, about: String)
}

extension ProcessGroupError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .incompleteEnvironment(let set, let missing):
            "\(set.joined(separator: ", ")) set but not \(missing.joined(separator: ", ")): "
                + "set all of them for several processes, or none for one"
        case .badEnvironment(let name, let value, let needed):
            "\(name) is '\(value)', but must be \(needed)"
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
