import ArgumentParser
import Datasets
import Evaluation
import Foundation
import Segmentation

/// `samus evaluate`: measures a model, or masks of any program, on a labelled data set.
public struct EvaluateCommand: ParsableCommand {
    /// The name, the help text and examples.
    public static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model, or masks of any program, on a labelled data set.",
        usage: """
            samus evaluate --data ROOT --output DIR [--model MODEL] [--split test-SET] [--prompt …]
            samus evaluate --data ROOT --output DIR --predictions MASKS [--split test-SET]
            samus evaluate --data ROOT --output DIR --model filled-box|ellipse
            """,
        discussion: """
            ROOT has the US30K layout: ROOT/<Dataset>/{img,label}/NAME.png and \
            ROOT/MainPatient/{class.json,test.txt,test-<Dataset>.txt}.

            Prompts are made from the labels, so figures are better than with clicks of a person. \
            fixed is the authors' click: the middle one of the object's pixels in row-major \
            order. random:5 makes five masks from one random click each and reports their mean \
            and the worst. box is the bounding box, and box:10% the box grown by a tenth of its \
            size on each side. prompt-free is for models that need no prompt. An object that is \
            not in the image gets one background point, and the report counts it separately. \
            Several prompts share one encoding of the image: \
            --prompt fixed,random:5,box,box:10%.

            --predictions measures masks of any program: MASKS/<Dataset>/NAME.png or \
            MASKS/NAME.png, where pixel values are classes (with one class, every value but 0 is \
            the object). The models filled-box and ellipse draw that shape into the prompt's \
            box: the baselines that a model has to beat.

            DIR gets report.md (tables for each data set, class and patient), report.json (for \
            'samus compare'), per_case.csv, and cases_PROMPT.png with the worst, middle and best \
            cases. An image that cannot be evaluated is listed, the others are evaluated, and \
            the exit code is 1.

            Example: the held-out test set of BUSI, with two prompts:
              samus evaluate --data US30K --split test-Breast-BUSI --prompt fixed,box \
            --model samus.safetensors --output reports/busi

            Research use only, not a medical device.
            """)

    @Option(
        help: ArgumentHelp("The folder with all data sets.", valueName: "root"),
        completion: .directory)
    var data: String

    @Option(
        help: ArgumentHelp(
            "The list of images: test, val or train, or that of one data set: test-Breast-BUSI.",
            valueName: "list"))
    var split = SplitName.test

    @Option(
        help: ArgumentHelp(
            "How prompts are made from labels: fixed, random:N, clicks:N, background:N, box, "
                + "box:P%, box+click or prompt-free. Repeatable, or separated by commas "
                + "(default: a prompt that the model was trained with).",
            valueName: "list"))
    var prompt: [PromptStrategyList] = []

    @Option(
        help: """
            native: at the size of the image, with distances in mm where the pixel spacing is \
            known; model: at 256x256, as in the paper.
            """)
    var resolution = EvaluationResolution.native

    @Option(
        help: ArgumentHelp(
            "A folder with the masks of another program, to be measured instead of a model.",
            valueName: "dir"),
        completion: .directory)
    var predictions: String?

    @OptionGroup(title: "Model")
    var engine: EngineOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for the report; made if needed.", valueName: "dir"),
        completion: .directory)
    var output: String

    @Option(help: ArgumentHelp("Use only the first n images of the list.", valueName: "n"))
    var limit: Int?

    @Option(help: ArgumentHelp("Seed for random clicks and the bootstrap.", valueName: "n"))
    var seed: UInt64 = 0

    @Flag(help: "Replace a report that exists.")
    var force = false

    /// The command, to be filled by the parser.
    public init() {}

    private var baseline: BaselineSource? { BaselineSource(rawValue: engine.model) }

    private var prompts: [PromptStrategy] { prompt.flatMap(\.prompts) }

    /// Checks how the options go together.
    public func validate() throws {
        if let limit, limit < 1 {
            throw ValidationError("--limit \(limit): a number of at least 1 is needed")
        }
        guard Set(prompts).count == prompts.count else {
            throw ValidationError("--prompt has the same prompt twice")
        }
        if predictions != nil && !prompts.isEmpty {
            throw ValidationError("--predictions needs no prompt: leave out --prompt")
        }
        if predictions != nil && engine.givenModel != nil {
            throw ValidationError(
                "--predictions measures masks instead of a model: leave out --model")
        }
        if let baseline, prompts.contains(where: { !$0.isBox }) {
            throw ValidationError("\(baseline.rawValue) needs a box: --prompt box or box:N%")
        }
    }

    /// Evaluates and writes the report.
    public func run() throws {
        if predictions == nil && baseline == nil { try engine.handOverCheckpoints() }
        let (samples, total) = try withExitStatus(.input) { try chosenSamples() }
        let source = try maskSource()
        let run = EvaluationRun(
            source: source.masks, samples: samples,
            options: EvaluationOptions(
                prompts: source.prompts, resolution: resolution, seed: seed),
            data: .init(
                root: data, split: "\(split)", hash: "", images: 0,
                limitedFrom: limit.flatMap { $0 < total ? total : nil }),
            files: EvaluationFiles(folder: output, prompts: source.prompts),
            versions: source.versions)
        try run.files.check(force: force)
        try run.run()
    }

    /// The samples of the first images, and the number of images in the list.
    private func chosenSamples() throws -> ([Sample], images: Int) {
        let samples = try UltrasoundData(root: data).samples(split.split, of: split.dataset)
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
            return (
                PredictionSource(folder: predictions, resizes: resolution == .model), [], [:]
            )
        }
        if let baseline {
            return (baseline, prompts.isEmpty ? [.box()] : prompts, [:])
        }
        let options = engine
        let loaded = try withExitStatus(.unavailable) { try LoadedModel(options) }
        let prompts = prompts.isEmpty ? [loaded.model.kind.usualPrompt] : prompts
        if prompts.contains(.promptFree), !loaded.model.kind.isPromptFree {
            throw ExitError(
                .unavailable,
                "\(EngineError.needsPrompt(model: loaded.model.name)); leave out --prompt prompt-free"
            )
        }
        let engine = try withExitStatus(.unavailable) { try loaded.makeEngine(options) }
        loaded.notes.forEach(Terminal.log)
        return (EngineSource(engine, runs: options.summary), prompts, loaded.versions)
    }
}

extension PromptStrategy {
    fileprivate var isBox: Bool {
        if case .box = self { true } else { false }
    }
}

extension ModelArchitecture {
    /// What it was trained with, as made from a label.
    fileprivate var usualPrompt: PromptStrategy {
        if isPromptFree { return .promptFree }
        return trainedPrompts.contains(.click) ? .fixedClick : .box()
    }
}

extension EngineOptions {
    /// Precision, device and threads, for a report.
    fileprivate var summary: String {
        "\(precision.rawValue) on \(device.rawValue), "
            + (threads.map { "\($0) threads" } ?? "all threads")
    }
}

/// Prompt strategies on the command line, separated by commas:
/// `fixed,random:5,box,box:10%`.
struct PromptStrategyList: ExpressibleByArgument {
    let prompts: [PromptStrategy]

    init?(argument: String) {
        guard let prompts = PromptStrategy.list(argument),
            !prompts.contains(where: \.needsModelInLoop)
        else { return nil }
        if let note = PromptStrategy.noteOnFormerWords(in: argument) {
            Terminal.log("--prompt: \(note)")
        }
        self.prompts = prompts
    }
}

/// The name of a list of images, without `.txt`: `test`, or `test-Breast-BUSI`.
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
