import ArgumentParser
import Datasets
import Evaluation
import FileIO
import Foundation
import Segmentation

/// `samus evaluate`: a model, or masks of any program, against the labels of a dataset.
public struct EvaluateCommand: ParsableCommand {
    /// The name, the help text and examples.
    public static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model, or masks of any program, against the labels of a dataset.",
        usage: """
            samus evaluate --data ROOT --output DIR [--model MODEL] [--split test-SET] [--prompt …]
            samus evaluate --data ROOT --output DIR --predictions MASKS [--split test-SET]
            samus evaluate --data ROOT --output DIR --model filled-box|ellipse
            """,
        discussion: """
            ROOT has the US30K layout: ROOT/<Dataset>/{img,label}/NAME.png and \
            ROOT/MainPatient/{class.json,test.txt,test-<Dataset>.txt}.

            Prompts are made from the labels, which makes results look better than in practice. \
            fixed: a click on the object's middle pixel in row-major order, as the authors do. \
            random:5: five prompts of one random click each; the mean and the worst are reported. \
            clicks:3: one prompt of three random clicks. background:2: a click on the object and \
            two on the background. box: the bounding box; box:10%: grown by 10 % on each side. \
            box+click: both. corrections:5: a click in the middle of the object, then five clicks, \
            each in the middle of the largest error of the mask so far; the report has a row after \
            each click, the number of clicks to Dice 0.85, and how many clicks are obeyed. \
            nothing:5: five prompts where there is no object; the right answer is an empty mask. \
            prompt-free: for models without prompts. If an object is not in the \
            image, its prompt is one background point. The image is encoded once for all prompts: \
            --prompt fixed,random:5,box,box:10%.

            --uncertainty decodes each prompt \(MaskUncertainty.promptCount) times, moved a little, and \
            reports how often the model's interval for an area contains the label's area, and the \
            level with which it would do so in 90 % of cases (for 'samus export --area-levels').

            With --predictions, masks of any other program are measured: MASKS/<Dataset>/NAME.png \
            or MASKS/NAME.png, whose values are classes (with one class, all but 0). The models \
            filled-box and ellipse draw that shape in the prompt's box, as baselines.

            DIR gets report.md (tables for each set, class and patient), report.json (for 'samus \
            compare'), per_case.csv, and cases_PROMPT.png with the worst, middle and best cases. \
            An image that fails is named, the others are evaluated, and the exit code is 1.

            Research use only, not a medical device.
            """)

    @Option(
        help: ArgumentHelp("The folder of the datasets.", valueName: "root"),
        completion: .directory)
    var data: String

    @Option(
        help: ArgumentHelp(
            "The list: test, val or train, or that of one dataset, for example test-Breast-BUSI.",
            valueName: "list"))
    var split = SplitName.test

    @Option(
        help: ArgumentHelp(
            "How prompts are made from labels: fixed, random:N, clicks:N, background:N, box, "
                + "box:P%, box+click, corrections:N, nothing:N, prompt-free; repeatable, or "
                + "separated by commas (default: what the model was trained with).",
            valueName: "list"))
    var prompt: [PromptStrategyList] = []

    @Option(
        help: """
            native: on the image's own pixels, in mm where known; model: at 256x256, as in the \
            paper.
            """)
    var resolution = EvaluationResolution.native

    @Option(
        help: ArgumentHelp("Masks of another program, instead of a model.", valueName: "dir"),
        completion: .directory)
    var predictions: String?

    @OptionGroup(title: "Model")
    var engine: EngineOptions

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The folder for the report.", valueName: "dir"),
        completion: .directory)
    var output: String

    @Option(help: ArgumentHelp("Only the first images of the list.", valueName: "n"))
    var limit: Int?

    @Option(help: ArgumentHelp("Seed of random clicks and of the bootstrap.", valueName: "n"))
    var seed: UInt64 = 0

    @Flag(
        help: """
            Also measure the intervals for areas that 'samus segment --uncertainty' gives; takes many \
            times as long.
            """)
    var uncertainty = false

    @Flag(
        help: """
            Join the masks of an image's classes to one label image before they are measured: where \
            masks overlap, a pixel belongs to the class with the highest logit.
            """)
    var labels = false

    @Flag(help: "Also write the masks: masks.json, as COCO's run lengths.")
    var masks = false

    @Flag(help: "Replace a report that exists.")
    var force = false

    /// The command, to be filled by the parser.
    public init() {}

    private var baseline: BaselineSource? { BaselineSource(rawValue: engine.model) }

    /// The strategies; `corrections:N` stands for a row after each of the N corrections.
    private var prompts: [PromptStrategy] {
        prompt.flatMap(\.prompts).flatMap { strategy in
            if case .corrections(let count) = strategy {
                (0...count).map { PromptStrategy.corrections($0) }
            } else {
                [strategy]
            }
        }
    }

    /// Checks how the options go together.
    public func validate() throws {
        if let limit, limit < 1 {
            throw ValidationError("--limit \(limit): at least 1 image is needed")
        }
        guard Set(prompts).count == prompts.count else {
            throw ValidationError("--prompt names a prompt twice")
        }
        if predictions != nil && !prompts.isEmpty {
            throw ValidationError("--predictions takes masks, for which no --prompt is needed")
        }
        if predictions != nil && engine.givenModel != nil {
            throw ValidationError("--predictions replaces a model: leave --model out")
        }
        if uncertainty && (predictions != nil || baseline != nil) {
            throw ValidationError("--uncertainty needs a model")
        }
        if labels && (predictions != nil || baseline != nil) {
            throw ValidationError("--labels compares logits: it needs a model")
        }
        if labels && (uncertainty || prompts.contains(where: \.needsModelInLoop)) {
            throw ValidationError(
                "--labels needs prompts that do not depend on masks: leave out corrections:N and "
                    + "--uncertainty")
        }
        if let baseline, prompts.contains(where: { !$0.isBox }) {
            throw ValidationError("\(baseline.rawValue) needs a box: --prompt box or box:N%")
        }
    }

    /// Evaluates, and writes the report.
    public func run() throws {
        if predictions == nil && baseline == nil { try engine.handOverCheckpoints() }
        let (samples, total) = try withExitStatus(.input) { try chosenSamples() }
        let source = try maskSource()
        let run = EvaluationRun(
            source: source.masks, samples: try source.masks.segmented(samples),
            options: EvaluationOptions(
                prompts: source.prompts, resolution: resolution, seed: seed,
                uncertainty: uncertainty, labels: labels),
            data: .init(
                root: data, split: "\(split)", hash: "", images: 0,
                limitedFrom: limit.flatMap { $0 < total ? total : nil }),
            files: EvaluationFiles(folder: output, prompts: source.prompts, hasMasks: masks),
            versions: source.versions)
        try run.files.makeFolder()
        let lock = try withExitStatus(.output) {
            try FolderLock(run.files.folder.path, patience: .zero)
        }
        try withExitStatus(.output) { try FileTransaction.recover(holding: lock) }
        try run.files.check(inputs: inputs(samples), force: force)
        try run.run(holding: lock)
    }

    /// Every file that the run reads, except a bundle's own.
    private func inputs(_ samples: [Sample]) -> [String] {
        let masks = predictions.map { PredictionSource(folder: $0) }
        return samples.flatMap { sample in
            [sample.imagePath, sample.labelPath, masks?.path(of: sample)].compactMap(\.self)
        } + [engine.model]
    }

    /// The samples of the first images, and how many images the list has.
    private func chosenSamples() throws -> ([Sample], images: Int) {
        let samples = try DatasetCollection(root: data).samples(split.split, of: split.dataset)
        var images: Set<String> = []
        let chosen = samples.filter { sample in
            if images.count == limit ?? .max && !images.contains(sample.image) {
                return false
            }
            images.insert(sample.image)
            return true
        }
        return (chosen, Set(samples.map(\.image)).count)
    }

    private func maskSource() throws -> (
        masks: any MaskSource, prompts: [PromptStrategy], versions: [String: String]
    ) {
        if let predictions {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: predictions, isDirectory: &isFolder),
                isFolder.boolValue
            else { throw ExitError(.input, "there is no folder '\(predictions)'") }
            // Masks of a 'samus segment' that was killed between its renames.
            try withExitStatus(.output) { try FileTransaction.recover(in: predictions) }
            return (
                PredictionSource(folder: predictions, resizes: resolution == .model), [], [:]
            )
        }
        if let baseline {
            return (baseline, prompts.isEmpty ? [.box()] : prompts, [:])
        }
        let file = try withExitStatus(.unavailable) { try LoadedModel(engine) }
        let prompts = prompts.isEmpty ? [PromptStrategy(file.model.defaultPrompt)] : prompts
        if prompts.contains(.promptFree), !file.model.architecture.isPromptFree {
            throw ExitError(
                .unavailable,
                "\(EngineError.needsPrompt(model: file.model.name)); leave --prompt prompt-free out"
            )
        }
        let ready = try withExitStatus(.unavailable) { try file.makeEngine(engine) }
        (file.notes + ready.notes).forEach(Terminal.log)
        return (
            EngineSource(
                ready.engine, runtime: ready.runtime.text, measuresUncertainty: uncertainty),
            prompts, file.versions
        )
    }
}

extension MaskSource {
    /// The samples of classes that a model of several classes segments, with a note on the others.
    ///
    /// - Throws: ``ExitError`` where it segments none of them.
    fileprivate func segmented(_ samples: [Sample]) throws(ExitError) -> [Sample] {
        guard let classes = record.model?.classes else { return samples }
        let values = Set(classes.map(\.value))
        let segmented = samples.filter { values.contains($0.label) }
        guard !segmented.isEmpty else {
            throw ExitError(
                .input,
                "\(record.name.visibleLine) segments the classes \(classes.text), and the list has "
                    + "none of them")
        }
        let others = Dictionary(grouping: samples.filter { !values.contains($0.label) }) {
            "\($0.dataset)#\($0.label)"
        }
        for (name, samples) in others.sorted(by: { $0.key < $1.key }) {
            Terminal.log(
                "note: \(counted(samples.count, "object")) of \(name) are left out: the model "
                    + "segments the classes \(classes.text)")
        }
        return segmented
    }
}

/// Prompt strategies as the command line takes them, separated by commas:
/// `fixed,random:5,box,box:10%`.
struct PromptStrategyList: ExpressibleByArgument {
    let prompts: [PromptStrategy]

    init?(argument: String) {
        guard let prompts = PromptStrategy.list(argument),
            !prompts.contains(where: {
                if case .interactive = $0 { true } else { false }
            })
        else { return nil }
        if let note = PromptStrategy.noteOnFormerWords(in: argument) {
            Terminal.log("--prompt: \(note)")
        }
        self.prompts = prompts
    }
}

/// A list by its file name: `test`, or `test-Breast-BUSI`.
struct SplitName: ExpressibleByArgument, CustomStringConvertible {
    let split: Split
    let dataset: String?

    /// `test`.
    static let test = SplitName(split: .test, dataset: nil)

    private init(split: Split, dataset: String?) {
        self.split = split
        self.dataset = dataset
    }

    init?(argument: String) {
        let parts = argument.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let split = parts.first.flatMap({ Split(rawValue: String($0)) }) else { return nil }
        let dataset = parts.count == 2 ? String(parts[1]) : nil
        guard dataset.map({ !$0.isEmpty && !$0.contains("/") }) ?? true else { return nil }
        self.init(split: split, dataset: dataset)
    }

    var description: String { split.rawValue + (dataset.map { "-\($0)" } ?? "") }
}

extension EvaluationResolution: ExpressibleByArgument {}
