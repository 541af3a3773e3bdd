import Datasets
import Foundation
import Imaging
import Segmentation
import Torch

/// The examples of one step, all with prompts of one strategy.
struct Batch: Sendable {
    let examples: [Example]
    let strategy: PromptStrategy
    /// Random numbers of the batch, for draws during the step.
    let random: SampleRandom
    /// Random numbers of each example, for draws during the step.
    let randoms: [SampleRandom]

    var names: [String] { examples.map(\.sample.id) }

    /// The inputs of all examples, `[B, C, S, S]`.
    var images: Tensor { .concatenate(examples.map(\.inputTensor)) }

    /// The objects as 0 or 1, by the nearest pixel.
    ///
    /// - Parameter side: height and width of the result.
    /// - Returns: `[B, 1, side, side]`.
    func targets(side: Int) -> Tensor {
        let values = examples.flatMap { example in
            example.object.resizedNearest(to: Size(height: side, width: side)).values
                .map(Float.init)
        }
        return Tensor(values, shape: [examples.count, 1, side, side])
    }

    /// The classes of the pixels as 0 or 1 in a channel for the background and for each class.
    ///
    /// - Parameter channels: 1 + C.
    /// - Returns: `[B, 1 + C, S, S]` at the input's resolution.
    func classTargets(channels: Int) -> Tensor {
        let side = examples[0].object.width
        let values = examples.flatMap { example in
            guard let classes = example.classes else {
                preconditionFailure("ExampleTransform.classes gives every example its classes")
            }
            return (0..<channels).flatMap { channel in
                classes.map { Int($0) == channel ? Float(1) : 0 }
            }
        }
        return Tensor(values, shape: [examples.count, channels, side, side])
    }
}

/// The batches of every epoch; a batch depends on the seed, the epoch and its index only.
public struct TrainingBatches: Sendable {
    /// The training samples.
    public let samples: [Sample]
    /// How a sample becomes an example.
    public let transform: ExampleTransform
    /// The prompt strategies, one of which is drawn for each batch.
    public let prompts: PromptMix
    /// Batch size of one process.
    public let size: Int
    /// Exponent by which sets of different sizes are balanced.
    public let balance: Double
    /// Index of this process.
    public let rank: Int
    /// Number of processes that train together.
    public let processes: Int

    /// - Parameters:
    ///   - samples: at least one.
    ///   - transform: how a sample becomes an example.
    ///   - prompts: the prompt strategies, one of which is drawn for each batch.
    ///   - size: batch size of one process.
    ///   - balance: exponent by which sets of different sizes are balanced, see
    ///     ``BatchSampler/balanced(_:by:seed:epoch:)``.
    ///   - rank: index of this process.
    ///   - processes: number of processes that train together.
    public init(
        samples: [Sample], transform: ExampleTransform, prompts: PromptMix, size: Int,
        balance: Double = 1, rank: Int = 0, processes: Int = 1
    ) {
        self.samples = samples
        self.transform = transform
        self.prompts = prompts
        self.size = size
        self.balance = balance
        self.rank = rank
        self.processes = processes
    }

    /// Indices of an epoch's samples, batch by batch, of all processes together.
    ///
    /// The k-th draw of sample i is i + k n, where n is the number of samples.
    func order(of epoch: Int) -> [[Int]] {
        let batches = BatchSampler.batches(
            count: samples.count, batch: size, processes: processes, seed: transform.seed,
            epoch: epoch)
        guard balance < 1 else { return batches }
        let drawn = BatchSampler.balanced(
            samples.map { "\($0.dataset)#\($0.label)" }, by: balance, seed: transform.seed,
            epoch: epoch)
        // A sample that is drawn again has other random numbers, and so another place in the order.
        var draws = [Int](repeating: 0, count: samples.count)
        let places = drawn.map { sample in
            defer { draws[sample] += 1 }
            return sample + draws[sample] * samples.count
        }
        return batches.map { $0.map { places[$0] } }
    }

    /// Number of batches in an epoch; the same in every epoch.
    public var count: Int { order(of: 0).count }

    /// This process's part of one batch.
    ///
    /// - Parameters:
    ///   - indices: one element of ``order(of:)``.
    ///   - index: its index in the epoch.
    ///   - epoch: from 0.
    /// - Returns: the batch.
    /// - Throws: the error of reading an image.
    func batch(_ indices: [Int], index: Int, epoch: Int) throws -> Batch {
        var random = SampleRandom(seed: transform.seed, epoch, index, -2)
        let strategy = prompts.draw(using: &random)
        let own = BatchSampler.share(indices, rank: rank, of: processes)
        let examples = try own.map {
            try transform.example(
                of: samples[$0 % samples.count], epoch: epoch, number: $0, strategy: strategy)
        }
        return Batch(
            examples: examples, strategy: strategy, random: random,
            randoms: own.map { SampleRandom(seed: transform.seed, epoch, $0, -4) })
    }
}

/// Which samples form which batch of an epoch.
public enum BatchSampler {
    /// The batches of one epoch: a seeded shuffle, cut into pieces.
    ///
    /// Several processes share each batch in order, so that `n` processes with batch size `b` see
    /// the samples of one process with batch size `n * b`. Samples of the last batch that cannot
    /// be shared evenly are dropped.
    ///
    /// - Parameters:
    ///   - count: number of samples.
    ///   - batch: batch size of one process.
    ///   - processes: number of processes that train together.
    ///   - seed: seed of the run.
    ///   - epoch: from 0.
    /// - Returns: for each step the indices of its samples, of all processes together.
    public static func batches(
        count: Int, batch: Int, processes: Int = 1, seed: UInt64, epoch: Int
    ) -> [[Int]] {
        var random = SampleRandom(seed: seed, epoch, -1)
        let order = Array(0..<count).shuffled(using: &random)
        let size = batch * processes
        return stride(from: 0, to: count, by: size).compactMap { start in
            let end = min(start + size, count)
            let used = (end - start) / processes * processes
            return used == 0 ? nil : Array(order[start..<start + used])
        }
    }

    /// Draws samples of groups of different sizes for one epoch.
    ///
    /// A group of n samples is drawn in proportion to n to the power of `exponent`; within a group
    /// every sample comes as often as any other, but for one draw.
    ///
    /// - Parameters:
    ///   - groups: the group of each sample.
    ///   - exponent: 1 keeps the groups' shares, 0 makes them equal.
    ///   - seed: seed of the run.
    ///   - epoch: from 0.
    /// - Returns: indices of samples, as many as there are samples.
    public static func balanced(
        _ groups: [String], by exponent: Double, seed: UInt64, epoch: Int
    ) -> [Int] {
        let members = Dictionary(grouping: groups.indices, by: { groups[$0] })
        let names = members.keys.sorted()
        let weights = names.map { pow(Double(members[$0]?.count ?? 0), exponent) }
        let total = weights.reduce(0, +)
        var random = SampleRandom(seed: seed, epoch, -5)
        var drawn: [Int] = []
        var ideal = 0.0
        for (name, weight) in zip(names, weights) {
            let own = members[name] ?? []
            // Rounded sums, so that the numbers of all groups add up.
            ideal += weight / total * Double(groups.count)
            let count = Int(ideal.rounded()) - drawn.count
            var draws: [Int] = []
            while draws.count < count { draws += own.shuffled(using: &random) }
            drawn += draws.prefix(count)
        }
        return drawn
    }

    /// The part of a batch that one process trains with.
    ///
    /// - Parameters:
    ///   - batch: indices of all processes.
    ///   - rank: index of the process.
    ///   - processes: number of processes.
    /// - Returns: the indices of the process.
    public static func share(_ batch: [Int], rank: Int, of processes: Int) -> [Int] {
        let count = batch.count / processes
        return Array(batch[rank * count..<(rank + 1) * count])
    }
}
