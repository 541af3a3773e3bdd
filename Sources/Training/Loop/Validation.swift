import Datasets
import Imaging
import MaskMetrics
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN

/// Measures a network on the validation samples, at the input's resolution.
public struct Validation {
    /// One sample with the prompt of one strategy.
    public struct Case: Codable, Sendable {
        /// Index of the sample in ``Validation/samples``.
        public let number: Int
        /// How the prompt was made.
        public let strategy: PromptStrategy
        /// Whether the label has a pixel of the class; means are over such cases.
        public let isPresent: Bool
        /// Dice, 0 to 1; 1 where both masks are empty.
        public let dice: Double
        /// Intersection over union, 0 to 1.
        public let iou: Double
        /// The network's estimate of the IoU.
        public let estimate: Double
    }

    /// All cases and their means.
    public struct Result: Sendable {
        /// The samples.
        public let samples: [Sample]
        /// The cases in the order of the samples.
        public let cases: [Case]

        /// The objects that are in their images.
        ///
        /// An absent one has Dice 1 if nothing is found, so that a network that never finds anything
        /// would look good.
        public var present: [Case] { cases.filter(\.isPresent) }
        /// Mean Dice of each dataset and class, for example `Echo-CAMUS#2`, over all prompt
        /// strategies.
        public var dice: [String: Double] { means(present, \.dice) }
        /// Mean over datasets and classes, each with the same weight.
        public var meanDice: Double { mean(Array(dice.values)) }
        /// Mean IoU over datasets and classes.
        public var meanIoU: Double { mean(Array(means(present, \.iou).values)) }

        /// The means by their columns in `results.csv`.
        public var columns: [String: Double] {
            var columns = ["val/dice": meanDice, "val/iou": meanIoU]
            for (group, dice) in dice { columns["val/dice/\(group)"] = dice }
            let byStrategy = Dictionary(grouping: present, by: \.strategy)
            if Set(cases.map(\.strategy)).count > 1 {
                for (strategy, cases) in byStrategy {
                    columns["val/dice_\(strategy)"] = mean(Array(means(cases, \.dice).values))
                }
            }
            return columns
        }

        private func means(_ cases: [Case], _ value: (Case) -> Double) -> [String: Double] {
            Dictionary(grouping: cases) {
                "\(samples[$0.number].dataset)#\(samples[$0.number].label)"
            }.mapValues { mean($0.map(value)) }
        }

        private func mean(_ values: [Double]) -> Double {
            values.isEmpty ? 0 : values.sorted().reduce(0, +) / Double(values.count)
        }
    }

    /// The samples; those of one image follow each other.
    public let samples: [Sample]
    /// How prompts are made; each sample has one case per strategy.
    public let strategies: [PromptStrategy]
    let transform: ExampleTransform
    let network: any SegmentationNetwork
    let encoder: CachedEncoder?
    let dtype: DType
    let workers: Int
    let group: DistributedTraining?

    /// Measures the network with its present weights; several processes share the images.
    ///
    /// - Parameter progress: called after each sample with the number of samples done and the
    ///   number of samples of this process.
    /// - Returns: all cases, those of other processes too.
    /// - Throws: errors of reading images, and `ProcessGroupError` when a process is lost.
    func run(progress: (Int, Int) -> Void = { _, _ in }) throws -> Result {
        let own = shard(
            samplesByImage, rank: group?.rank ?? 0, of: group?.count ?? 1, remainder: .uneven)
        let count = own.reduce(0) { $0 + $1.count }
        var done = 0
        var cases: [Int: [Case]] = [:]
        try forEach(own.flatMap(\.self)) { number, example, embedding in
            cases[number] = try strategies.map { strategy in
                let prediction = predict(embedding, example, strategy)
                let overlap = try MaskComparison(
                    prediction: prediction.mask, reference: example.object
                ).counts
                return Case(
                    number: number, strategy: strategy, isPresent: example.object.area > 0,
                    dice: overlap.dice, iou: overlap.iou, estimate: prediction.estimate)
            }
            done += 1
            progress(done, count)
        }
        let rows = own.map { $0.flatMap { cases[$0] ?? [] } }
        let all = try group?.gather(rows) ?? rows
        return Result(samples: samples, cases: all.flatMap(\.self))
    }

    /// Predicts some cases again, for drawings.
    ///
    /// - Parameter cases: cases of ``run(progress:)`` with the same weights.
    /// - Returns: one image for each case, in the order of the cases.
    /// - Throws: errors of reading images.
    func images(of cases: [Case]) throws -> [PredictionExample] {
        var drawn: [Int: [PromptStrategy: PredictionExample]] = [:]
        let wanted = Dictionary(grouping: cases, by: \.number)
        try forEach(wanted.keys.sorted()) { number, example, embedding in
            for one in wanted[number] ?? [] {
                let prediction = predict(embedding, example, one.strategy)
                drawn[number, default: [:]][one.strategy] = PredictionExample(
                    image: example.image, label: example.object.cropped(to: example.extent),
                    prediction: prediction.mask.cropped(to: example.extent), dice: one.dice,
                    foregroundPoints: prediction.prompt.foregroundPoints,
                    box: prediction.prompt.box,
                    name: "\(example.sample.id) \(one.strategy)")
            }
        }
        return cases.compactMap { drawn[$0.number]?[$0.strategy] }
    }

    /// Indices of samples, grouped by image.
    private var samplesByImage: [[Int]] {
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
        _ numbers: [Int], _ body: (Int, Example, Tensor) throws -> Void
    ) throws {
        network.evaluate()
        let device = network.device
        let prefetcher = Prefetcher(0..<numbers.count, workers: workers) {
            [samples, transform] index in
            try transform.plainExample(of: samples[numbers[index]])
        }
        defer { prefetcher.stop() }
        var last: (image: String, embedding: Tensor)?
        for number in numbers {
            guard let example = try prefetcher.next() else { break }
            try withoutGrad {
                try withAutocast(to: dtype, on: Device(device.kind)) {
                    let embedding: Tensor
                    if let last, last.image == example.sample.image {
                        embedding = last.embedding
                    } else {
                        embedding =
                            try encoder?([example]) { $0.inputTensor.to(device) }
                            ?? network.encode(example.inputTensor.to(device))
                        last = (example.sample.image, embedding)
                    }
                    try body(number, example, embedding)
                }
            }
        }
    }

    /// A mask at the input's resolution, and its prompt.
    private struct Prediction {
        let mask: Mask
        let estimate: Double
        let prompt: Prompt
    }

    private func predict(
        _ embedding: Tensor, _ example: Example, _ strategy: PromptStrategy
    ) -> Prediction {
        // Strategies with random clicks draw the same ones in every validation.
        var random = SampleRandom(
            seed: transform.seed, Fingerprint(of: example.sample.id).streamIndex)
        let prompt = PromptSampler(strategy).prompt(
            for: example.object.cropped(to: example.extent), using: &random)
        let decoded =
            strategy == .promptFree
            ? network.decodePromptFree(embedding)
            : (network as? any PromptableNetwork)?.decode(
                embedding,
                prompts: PromptTensors(
                    PromptArrays(inInputPixels: [prompt]), on: embedding.device))
        guard let decoded else {
            preconditionFailure("the session refuses prompts that the network does not take")
        }
        let side = example.object.width
        let full = bilinear(decoded.logits.to(.float32), height: side, width: side)
        if let classes = transform.classes {
            // The channel of the sample's class; the background has the first.
            let channel = (classes.firstIndex(of: example.sample.label) ?? 0) + 1
            let found = full.argmax(axis: 1)[0] .== channel
            return Prediction(
                mask: masks(of: found.to(.float32).unsqueezed(0))[0].cleared(
                    outside: example.extent),
                estimate: decoded.iou.to(.float32)[0, channel].item(), prompt: prompt)
        }
        return Prediction(
            mask: masks(of: full[.all, 0])[0].cleared(outside: example.extent),
            estimate: decoded.iou.to(.float32)[0, 0].item(), prompt: prompt)
    }
}
