import Synchronization

/// Numbers for the values of recordings; no two recordings of a process share one.
enum ValueNumber {
    private static let last = Atomic(0)

    static func next() -> Int {
        last.add(1, ordering: .relaxed).newValue
    }
}
