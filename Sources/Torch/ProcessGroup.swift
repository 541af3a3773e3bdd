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
    /// - Returns: nil for a process on its own.
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
            tensor.countEdit()
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
