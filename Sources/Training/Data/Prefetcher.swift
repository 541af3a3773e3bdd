import FileIO
import Foundation

/// Makes items ahead of their use on several threads, and hands them out in order.
///
/// The items depend on `make` only, not on the number of threads.
final class Prefetcher<Item: Sendable>: @unchecked Sendable {
    // All variables are read and written under the condition's lock.
    private let condition = NSCondition()
    private let range: Range<Int>
    private let ahead: Int
    private let make: @Sendable (Int) throws -> Item
    private var ready: [Int: Result<Item, any Error>] = [:]
    private var nextToMake: Int
    private var nextToTake: Int
    private var isStopped = false
    /// Seconds that ``next()`` has waited in all.
    private(set) var waited = 0.0

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - range: the numbers of the items, in order.
    ///   - workers: number of threads.
    ///   - ahead: largest number of items that wait to be taken.
    ///   - make: makes the item of a number.
    init(
        _ range: Range<Int>, workers: Int, ahead: Int = 4,
        make: @escaping @Sendable (Int) throws -> Item
    ) {
        self.range = range
        self.ahead = max(ahead, workers)
        self.make = make
        nextToMake = range.lowerBound
        nextToTake = range.lowerBound
        for _ in 0..<max(workers, 1) {
            let thread = Thread { [self] in work() }
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    /// The next item; nil after the last.
    ///
    /// - Throws: the error that `make` threw for this item.
    func next() throws -> Item? {
        condition.lock()
        defer { condition.unlock() }
        guard nextToTake < range.upperBound else { return nil }
        let start = ContinuousClock.now
        while ready[nextToTake] == nil { condition.wait() }
        waited += (ContinuousClock.now - start).inSeconds
        defer {
            nextToTake += 1
            condition.broadcast()
        }
        return try ready.removeValue(forKey: nextToTake)?.get()
    }

    /// Ends the threads after the items that they are making.
    func stop() {
        condition.lock()
        isStopped = true
        condition.broadcast()
        condition.unlock()
    }

    private func work() {
        while let number = take() {
            let result = Result { try make(number) }
            condition.lock()
            ready[number] = result
            condition.broadcast()
            condition.unlock()
        }
    }

    private func take() -> Int? {
        condition.lock()
        defer { condition.unlock() }
        while !isStopped, nextToMake < range.upperBound, nextToMake >= nextToTake + ahead {
            condition.wait()
        }
        guard !isStopped, nextToMake < range.upperBound else { return nil }
        defer { nextToMake += 1 }
        return nextToMake
    }
}
