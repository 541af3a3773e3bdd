import Checkpoints
import Datasets
import FileIO
import Imaging
import Segmentation

/// Measures masks against the labels of samples; each image is encoded once.
///
/// ```swift
/// let evaluator = Evaluator(EngineSource(engine), options: .init(prompts: [.fixedClick]))
/// let dice = evaluator.evaluate(samples).summaries(seed: 0)
/// ```
public struct Evaluator: Sendable {
    private let source: any MaskSource
    private let options: EvaluationOptions

    /// - Parameters:
    ///   - source: where masks come from.
    ///   - options: prompts, resolution and seed.
    public init(_ source: any MaskSource, options: EvaluationOptions) {
        self.source = source
        self.options = options
    }

    /// Evaluates samples; an image that fails is listed, and the others are evaluated.
    ///
    /// - Parameters:
    ///   - samples: objects of images; those of one image share its encoding.
    ///   - read: reads a sample's image, for instance from a cache.
    ///   - shouldContinue: called before each image with the number of finished images and the
    ///     image's identifier; false stops the evaluation.
    /// - Returns: the results.
    public func evaluate(
        _ samples: [Sample], read: (Sample) throws -> LabelledImage = { try $0.read() },
        shouldContinue: (_ done: Int, _ image: String) -> Bool = { _, _ in true }
    ) -> Evaluation {
        let labelled = Self.grouped(samples)
        var evaluation = Evaluation()
        evaluation.images = labelled.count
        var hash = DataHash()
        for (done, samples) in labelled.enumerated() {
            guard shouldContinue(done, samples[0].image) else {
                evaluation.isComplete = false
                break
            }
            do {
                let original = try read(samples[0])
                if let note = original.labelNote {
                    evaluation.notes.append("\(samples[0].image): its label: \(note)")
                }
                let labelled = original.onGrid(of: options.resolution)
                hash.add(labelled, samples: samples)
                try evaluate(samples, on: labelled, into: &evaluation)
            } catch {
                evaluation.failures.append(
                    EvaluationFailure(image: samples[0].image, reason: "\(error)"))
            }
        }
        evaluation.dataHash = hash.text
        return evaluation
    }

    /// Samples by image, in the order of their first ones.
    private static func grouped(_ samples: [Sample]) -> [[Sample]] {
        var places: [String: Int] = [:]
        var groups: [[Sample]] = []
        for sample in samples {
            if let place = places[sample.image] {
                if !groups[place].contains(sample) { groups[place].append(sample) }
            } else {
                places[sample.image] = groups.count
                groups.append([sample])
            }
        }
        return groups
    }

    private func evaluate(
        _ samples: [Sample], on labelled: LabelledImage, into evaluation: inout Evaluation
    ) throws {
        let clock = ContinuousClock()
        let start = clock.now
        try samples[0].checkClasses(of: labelled)
        let predictor = try source.predictor(for: labelled.image, of: samples[0])
        let encode = (clock.now - start).inSeconds
        if let note = predictor.note { evaluation.notes.append("\(samples[0].image): \(note)") }
        var results = ImageEvaluation(
            encodeSeconds: encode, areaLevels: source.record.model?.areaLevels)
        let joined =
            options.labels == true ? try JoinedMasks(samples, labelled, predictor, options) : nil
        for (place, sample) in samples.enumerated() {
            let label = labelled.mask(of: sample.label)
            let prompts: [PromptStrategy?] =
                source.record.kind == .predictions ? [nil] : options.prompts
            let corrections = prompts.compactMap { prompt -> Int? in
                if case .corrections(let count)? = prompt { count } else { nil }
            }
            if !corrections.isEmpty {
                try results.measureCorrections(sample, label, counts: corrections, options) {
                    let masks = try predictor.masks(of: sample, prompts: [$0])
                    return masks[0]
                }
            }
            for prompt in prompts {
                if case .corrections? = prompt { continue }
                if case .onNothing? = prompt {
                    try results.measureNothing(sample, labelled.maskOfAllClasses, prompt, options) {
                        prompts in
                        try predictor.masks(of: sample, prompts: prompts)
                    }
                    continue
                }
                if let joined = prompt.flatMap({ joined?.masks[$0] }) {
                    try results.measure(
                        sample, label, prompt, options, seconds: joined.seconds
                    ) { _ in joined.masks[place] }
                    continue
                }
                try results.measure(sample, label, prompt, options) { prompts in
                    try predictor.masks(of: sample, prompts: prompts)
                }
            }
        }
        evaluation.cases += results.cases
        evaluation.masks += results.masks
        evaluation.timings.append(
            ImageTiming(
                image: samples[0].image, encodeSeconds: encode, maskSeconds: results.maskSeconds,
                maskCount: results.cases.count))
    }
}

extension LabelledImage {
    /// The image and its label at the resolution of the comparison.
    func onGrid(of resolution: EvaluationResolution) -> LabelledImage {
        guard resolution == .model else { return self }
        let size = EvaluationResolution.modelSize
        return LabelledImage(
            image: image.resizedLikePillow(to: size), label: label.resizedNearest(to: size))
    }
}

/// The results of an evaluation.
public struct Evaluation: Sendable {
    /// Masks against labels, in the order of the samples, then of the prompts.
    public var cases: [EvaluatedCase] = []
    /// The masks of ``cases``.
    public var masks: [RunLength] = []
    /// Images that could not be evaluated, with the reason.
    public var failures: [EvaluationFailure] = []
    /// Notes for the user on labels and masks, such as values between background and object.
    public var notes: [String] = []
    /// Timings of the evaluated images; the first includes the warm-up.
    public var timings: [ImageTiming] = []
    /// SHA-256 of names, classes and pixels of all images and labels that could be read.
    public var dataHash = ""
    /// Number of images to evaluate.
    public var images = 0
    /// Whether the evaluation was not stopped early.
    public var isComplete = true
}

/// An image that could not be evaluated.
public struct EvaluationFailure: Codable, Equatable, Sendable {
    /// As `Breast-BUSI/benign0015`.
    public var image: String
    /// One sentence.
    public var reason: String
}

/// Seconds spent on one image.
public struct ImageTiming: Equatable, Sendable {
    /// As `Breast-BUSI/benign0015`.
    public var image: String
    /// Seconds to encode the image.
    public var encodeSeconds: Double
    /// Seconds for all its masks.
    public var maskSeconds: Double
    /// Number of masks.
    public var maskCount: Int
}

/// SHA-256 of the data that was evaluated: names, classes, and the pixels of images and labels as
/// they were compared.
struct DataHash {
    private var hash = SHA256()

    /// - Parameters:
    ///   - labelled: the image and its label.
    ///   - samples: its evaluated samples.
    mutating func add(_ labelled: LabelledImage, samples: [Sample]) {
        let names = samples.map(\.id).joined(separator: "\n")
        hash.update(Array("\(names)\n\(labelled.image.size)\n".utf8))
        hash.update(labelled.image.pixels)
        hash.update(labelled.label.pixels)
    }

    /// 64 hexadecimal digits.
    var text: String { hash.hexDigest }
}

/// Why something cannot be evaluated or compared.
public enum EvaluationError: Error, Equatable, Sendable {
    /// There is no prediction for an image.
    case noPrediction(image: String, looked: [String])
    /// A mask has an unknown class.
    case unknownClass(path: String, value: Int, classes: Int)
    /// A mask has another size than its image.
    case otherSize(path: String, found: String, expected: String)
    /// A class that the model does not segment.
    case untrainedClass(Int, of: [ClassLabel])
    /// A report cannot be read.
    case unreadable(path: String, reason: String)
    /// Two reports differ in data, resolution or prompts.
    case notComparable(String)
}

extension EvaluationError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .noPrediction(let image, let looked):
            "there is no mask of \(image): looked for "
                + looked.map { "'\($0)'" }.joined(separator: " and ")
        case .unknownClass(let path, let value, let classes):
            "'\(path)' has the value \(value); its dataset has the classes 0 to \(classes - 1)"
        case .otherSize(let path, let found, let expected):
            "'\(path)' is \(found) pixels, its image \(expected): the sizes must be equal"
        case .untrainedClass(let label, let classes):
            "the model segments the classes \(classes.text), and not class \(label)"
        case .unreadable(let path, let reason):
            "the report '\(path)' cannot be read: \(reason)"
        case .notComparable(let reason):
            "the reports cannot be compared: \(reason)"
        }
    }
}
