import Synchronization

/// A value behind a lock, which copies of a struct share.
package final class Locked<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    /// - Parameter value: the first value.
    package init(_ value: Value) {
        mutex = Mutex(value)
    }

    /// The value at this moment.
    package var value: Value {
        get { mutex.withLock { $0 } }
        set { mutex.withLock { $0 = newValue } }
    }

    /// Changes the value while no other thread reads it.
    ///
    /// - Parameter body: receives the value; its error is passed on.
    /// - Throws: what `body` throws.
    package func withLock<Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Void
    ) throws(Failure) {
        try mutex.withLock { value throws(Failure) in try body(&value) }
    }
}
