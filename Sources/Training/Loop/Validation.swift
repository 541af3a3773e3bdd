import Datasets
import Imaging
import Metrics
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN

/// How a network does on samples it is not trained with, in the grid of its input.
///
/// The click is the authors' fixed one: the middle one of the object's pixels in row-major order.
public struct Validation: Sendable {
    /// One sample, pointed at in one way.
    public struct Case: Codable, Sendable {
        /// The sample's place in ``Validation/samples``.
        public let number: Int
        /// What points at the object.
        public let pointing: PromptStrategy
        /// Dice; 1 where both masks are empty, 0 where one is.
        public let dice: Double
        /// Intersection over union.
        public let iou: Double
        /// The network's own estimate of it.
        public let estimate: Double
    }

    /// All cases and their means.
    public struct Result: Sendable {
        /// The samples.
        public let samples: [Sample]
        /// In the order of the samples.
        public let cases: [Case]

        /// Mean Dice of each set and class, `Echo-CAMUS#2`, over all ways to point.
        public var dice: [String: Double] { means(\.dice) }
        /// Mean over sets and classes, each counting once: what the best weights are chosen by.
        public var meanDice: Double { mean(Array(dice.values)) }
        /// Mean IoU over sets and classes.
        public var meanIoU: Double { mean(Array(means(\.iou).values)) }

        private func means(_ value: (Case) -> Double) -> [String: Double] {
            Dictionary(grouping: cases) {
                "\(samples[$0.number].dataset)#\(samples[$0.number].label)"
            }.mapValues { mean($0.map(value)) }
        }

        private func mean(_ values: [Double]) -> Double {
            values.isEmpty ? 0 : values.sorted().reduce(0, +) / Double(values.count)
        }
    }

    /// The samples.
    public let samples: [Sample]
    /// The ways to point.
    public let pointings: [PromptStrategy]
    let preprocessing: ExamplePreparation

    /// - Parameters:
    ///   - samples: those of one image one after the other.
    ///   - pointings: the ways to point.
    ///   - preprocessing: as in training; nothing is augmented.
    public init(samples: [Sample], pointings: [PromptStrategy], preprocessing: ExamplePreparation) {
        self.samples = samples
        self.pointings = pointings
        self.preprocessing = preprocessing
    }

    /// Runs it with the weights as they are; several processes share the images out.
    ///
    /// - Parameters:
    ///   - trainer: whose network.
    ///   - progress: told of each sample done, and how many this process has.
    /// - Returns: all cases, those of the other processes too.
    /// - Throws: what reading images throws, and `ProcessGroupError` when a process is lost.
    public func run(
        _ trainer: Trainer, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> Result {
        let own = shard(
            ofOneImage, rank: trainer.group?.rank ?? 0, of: trainer.group?.count ?? 1,
            remainder: .uneven)
        let count = own.reduce(0) { $0 + $1.count }
        var done = 0
        var cases: [Int: [Case]] = [:]
        try forEach(own.flatMap(\.self), trainer) { number, example, embedding in
            cases[number] = try pointings.map { pointing in
                let found = try found(trainer, embedding, example, pointing)
                let overlap = try MaskComparison(
                    prediction: found.mask, reference: example.inside
                ).counts
                return Case(
                    number: number, pointing: pointing, dice: overlap.dice, iou: overlap.iou,
                    estimate: found.estimate)
            }
            done += 1
            progress(done, count)
        }
        let rows = own.map { $0.flatMap { cases[$0] ?? [] } }
        let all = try trainer.group?.gather(rows) ?? rows
        return Result(samples: samples, cases: all.flatMap(\.self))
    }

    /// Some cases once more, to be looked at.
    ///
    /// - Parameters:
    ///   - cases: of ``run(_:progress:)`` with the same weights.
    ///   - trainer: whose network.
    /// - Returns: one image each, in the order of the cases.
    /// - Throws: what reading images throws.
    func images(of cases: [Case], _ trainer: Trainer) throws -> [PredictionExample] {
        var drawn: [Int: [PromptStrategy: PredictionExample]] = [:]
        let wanted = Dictionary(grouping: cases, by: \.number)
        try forEach(wanted.keys.sorted(), trainer) { number, example, embedding in
            for one in wanted[number] ?? [] {
                let found = try found(trainer, embedding, example, one.pointing)
                drawn[number, default: [:]][one.pointing] = PredictionExample(
                    image: example.image, label: example.inside.cropped(to: example.extent),
                    prediction: found.mask.cropped(to: example.extent), dice: one.dice,
                    clicks: found.prompt.foregroundPoints, box: found.prompt.box,
                    name: "\(example.sample.id) \(one.pointing)")
            }
        }
        return cases.compactMap { drawn[$0.number]?[$0.pointing] }
    }

    /// The samples' numbers, those of one image that follow each other together.
    private var ofOneImage: [[Int]] {
        samples.indices.reduce(into: []) { result, number in
            if let last = result.last?.last, samples[last].image == samples[number].image {
                result[result.count - 1].append(number)
            } else {
                result.append([number])
            }
        }
    }

    /// Encodes images, each once for samples that follow each other.
    private func forEach(
        _ numbers: [Int], _ trainer: Trainer, _ body: (Int, Example, Tensor) throws -> Void
    ) throws {
        let network = trainer.network
        network.evaluate()
        let device = network.maskDecoder.outputTokens.device
        let loader = Loader(0..<numbers.count, workers: trainer.settings.workers) {
            [samples, preprocessing] place in
            try preprocessing.plainExample(of: samples[numbers[place]]) { _, _ in Prompt() }
        }
        defer { loader.stop() }
        var last: (image: String, embedding: Tensor)?
        for number in numbers {
            guard let example = try loader.next() else { break }
            let embedding: Tensor
            if let last, last.image == example.sample.image {
                embedding = last.embedding
            } else {
                embedding = try trainer.inference {
                    try trainer.embeddings.map {
                        try $0([example]) { Batch.image(of: $0).to(device) }
                    } ?? network.encode(Batch.image(of: example).to(device))
                }
                last = (example.sample.image, embedding)
            }
            try trainer.inference { try body(number, example, embedding) }
        }
    }

    /// A mask inside the input, and what asked for it.
    private struct Found {
        let mask: Mask
        let estimate: Double
        let prompt: Prompt
    }

    private func found(
        _ trainer: Trainer, _ embedding: Tensor, _ example: Example, _ pointing: PromptStrategy
    ) throws -> Found {
        let network = trainer.network
        // Strategies with random clicks draw the same ones at every validation.
        var random = SampleRandom(
            seed: preprocessing.seed, Fingerprint(of: example.sample.id).streamIndex)
        let prompt = PromptSampler(pointing).prompt(
            for: example.inside.cropped(to: example.extent), using: &random)
        let decoded =
            pointing == .promptFree
            ? network.decodePromptFree(embedding)
            : network.decode(
                embedding,
                prompts: PromptTensors(
                    PromptArrays(inInputPixels: [prompt]), on: embedding.device))
        guard let (logits, iou) = decoded else {
            preconditionFailure("a network without prompts was refused before")
        }
        let side = example.inside.width
        let full = bilinear(logits.to(.float32), height: side, width: side)
        return Found(
            mask: Trainer.masks(of: full[.all, 0])[0].cleared(outside: example.extent),
            estimate: iou.to(.float32)[0, 0].item(), prompt: prompt)
    }
}

extension Trainer {
    /// Runs `body` as inference: without gradients, in the training's precision.
    func inference<Result>(_ body: () throws -> Result) rethrows -> Result {
        try withoutGrad {
            try withAutocast(to: settings.isBFloat16 ? .bfloat16 : .float32, body)
        }
    }
}

extension Mask {
    /// The upper left part.
    func cropped(to extent: Size) -> Mask {
        var part: [UInt8] = []
        for y in 0..<extent.height { part += values[y * width..<y * width + extent.width] }
        return Mask(width: extent.width, height: extent.height, values: part)
    }

    /// Nothing inside but in the upper left part.
    func cleared(outside extent: Size) -> Mask {
        let kept = values.enumerated().map { index, value in
            index % width < extent.width && index / width < extent.height ? value : 0
        }
        return Mask(width: width, height: height, values: kept)
    }
}
