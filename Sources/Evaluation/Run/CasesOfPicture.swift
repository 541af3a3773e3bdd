import Imaging
import Segmentation
import Ultrasound

/// The cases of one picture, collected prompt by prompt.
struct CasesOfPicture {
    private let encode: Double
    private(set) var cases: [EvaluatedCase] = []
    private(set) var masks: [RunLength] = []
    /// Spent on all masks.
    private(set) var seconds = 0.0

    /// - Parameter encode: seconds that looking at the picture took.
    init(encode: Double) {
        self.encode = encode
    }

    /// Asks for the masks of one object and measures them.
    ///
    /// - Parameters:
    ///   - sample: the object.
    ///   - label: its pixels.
    ///   - kind: how prompts are made of the label; nil where masks come from files.
    ///   - options: grid, seed and tolerance.
    ///   - find: gives the masks of prompts.
    /// - Throws: what `find` throws.
    mutating func measure(
        _ sample: Sample, _ label: Mask, _ kind: LabelPrompt?, _ options: EvaluationOptions,
        find: ([Prompt.Checked]?) throws -> [FoundMask]
    ) throws {
        // The same clicks whatever else is evaluated, and by whichever model.
        var random = SampleRandom(seed: options.seed, Fingerprint(of: sample.id).place)
        let prompts = kind.flatMap { $0.prompts(for: label, using: &random) }
        let clock = ContinuousClock()
        let start = clock.now
        let found = try find(prompts)
        let seconds = (clock.now - start).inSeconds
        self.seconds += seconds
        let spacing = options.resolution == .native ? sample.spacing : nil
        for (index, one) in found.enumerated() {
            let prompt = prompts?[index].prompt
            cases.append(
                EvaluatedCase(
                    id: sample.id, dataset: sample.dataset, name: sample.name, label: sample.label,
                    classes: sample.classes, patient: sample.patient, prompt: kind,
                    click: index + 1, points: prompt?.points.map { [$0.x, $0.y] } ?? [],
                    negatives: prompt?.negatives.map { [$0.x, $0.y] } ?? [],
                    box: prompt?.box.map { [$0.x0, $0.y0, $0.x1, $0.y1] }, labelArea: label.area,
                    maskArea: one.mask.area, spacing: spacing,
                    unit: spacing == nil ? .pixels : .millimetres,
                    metrics: try measured(
                        one.mask, label, spacing: spacing, tolerance: options.tolerance),
                    iouEstimate: one.iouEstimate, encodeSeconds: encode,
                    promptSeconds: seconds / Double(found.count)))
            masks.append(one.mask.runLength())
        }
    }
}
