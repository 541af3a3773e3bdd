import Imaging
import Metrics
import SegmentAnything
import Segmentation
import Torch
import TorchNN
import Ultrasound

/// How a network does on samples it is not trained with, in the grid of its input.
///
/// The click is the authors' fixed one: the middle one of the object's pixels in row-major order.
public struct Validation: Sendable {
    /// What points at the object.
    public enum Pointing: String, Sendable, CaseIterable, Codable {
        case click, box, none
    }

    /// One sample, pointed at in one way.
    public struct Case: Sendable {
        /// Which object.
        public let sample: Sample
        /// What points at it.
        public let pointing: Pointing
        /// Dice; 1 where both masks are empty, 0 where one is.
        public let dice: Double
        /// Intersection over union.
        public let iou: Double
        /// The network's own estimate of it.
        public let estimate: Double
        /// The picture in the input, the object and the mask found, all of one size.
        public let picture: Image
        /// The object.
        public let reference: Mask
        /// The mask found.
        public let found: Mask
        /// What was pointed with.
        public let prompt: Prompt
    }

    /// All cases and their means.
    public struct Result: Sendable {
        /// In the order of the samples.
        public let cases: [Case]

        /// Mean Dice of each set and class, `Echo-CAMUS#2`, over all ways to point.
        public var dice: [String: Double] { means(\.dice) }
        /// Mean over sets and classes, each counting once: what the best weights are chosen by.
        public var meanDice: Double { mean(Array(dice.values)) }
        /// Mean IoU over sets and classes.
        public var meanIoU: Double { mean(Array(means(\.iou).values)) }

        private func means(_ value: (Case) -> Double) -> [String: Double] {
            Dictionary(grouping: cases) { "\($0.sample.dataset)#\($0.sample.label)" }
                .mapValues { mean($0.map(value)) }
        }

        private func mean(_ values: [Double]) -> Double {
            values.isEmpty ? 0 : values.sorted().reduce(0, +) / Double(values.count)
        }
    }

    /// The samples.
    public let samples: [Sample]
    /// The ways to point.
    public let pointings: [Pointing]
    let preparation: ExamplePreparation

    /// - Parameters:
    ///   - samples: those of one picture one after the other.
    ///   - pointings: the ways to point.
    ///   - preparation: as in training; nothing is augmented.
    public init(samples: [Sample], pointings: [Pointing], preparation: ExamplePreparation) {
        self.samples = samples
        self.pointings = pointings
        self.preparation = preparation
    }

    /// Runs it with the weights as they are.
    ///
    /// - Parameters:
    ///   - trainer: whose network.
    ///   - progress: told of each sample done.
    /// - Returns: all cases.
    /// - Throws: what reading pictures throws.
    public func run(_ trainer: Trainer, progress: (Int) -> Void = { _ in }) throws -> Result {
        let network = trainer.network
        network.evaluate()
        let device = network.maskDecoder.outputTokens.device
        let loader = Loader(0..<samples.count, workers: trainer.settings.workers) {
            [samples, preparation] place in
            try preparation.plainExample(of: samples[place]) { _, _ in Prompt() }
        }
        defer { loader.stop() }
        var cases: [Case] = []
        var last: (picture: String, embedding: Tensor)?
        var done = 0
        while let example = try loader.next() {
            let embedding: Tensor
            if let last, last.picture == example.sample.picture {
                embedding = last.embedding
            } else {
                embedding = try trainer.inference {
                    try trainer.embeddings.map {
                        try $0([example]) { Batch.picture(of: $0).to(device) }
                    } ?? network.encode(Batch.picture(of: example).to(device))
                }
                last = (example.sample.picture, embedding)
            }
            for pointing in pointings {
                cases.append(
                    try trainer.inference { try found(network, embedding, example, pointing) })
            }
            done += 1
            progress(done)
        }
        return Result(cases: cases)
    }

    private func found(
        _ network: any PromptableNetwork, _ embedding: Tensor, _ example: Example,
        _ pointing: Pointing
    ) throws -> Case {
        let prompt = Prompt(pointing, on: example.inside.cropped(to: example.extent))
        let decoded =
            pointing == .none
            ? network.decodeUnprompted(embedding)
            : network.decode(embedding, prompts: PromptTensors([prompt], on: embedding.device))
        guard let (logits, iou) = decoded else {
            preconditionFailure("a network without prompts was refused before")
        }
        let side = example.inside.width
        let full = bilinear(logits.to(.float32), height: side, width: side)
        let mask = Trainer.masks(of: full[.all, 0])[0].cleared(outside: example.extent)
        let overlap = try MaskComparison(
            prediction: mask, reference: example.inside
        ).counts
        return Case(
            sample: example.sample, pointing: pointing, dice: overlap.dice, iou: overlap.iou,
            estimate: iou.to(.float32)[0, 0].item(), picture: example.picture,
            reference: example.inside.cropped(to: example.extent),
            found: mask.cropped(to: example.extent), prompt: prompt)
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
