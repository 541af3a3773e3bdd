import CTorch

/// One reference to a libtorch tensor, given back when the last `Tensor` that holds it goes.
final class Handle: Sendable {
    // The pointer is opaque and never changes; libtorch counts its references atomically.
    nonisolated(unsafe) let raw: OpaquePointer

    init(_ raw: OpaquePointer) {
        self.raw = raw
    }

    deinit {
        ct_release(raw)
    }
}
