import Checkpoints
import Datasets
import Imaging
import Segmentation

/// Measures masks against the labels of samples; each image is looked at once.
///
/// ```swift
/// let evaluator = Evaluator(EngineSource(engine), options: .init(prompts: [.fixedClick]))
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

    /// Evaluates samples; an image that fails is listed, the others go on.
    ///
    /// - Parameters:
    ///   - samples: objects of images; those of one image share its encoding.
    ///   - read: gives a sample's image, as from a cache.
    ///   - goesOn: asked before each image, with the number of images done and the image's
    ///     name; false ends the evaluation there.
    /// - Returns: all that was measured.
    public func evaluate(
        _ samples: [Sample], read: (Sample) throws -> LabelledImage = { try $0.read() },
        goesOn: (_ done: Int, _ image: String) -> Bool = { _, _ in true }
    ) -> Evaluation {
        let labelled = Self.grouped(samples)
        var evaluation = Evaluation()
        evaluation.images = labelled.count
        var hash = DataHash()
        for (done, samples) in labelled.enumerated() {
            guard goesOn(done, samples[0].image) else {
                evaluation.isComplete = false
                break
            }
            do {
                let labelled = try read(samples[0]).onGrid(of: options.resolution)
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
        let opened = try source.open(labelled.image, of: samples[0])
        let encode = (clock.now - start).inSeconds
        var found = CasesOfImage(encode: encode)
        for sample in samples {
            let label = labelled.mask(of: sample.label)
            let prompts: [PromptStrategy?] =
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
            ImageTime(
                image: samples[0].image, encode: encode, masks: found.seconds,
                count: found.cases.count))
    }
}

extension LabelledImage {
    /// The image and its label on the grid of the comparison.
    func onGrid(of resolution: EvaluationResolution) -> LabelledImage {
        guard resolution == .model else { return self }
        let size = EvaluationResolution.modelSize
        return LabelledImage(
            image: image.resizedLikePillow(to: size), label: label.resizedNearest(to: size))
    }
}

/// All that an evaluation measured.
public struct Evaluation: Sendable {
    /// Masks against labels, in the order of the samples, then of the prompts.
    public var cases: [EvaluatedCase] = []
    /// The masks of ``cases``.
    public var masks: [RunLength] = []
    /// Images that could not be evaluated, with the reason.
    public var failures: [EvaluationFailure] = []
    /// Images looked at, each with the seconds that took; the first is the warm-up.
    public var encodings: [ImageTime] = []
    /// SHA-256 of names, classes and pixels of all images and labels that could be read.
    public var dataHash = ""
    /// Images that were to be evaluated.
    public var images = 0
    /// Whether all of them were looked at.
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
public struct ImageTime: Codable, Equatable, Sendable {
    /// As `Breast-BUSI/benign0015`.
    public var image: String
    /// To look at it.
    public var encode: Double
    /// For all its masks.
    public var masks: Double
    /// How many masks these were.
    public var count: Int
}

/// SHA-256 of the data that was evaluated: names, classes, and the pixels of images and labels as
/// they were compared.
struct DataHash {
    private var hash = ContentHash()

    /// - Parameters:
    ///   - image: the image and its label.
    ///   - samples: what of it is evaluated.
    mutating func add(_ labelled: LabelledImage, samples: [Sample]) {
        let names = samples.map(\.id).joined(separator: "\n")
        hash.add(Array("\(names)\n\(labelled.image.size)\n".utf8))
        hash.add(labelled.image.pixels)
        hash.add(labelled.label.pixels)
    }

    /// 64 hexadecimal digits.
    var text: String { hash.text }
}

/// Why something cannot be evaluated or compared.
public enum EvaluationError: Error, Equatable, Sendable {
    /// Another program gave no mask of an image.
    case noPrediction(image: String, looked: [String])
    /// A mask has a value that is no class of the data set.
    case unknownClass(path: String, value: Int, classes: Int)
    /// A mask is not of its image's size.
    case otherSize(path: String, found: String, expected: String)
    /// A report cannot be read.
    case unreadable(path: String, reason: String)
    /// Two reports are not of one thing.
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
            "'\(path)' has the value \(value); its data set has the classes 0 to \(classes - 1)"
        case .otherSize(let path, let found, let expected):
            "'\(path)' is \(found) pixels, its image \(expected): they must agree"
        case .unreadable(let path, let reason):
            "the report '\(path)' cannot be read: \(reason)"
        case .notComparable(let reason):
            "the reports cannot be compared: \(reason)"
        }
    }
}
