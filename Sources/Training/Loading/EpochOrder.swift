import Ultrasound

/// Which samples come in which step of an epoch.
public enum EpochOrder {
    /// The batches of one epoch: a seeded shuffle, cut into pieces.
    ///
    /// With several processes a batch is shared out among them in order, so that `n` processes of
    /// batch `b` see what one process of batch `n * b` sees. A last batch that is too small for all
    /// of them is left out.
    ///
    /// - Parameters:
    ///   - count: samples.
    ///   - batch: samples in a batch of one process.
    ///   - processes: how many train together.
    ///   - seed: of the run.
    ///   - epoch: from 0.
    /// - Returns: for each step the numbers of its samples, those of all processes together.
    public static func batches(
        count: Int, batch: Int, processes: Int = 1, seed: UInt64, epoch: Int
    ) -> [[Int]] {
        var random = SampleRandom(seed: seed, epoch, -1)
        let order = Array(0..<count).shuffled(using: &random)
        let size = batch * processes
        return stride(from: 0, to: count, by: size).compactMap { start in
            let end = min(start + size, count)
            let taken = (end - start) / processes * processes
            return taken == 0 ? nil : Array(order[start..<start + taken])
        }
    }

    /// The part of a batch that one process takes.
    ///
    /// - Parameters:
    ///   - batch: the numbers of all processes.
    ///   - rank: which process, from 0.
    ///   - processes: how many there are.
    /// - Returns: the numbers of its samples.
    public static func share(_ batch: [Int], rank: Int, of processes: Int) -> [Int] {
        let count = batch.count / processes
        return Array(batch[rank * count..<(rank + 1) * count])
    }
}
