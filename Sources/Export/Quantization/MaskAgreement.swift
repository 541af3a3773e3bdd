import Datasets
import Imaging
import MaskMetrics
import Segmentation

/// How masks of two engines agree on the objects of a dataset.
public struct MaskAgreement: Codable, Equatable, Sendable {
    /// The dataset's name; "all" for all together.
    public var dataset: String
    /// Objects compared.
    public var objects: Int
    /// Mean of the Dice coefficients.
    public var meanDice: Double
    /// Smallest of the Dice coefficients.
    public var minDice: Double

    /// Compares masks, object by object.
    ///
    /// - Parameters:
    ///   - masks: of the engine under test.
    ///   - reference: of the reference engine.
    ///   - samples: the objects.
    /// - Returns: a row for each dataset, and one for all.
    /// - Throws: `MetricsError` where two masks differ in size.
    public static func measure(
        _ masks: [Mask], against reference: [Mask], of samples: [Sample]
    ) throws(MetricsError) -> [MaskAgreement] {
        var scores: [(dataset: String, dice: Double)] = []
        for (index, sample) in samples.enumerated() {
            let pair = try MaskComparison(prediction: masks[index], reference: reference[index])
            scores.append((sample.dataset, pair.counts.dice))
        }
        let sets = Dictionary(grouping: scores) { $0.dataset }
        return sets.sorted { $0.key < $1.key }.map { MaskAgreement($0.key, $0.value.map(\.dice)) }
            + [MaskAgreement("all", scores.map(\.dice))]
    }

    /// Segments objects, each with a prompt from its label.
    ///
    /// - Parameters:
    ///   - engine: the engine that segments.
    ///   - samples: the objects.
    ///   - prompt: the kind of prompt that is made from each label.
    ///   - progress: called after each object with the number of objects done.
    /// - Returns: a mask for each object.
    /// - Throws: what reading and segmenting throw.
    public static func masks(
        of engine: any SegmentationEngine, on samples: [Sample], prompt: PromptStrategy,
        progress: (Int) -> Void = { _ in }
    ) throws -> [Mask] {
        var masks: [Mask] = []
        for sample in samples {
            let labelled = try sample.read()
            let encoded = try engine.encode(labelled.image)
            var random = SampleRandom(seed: 0, Fingerprint(of: sample.id).streamIndex)
            let prompts = PromptSampler(prompt).prompts(
                for: labelled.mask(of: sample.label), using: &random)
            masks.append(
                try prompts.map { try encoded.segment($0[0], multimask: false)[0].mask }
                    ?? encoded.promptFreeMask(of: sample.label))
            progress(masks.count)
        }
        return masks
    }

    private init(_ dataset: String, _ scores: [Double]) {
        self.dataset = dataset
        objects = scores.count
        meanDice = scores.isEmpty ? 1 : scores.reduce(0, +) / Double(scores.count)
        minDice = scores.min() ?? 1
    }
}

extension EncodedImage {
    /// The mask without a prompt: of one object, or of a class where the model has several.
    ///
    /// - Parameter label: the class; the first of the model stands for one that it does not segment.
    /// - Returns: the mask.
    /// - Throws: what segmenting throws.
    fileprivate func promptFreeMask(of label: Int) throws -> Mask {
        guard let classes = model.classes else { return try segmentPromptFree().mask }
        let place = classes.firstIndex { $0.value == label } ?? 0
        return try segmentClasses()[place].mask
    }
}
