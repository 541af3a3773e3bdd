import Ultrasound

/// Makes the batches of every epoch; what it makes depends on seed, epoch and place alone.
public struct BatchMaker: Sendable {
    /// The samples trained with.
    public let samples: [Sample]
    /// Makes of them what the network sees.
    public let preparation: ExamplePreparation
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
    ///   - preparation: makes of them what the network sees.
    ///   - prompts: what the steps show of the object.
    ///   - size: samples of a batch, in one process.
    ///   - rank: this process's number.
    ///   - processes: how many train together.
    public init(
        samples: [Sample], preparation: ExamplePreparation, prompts: PromptMix, size: Int,
        rank: Int = 0, processes: Int = 1
    ) {
        self.samples = samples
        self.preparation = preparation
        self.prompts = prompts
        self.size = size
        self.rank = rank
        self.processes = processes
    }

    /// The numbers of an epoch's samples, batch by batch, those of all processes together.
    func order(of epoch: Int) -> [[Int]] {
        EpochOrder.batches(
            count: samples.count, batch: size, processes: processes, seed: preparation.seed,
            epoch: epoch)
    }

    /// Batches of an epoch; the same number in every one.
    public var count: Int { order(of: 0).count }

    /// One batch, this process's part of it.
    func batch(_ numbers: [Int], place: Int, epoch: Int) throws -> Batch {
        var random = SampleRandom(seed: preparation.seed, epoch, place, -2)
        let kind = prompts.draw(using: &random)
        let own = EpochOrder.share(numbers, rank: rank, of: processes)
        let examples = try own.map {
            try preparation.example(of: samples[$0], epoch: epoch, number: $0, pointing: kind)
        }
        return Batch(
            examples: examples, kind: kind, random: random,
            randoms: own.map { SampleRandom(seed: preparation.seed, epoch, $0, -4) })
    }
}
