import CTorch

/// One reference to a libtorch tensor, given back when the last `Tensor` that holds it goes.
final class Handle: Sendable {
    // The pointer is opaque and never changes; libtorch counts its references atomically.
    nonisolated(unsafe) let raw: OpaquePointer
    /// The number of the recorded value that this is (see ``Trace``); 0 for any other tensor.
    ///
    /// Written once, by the thread that made the tensor, before anybody else has it.
    nonisolated(unsafe) var value = 0

    init(_ raw: OpaquePointer) {
        self.raw = raw
    }

    /// A reference of its own to a tensor that somebody else holds too.
    convenience init(retaining raw: OpaquePointer) {
        ct_retain(raw)
        self.init(raw)
    }

    /// Runs `body` with the pointer, which is good until then.
    ///
    /// Reading ``raw`` alone does not keep a temporary tensor alive: its handle may go, and the
    /// libtorch tensor with it, before the pointer is used.
    func with<Result>(_ body: (OpaquePointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(raw) }
    }

    deinit {
        ct_release(raw)
    }
}
