import Datasets
import Imaging
import SegmentAnything
import Segmentation
import Torch

/// The examples of one step, all pointed at in the same way.
struct Batch: Sendable {
    let examples: [Example]
    let kind: PromptStrategy
    /// Of the batch: what is drawn for all of it while it runs.
    let random: SampleRandom
    /// Of each example: what is drawn for it while the batch runs.
    let randoms: [SampleRandom]

    var names: [String] { examples.map(\.sample.id) }

    /// The input of all, `[B, C, S, S]`.
    var images: Tensor { .concatenate(examples.map(Self.image(of:))) }

    /// The input of one, `[1, C, S, S]`.
    static func image(of example: Example) -> Tensor {
        let input = example.input
        return Tensor(input.values, shape: [1, input.channels, input.height, input.width])
    }

    /// The objects, 0 or 1, `[B, 1, side, side]`, by the nearest pixel.
    func targets(side: Int) -> Tensor {
        let values = examples.flatMap { example in
            example.inside.resizedNearest(to: Size(height: side, width: side)).values
                .map(Float.init)
        }
        return Tensor(values, shape: [examples.count, 1, side, side])
    }
}

/// Makes the batches of every epoch; what it makes depends on seed, epoch and place alone.
public struct BatchMaker: Sendable {
    /// The samples trained with.
    public let samples: [Sample]
    /// Makes of them what the network sees.
    public let preprocessing: ExamplePreparation
    /// What the steps show of the object.
    public let prompts: PromptMix
    /// Samples of a batch, in one process.
    public let size: Int
    /// This process's number.
    public let rank: Int
    /// How many processes train together.
    public let processes: Int

    /// - Parameters:
    ///   - samples: at least one.
    ///   - preprocessing: makes of them what the network sees.
    ///   - prompts: what the steps show of the object.
    ///   - size: samples of a batch, in one process.
    ///   - rank: this process's number.
    ///   - processes: how many train together.
    public init(
        samples: [Sample], preprocessing: ExamplePreparation, prompts: PromptMix, size: Int,
        rank: Int = 0, processes: Int = 1
    ) {
        self.samples = samples
        self.preprocessing = preprocessing
        self.prompts = prompts
        self.size = size
        self.rank = rank
        self.processes = processes
    }

    /// The numbers of an epoch's samples, batch by batch, those of all processes together.
    func order(of epoch: Int) -> [[Int]] {
        EpochOrder.batches(
            count: samples.count, batch: size, processes: processes, seed: preprocessing.seed,
            epoch: epoch)
    }

    /// Batches of an epoch; the same number in every one.
    public var count: Int { order(of: 0).count }

    /// One batch, this process's part of it.
    func batch(_ numbers: [Int], place: Int, epoch: Int) throws -> Batch {
        var random = SampleRandom(seed: preprocessing.seed, epoch, place, -2)
        let kind = prompts.draw(using: &random)
        let own = EpochOrder.share(numbers, rank: rank, of: processes)
        let examples = try own.map {
            try preprocessing.example(of: samples[$0], epoch: epoch, number: $0, pointing: kind)
        }
        return Batch(
            examples: examples, kind: kind, random: random,
            randoms: own.map { SampleRandom(seed: preprocessing.seed, epoch, $0, -4) })
    }
}

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

extension PromptStrategy {
    /// Draws the prompt of a training step.
    ///
    /// - Parameters:
    ///   - inside: the object in the input's frame.
    ///   - extent: the image's part of the input, where all clicks lie.
    ///   - random: of the sample in this epoch.
    /// - Returns: the prompt, in pixels of the input.
    func prompt(
        on inside: Mask, within extent: Size, using random: inout SampleRandom
    ) -> Prompt {
        PromptSampler(self, boxJitter: PromptSampler.trainingBoxJitter)
            .prompt(for: inside.cropped(to: extent), using: &random)
    }
}

extension Prompt {
    /// The same prompt with its clicks in a grid finer by a factor: the middles of the same places.
    func scaled(by factor: Double) -> Prompt {
        func scaled(_ point: PixelPoint) -> PixelPoint {
            PixelPoint(x: (point.x + 0.5) * factor - 0.5, y: (point.y + 0.5) * factor - 0.5)
        }
        return Prompt(
            foregroundPoints: foregroundPoints.map(scaled),
            backgroundPoints: backgroundPoints.map(scaled), box: box, mask: mask)
    }
}
