import Imaging
import Segmentation
import Ultrasound

/// Measures masks against the labels of samples; each picture is looked at once.
///
/// ```swift
/// let evaluator = Evaluator(EngineSource(engine), options: .init(prompts: [.fixed]))
/// let dice = evaluator.evaluate(samples).summaries(seed: 0)
/// ```
public struct Evaluator: Sendable {
    private let source: any MaskSource
    private let options: EvaluationOptions

    /// - Parameters:
    ///   - source: what gives masks.
    ///   - options: how they are asked for and measured.
    public init(_ source: any MaskSource, options: EvaluationOptions) {
        self.source = source
        self.options = options
    }

    /// Evaluates samples; a picture that fails is listed, the others go on.
    ///
    /// - Parameters:
    ///   - samples: objects of pictures; those of one picture share its encoding.
    ///   - read: gives a sample's picture, as from a cache.
    ///   - goesOn: asked before each picture, with the number of pictures done and the picture's
    ///     name; false ends the evaluation there.
    /// - Returns: all that was measured.
    public func evaluate(
        _ samples: [Sample], read: (Sample) throws -> LabelledPicture = { try $0.read() },
        goesOn: (_ done: Int, _ picture: String) -> Bool = { _, _ in true }
    ) -> Evaluation {
        let pictures = Self.grouped(samples)
        var evaluation = Evaluation()
        evaluation.pictures = pictures.count
        var hash = DataHash()
        for (done, samples) in pictures.enumerated() {
            guard goesOn(done, samples[0].picture) else {
                evaluation.isComplete = false
                break
            }
            do {
                let picture = try read(samples[0]).onGrid(of: options.resolution)
                hash.add(picture, samples: samples)
                try evaluate(samples, on: picture, into: &evaluation)
            } catch {
                evaluation.failures.append(
                    EvaluationFailure(picture: samples[0].picture, reason: "\(error)"))
            }
        }
        evaluation.dataHash = hash.text
        return evaluation
    }

    /// Samples by picture, in the order of their first ones.
    private static func grouped(_ samples: [Sample]) -> [[Sample]] {
        var places: [String: Int] = [:]
        var groups: [[Sample]] = []
        for sample in samples {
            if let place = places[sample.picture] {
                if !groups[place].contains(sample) { groups[place].append(sample) }
            } else {
                places[sample.picture] = groups.count
                groups.append([sample])
            }
        }
        return groups
    }

    private func evaluate(
        _ samples: [Sample], on picture: LabelledPicture, into evaluation: inout Evaluation
    ) throws {
        let clock = ContinuousClock()
        let start = clock.now
        try samples[0].checkClasses(of: picture)
        let opened = try source.open(picture.image, of: samples[0])
        let encode = (clock.now - start).inSeconds
        var found = CasesOfPicture(encode: encode)
        for sample in samples {
            let label = picture.mask(of: sample.label)
            let prompts: [LabelPrompt?] =
                source.record.kind == .predictions ? [nil] : options.prompts
            for prompt in prompts {
                try found.measure(sample, label, prompt, options) { prompts in
                    try opened.masks(of: sample, prompts: prompts)
                }
            }
        }
        evaluation.cases += found.cases
        evaluation.masks += found.masks
        evaluation.encodings.append(
            PictureTime(
                picture: samples[0].picture, encode: encode, masks: found.seconds,
                count: found.cases.count))
    }
}

extension LabelledPicture {
    /// The picture and its label on the grid of the comparison.
    func onGrid(of resolution: EvaluationResolution) -> LabelledPicture {
        guard resolution == .model else { return self }
        let size = EvaluationResolution.modelSize
        return LabelledPicture(
            image: image.resizedLikePillow(to: size), label: label.resizedNearest(to: size))
    }
}
