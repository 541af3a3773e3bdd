import Datasets
import Imaging
import Segmentation

/// The masks of all classes of one image, joined to one label image for each prompt: where masks
/// overlap, a pixel belongs to the class with the highest logit.
struct JoinedMasks {
    /// The masks of one strategy.
    struct Joined {
        /// For each sample, the masks of its prompts.
        let masks: [[PredictedMask]]
        /// Seconds for the masks of one sample.
        let seconds: Double
    }

    /// The joined masks by strategy.
    let masks: [PromptStrategy: Joined]

    /// Predicts the masks of all classes.
    ///
    /// The n-th prompts of the classes belong together. A class that is not in the image has a prompt
    /// too, as ``PromptSampler`` makes it.
    ///
    /// - Parameters:
    ///   - samples: the classes of one image.
    ///   - labelled: the image and its label.
    ///   - predictor: predicts on this image.
    ///   - options: prompts and seed.
    /// - Throws: why the image cannot be segmented.
    init(
        _ samples: [Sample], _ labelled: LabelledImage, _ predictor: any MaskPredictor,
        _ options: EvaluationOptions
    ) throws {
        let clock = ContinuousClock()
        var joined: [PromptStrategy: Joined] = [:]
        for strategy in options.prompts where !strategy.needsModelInLoop {
            // Prompts on nothing have no class.
            if case .onNothing = strategy { continue }
            let start = clock.now
            let prompts = samples.map { sample in
                ImageEvaluation.prompts(
                    for: sample, labelled.mask(of: sample.label), strategy, options)
            }
            var masks = [[PredictedMask]](repeating: [], count: samples.count)
            // One prompt of each class at a time: logits have the image's size.
            for number in 0..<(prompts.map { $0?.count ?? 1 }.min() ?? 0) {
                var found: [(mask: PredictedMask, logits: Planes)] = []
                for (sample, prompts) in zip(samples, prompts) {
                    found +=
                        try predictor.masksWithLogits(
                            of: sample, prompts: prompts.map { [$0[number]] }) ?? []
                }
                // A source without logits has masks that are taken as they are.
                guard found.count == samples.count else { break }
                var map = LabelMap(size: labelled.image.size)
                for one in found { map.add(one.mask.mask, logits: one.logits) }
                for (place, one) in found.enumerated() {
                    masks[place].append(
                        PredictedMask(
                            mask: map.mask(of: place + 1), iouEstimate: one.mask.iouEstimate))
                }
            }
            guard masks.contains(where: { !$0.isEmpty }) else { continue }
            joined[strategy] = Joined(
                masks: masks, seconds: (clock.now - start).inSeconds / Double(samples.count))
        }
        masks = joined
    }
}
