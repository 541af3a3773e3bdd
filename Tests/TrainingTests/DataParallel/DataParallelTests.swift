import Foundation
import TestSupport
import Testing
import Torch
import TorchNN
import Training

@Suite("Shards of a list")
struct ShardTests {
    @Test("shards contain each item once, or repeat items as PyTorch's DistributedSampler")
    func shards() {
        let items = Array(0..<7)
        let shares = { (remainder: ShardRemainder) in
            (0..<3).map { shard(items, rank: $0, of: 3, remainder: remainder) }
        }
        #expect(shares(.uneven) == [[0, 3, 6], [1, 4], [2, 5]])
        // list(DistributedSampler(range(7), num_replicas=3, rank=r, shuffle=False))
        #expect(shares(.repeated) == [[0, 3, 6], [1, 4, 0], [2, 5, 1]])
        #expect(shares(.dropped) == [[0, 3], [1, 4], [2, 5]])
        #expect(shard([7], rank: 3, of: 4) == [7])
        #expect(shard([Int](), rank: 1, of: 2) == [])
        #expect(shard([7], rank: 1, of: 2, remainder: .uneven) == [])
    }
}

#if compiler(>=6.3)
    @Suite("Two processes train like one", .timeLimit(.minutes(60)))
    struct DataParallelTests {
        /// One way to exchange gradients.
        struct Course: Codable, Sendable {
            let passes: Int
            let isOverlapping: Bool
            let bucketBytes: Int
        }

        static let courses = [
            Course(passes: 1, isOverlapping: true, bucketBytes: 700),
            Course(passes: 2, isOverlapping: true, bucketBytes: 700),
            Course(passes: 1, isOverlapping: false, bucketBytes: 25 << 20),
        ]

        @Test(
            "10 steps of Adam in two processes give the weights of one process with twice the batch size",
            arguments: courses)
        func steps(course: Course) async {
            let meeting = Meeting()
            defer { meeting.end() }
            async let first: Void = train(0, meeting, course)
            async let second: Void = train(1, meeting, course)
            _ = await (first, second)
        }

        private func train(_ rank: Int, _ meeting: Meeting, _ course: Course) async {
            await #expect(processExitsWith: .success) {
                [rank = rank as Int, meeting = meeting as Meeting, course = course as Course] in
                TorchRuntime.threads = 1
                let group = try meeting.join(rank: rank, of: 2)
                Generator.seedDefault(UInt64(rank))
                let network = SmallNetwork()
                let parallel = try DataParallel(
                    network, in: group, bucketBytes: course.bucketBytes,
                    isOverlapping: course.isOverlapping)
                let alone = SmallNetwork(copying: network)
                let optimizers = [network, alone].map { Adam($0.trainable, learningRate: 1e-2) }
                let data = Generator(seed: 1)
                for _ in 0..<10 {
                    network.zeroGrad()
                    alone.zeroGrad()
                    for pass in 1...course.passes {
                        let batch = SmallBatch(count: 4, generator: data)
                        if pass == course.passes { parallel.expectGradients() }
                        let share = batch.share(rank: rank, of: 2)
                        let loss = try network.loss(share) { try group.sum($0) }
                        (loss / Double(course.passes)).backward()
                        (alone.loss(batch) { $0 } / Double(course.passes)).backward()
                    }
                    try parallel.averageGradients()
                    for optimizer in optimizers { optimizer.step() }
                }
                try #require(network.never.value.grad == nil)
                for (one, other) in zip(network.namedParameters(), alone.namedParameters()) {
                    let difference = Difference(one.parameter.value, other.parameter.value)
                    try #require(difference.isWithin(absolute: 1e-5), "\(one.name): \(difference)")
                }
                // Both processes have the same bits.
                for (name, parameter) in network.namedParameters() {
                    let all = try group.gather(parameter.value)
                    try #require(Difference(all[0], all[1]).largest == 0, "\(name)")
                }
            }
        }

        @Test("different networks are refused, and gathered rows are in order")
        func agreement() async {
            let meeting = Meeting()
            defer { meeting.end() }
            async let first: Void = agree(0, meeting)
            async let second: Void = agree(1, meeting)
            _ = await (first, second)
        }

        private func agree(_ rank: Int, _ meeting: Meeting) async {
            await #expect(processExitsWith: .success) {
                [rank = rank as Int, meeting = meeting as Meeting] in
                let group = try meeting.join(rank: rank, of: 2)
                let error = #expect(throws: ProcessGroupError.self) {
                    try DataParallel(Linear(2, 2, bias: rank == 0), in: group)
                }
                try #require(error?.description.contains("the processes differ in") == true)
                let items = [0, 1, 2, .infinity, 4]
                let share = shard(items, rank: rank, of: 2, remainder: .uneven)
                let rows = try group.gather(rows: share)
                try #require(rows == items)
            }
        }
    }
#endif

/// Images and masks.
struct SmallBatch {
    let images: Tensor
    let masks: Tensor
    /// 1 for every second image.
    let odd: Tensor

    init(count: Int, generator: Generator) {
        images = .normal([count, 1, 12, 12], generator: generator)
        masks = (Tensor.uniform([count, 1, 12, 12], generator: generator) - 0.3).heaviside()
        odd = Tensor((0..<count).map { Float($0 % 2) }, shape: [count, 1, 1, 1])
    }

    private init(images: Tensor, masks: Tensor, odd: Tensor) {
        self.images = images
        self.masks = masks
        self.odd = odd
    }

    func share(rank: Int, of size: Int) -> SmallBatch {
        let places = Span(from: rank, by: size)
        return SmallBatch(images: images[places], masks: masks[places], odd: odd[places])
    }
}

/// Convolutions, one weight that only odd images use, and one that is never used.
final class SmallNetwork: Module {
    let inner: Conv2d
    let outer: Conv2d
    let oddOnly: Parameter
    let never: Parameter

    override init() {
        inner = Conv2d(1, 6, kernel: 3, padding: 1)
        outer = Conv2d(6, 1, kernel: 3, padding: 1)
        oddOnly = Parameter(.full([1], 0.1))
        never = Parameter(.ones([3]))
    }

    /// A network with the values of another.
    init(copying other: SmallNetwork) {
        inner = Conv2d(1, 6, kernel: 3, padding: 1)
        outer = Conv2d(6, 1, kernel: 3, padding: 1)
        oddOnly = Parameter(.full([1], 0.1))
        never = Parameter(.ones([3]))
        super.init()
        withoutGrad {
            for (own, given) in zip(parameters, other.parameters) {
                own.value.assign(from: given.value)
            }
        }
    }

    /// The authors' loss; `pool` adds the sums of Dice over all processes.
    func loss(_ batch: SmallBatch, pool: (Tensor) throws -> Tensor) rethrows -> Tensor {
        var logits = outer(gelu(inner(batch.images)))
        // Rank 0 has even images only, so that it does not use this weight.
        if batch.odd.sum().item() > 0 { logits = logits + batch.odd * oddOnly.value }
        let entropy = binaryCrossEntropy(
            logits: logits, targets: batch.masks, positiveWeight: Tensor(Float(2)))
        let inside = sigmoid(logits)
        let sums = try pool(
            .stack([
                (inside * batch.masks).sum(), (inside * inside).sum(),
                (batch.masks * batch.masks).sum(),
            ]))
        let dice = (sums[0] * 2 + 1e-5) / (sums[1] + sums[2] + 1e-5)
        return entropy * 0.2 + (1 - dice) * 0.8
    }
}

extension Tensor {
    /// 1 where positive, 0 elsewhere.
    fileprivate func heaviside() -> Tensor {
        (self .> 0).to(.float32)
    }
}
