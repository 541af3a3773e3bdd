import Datasets
import Imaging
import Metrics
import Segmentation

/// How far masks of two engines agree on the objects of a data set.
public struct MaskAgreement: Codable, Equatable, Sendable {
    /// The data set's name; "all" for all together.
    public var dataset: String
    /// Objects compared.
    public var objects: Int
    /// Mean of the Dice coefficients.
    public var meanDice: Double
    /// The least of them.
    public var leastDice: Double

    /// Compares masks, object by object.
    ///
    /// - Parameters:
    ///   - masks: of the engine in question.
    ///   - reference: of the one it should equal.
    ///   - samples: the objects.
    /// - Returns: a row for each data set, and one for all.
    /// - Throws: `MetricsError` where two masks have other sizes.
    public static func measure(
        _ masks: [Mask], against reference: [Mask], of samples: [Sample]
    ) throws(MetricsError) -> [MaskAgreement] {
        var scores: [(dataset: String, dice: Double)] = []
        for (place, sample) in samples.enumerated() {
            let pair = try MaskComparison(prediction: masks[place], reference: reference[place])
            scores.append((sample.dataset, pair.counts.dice))
        }
        let sets = Dictionary(grouping: scores) { $0.dataset }
        return sets.sorted { $0.key < $1.key }.map { MaskAgreement($0.key, $0.value.map(\.dice)) }
            + [MaskAgreement("all", scores.map(\.dice))]
    }

    /// The masks of objects, each with a prompt made from its label.
    ///
    /// - Parameters:
    ///   - engine: what segments.
    ///   - samples: the objects.
    ///   - prompt: how the prompt is made.
    ///   - progress: told after each object how many are done.
    /// - Returns: a mask for each object.
    /// - Throws: what reading and segmenting throw.
    public static func masks(
        of engine: any SegmentationEngine, on samples: [Sample], prompt: PromptStrategy,
        progress: (Int) -> Void = { _ in }
    ) throws -> [Mask] {
        var masks: [Mask] = []
        for sample in samples {
            let labelled = try sample.read()
            let embedded = try engine.encode(labelled.image)
            var random = SampleRandom(seed: 0, Fingerprint(of: sample.id).streamIndex)
            let prompts = PromptSampler(prompt).prompts(
                for: labelled.mask(of: sample.label), using: &random)
            masks.append(
                try prompts.map { try embedded.segment($0[0], multimask: false)[0].mask }
                    ?? embedded.segmentPromptFree().mask)
            progress(masks.count)
        }
        return masks
    }

    private init(_ dataset: String, _ scores: [Double]) {
        self.dataset = dataset
        objects = scores.count
        meanDice = scores.isEmpty ? 1 : scores.reduce(0, +) / Double(scores.count)
        leastDice = scores.min() ?? 1
    }
}
