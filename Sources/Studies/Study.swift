import Datasets
import Evaluation
import MaskMetrics
import Segmentation

/// A comparison of networks as a file: data, networks, training, evaluation and results.
///
/// `Docs/Comparison.md` describes the file.
public struct Study: Equatable, Sendable {
    /// The name, which is also the name of the study's folder.
    public var name: String
    /// The heading of the results.
    public var title: String
    /// The folder of all datasets, relative to the study's file; nil where `--data` must give it.
    public var data: String?
    /// What is segmented, in the order of the tables' columns.
    public var targets: [StudyTarget]
    /// Datasets that nothing is trained with; they are held out in the protocol generalization.
    public var testOnly: [String]
    /// Datasets that are trained with, but never tested on.
    public var trainOnly: [String]
    /// Networks that are trained.
    public var networks: [StudyNetwork]
    /// Models that are only measured, the trivial baselines among them.
    public var models: [StudyModel]
    /// How networks are trained.
    public var training: StudyTraining
    /// How models are measured.
    public var evaluation: StudyEvaluation
    /// What the results contain.
    public var results: StudyResultOptions
}

/// One dataset, or some of its classes, as the file names it: `Breast-BUSI`, `Echo-CAMUS#1`.
public struct StudyTarget: Hashable, Sendable {
    /// The dataset's folder.
    public var dataset: String
    /// The class; nil for every class of the dataset.
    public var label: Int?

    /// - Parameters:
    ///   - dataset: the dataset's folder.
    ///   - label: the class; nil for every class.
    public init(dataset: String, label: Int? = nil) {
        self.dataset = dataset
        self.label = label
    }
}

/// One column of the tables: a class of a dataset.
public struct StudyTask: Hashable, Sendable {
    /// The dataset's folder.
    public var dataset: String
    /// The class.
    public var label: Int
    /// Whether the dataset has other classes too.
    public var isOneOfSeveral: Bool

    /// `Breast-BUSI`, or `Echo-CAMUS#1` where the dataset has several classes: a value of `--sets`.
    public var name: String { isOneOfSeveral ? "\(dataset)#\(label)" : dataset }
}

/// How the data of training and test go together.
public enum StudyProtocol: String, CaseIterable, Sendable {
    /// One model for each task, trained and tested on it.
    case taskSpecific = "task-specific"
    /// One model for all tasks.
    case universal
    /// Tested on datasets that were left out of the training.
    case generalization

    /// The heading in the results.
    public var title: String {
        switch self {
        case .taskSpecific: "Task-specific: one model for each task"
        case .universal: "Universal: one model for all tasks"
        case .generalization: "Generalization: datasets that were not trained with"
        }
    }
}

/// The end of a training.
public enum StudyBudget: Equatable, Sendable {
    /// Whole epochs.
    case epochs(Int)
    /// At least this many optimizer steps, rounded up to whole epochs.
    case steps(Int)
    /// About this many minutes.
    case minutes(Double)
}

/// A value of an option of `samus train`.
public struct StudyOption: Equatable, Sendable {
    /// The long name without dashes.
    public var name: String
    /// The value as text; nil for a flag.
    public var value: String?
    /// Whether the flag is `false`, which replaces a `true` of the study.
    public var isOff = false
    /// The line of the file.
    public var line: Int

    /// As arguments: `--batch 4`; none for a flag that is off.
    var arguments: [String] { isOff ? [] : ["--\(name)"] + (value.map { [$0] } ?? []) }
}

/// A network that is trained in the study.
public struct StudyNetwork: Equatable, Sendable {
    /// The name in tables.
    public var name: String
    /// The architecture.
    public var architecture: ModelArchitecture
    /// The recipe of `samus train`.
    public var recipe: String
    /// Weights to start from: a name or a file; nil for random weights.
    public var from: String?
    /// Options of `samus train`, which replace those of the study.
    public var options: [StudyOption]
    /// The budget; nil for the study's.
    public var budget: StudyBudget?
    /// How it is prompted in the evaluation.
    public var prompts: [PromptStrategy]
    /// The protocols; nil for all of the study.
    public var protocols: [StudyProtocol]?
    /// Multiply-add operations for one image in 10^9, where known.
    public var gmac: Double?
    /// The Dice that a paper prints.
    public var published: PublishedDice = [:]

    /// Whether one training learns several classes of a dataset at once (`--classes`).
    var learnsClasses: Bool { options.contains { $0.name == "classes" } }
}

/// The Dice that a paper prints, by protocol and by the name of a task.
public typealias PublishedDice = [StudyProtocol: [String: Double]]

/// A model that is measured and not trained.
public struct StudyModel: Equatable, Sendable {
    /// The name in tables.
    public var name: String
    /// A name, file or bundle, or `filled-box` or `ellipse`.
    public var model: String
    /// How it is prompted.
    public var prompts: [PromptStrategy]
    /// Multiply-add operations for one image in 10^9, where known.
    public var gmac: Double?
    /// The Dice that a paper prints.
    public var published: PublishedDice = [:]

    /// Whether it is a shape that is drawn from the box alone.
    public var isBaseline: Bool { BaselineSource(rawValue: model) != nil }

    /// The baselines that are in every table.
    static let baselines = [
        StudyModel(name: "filled box", model: "filled-box", prompts: [.box()]),
        StudyModel(name: "ellipse in the box", model: "ellipse", prompts: [.box()]),
    ]
}

/// How the networks of a study are trained.
public struct StudyTraining: Equatable, Sendable {
    /// Options of `samus train` for all networks.
    public var options: [StudyOption] = []
    /// The budget of each training.
    public var budget = StudyBudget.epochs(200)
    /// One training for each seed.
    public var seeds: [Int] = [0]
    /// Fractions of the training images, for learning curves; the tables have the largest.
    public var fractions: [Double] = [1]
}

/// How the models of a study are measured.
public struct StudyEvaluation: Equatable, Sendable {
    /// The protocols.
    public var protocols: [StudyProtocol] = [.taskSpecific]
    /// Groups of datasets that are left out together; one training for each group.
    public var heldOut: [[String]] = []
    /// The list of images.
    public var split = Split.test
    /// Only the first images of each dataset's list; nil for all.
    public var limit: Int?
    /// The resolution of the comparison.
    public var resolution = EvaluationResolution.model
}

/// What the results of a study contain.
public struct StudyResultOptions: Equatable, Sendable {
    /// The metrics with a table each; the first one decides ranks and sheets.
    public var metrics: [MaskMetric] = [.dice, .hd95, .assd, .samusHD]
    /// Images on the sheet of each task; 0 for no sheets.
    public var sheets = 4
}

/// Why a study cannot be run.
public enum StudyError: Error, Equatable, Sendable {
    /// The file cannot be read.
    case unreadable(path: String, reason: String)
    /// A value of the file is wrong; `place` is the path of its key.
    case invalid(path: String, line: Int, place: String, reason: String)
    /// Data, weights or programs are missing.
    case missing([String])
    /// The record of a job cannot be read.
    case badRecord(path: String, reason: String)
    /// There are no results yet.
    case nothingDone
}

extension StudyError: CustomStringConvertible {
    /// One sentence for the person at the terminal; a list for several missing files.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "the study '\(path)' cannot be read: \(reason)"
        case .invalid(let path, let line, let place, let reason):
            "'\(path)', line \(line)\(place.isEmpty ? "" : ", \(place)"): \(reason)"
        case .missing(let things):
            things.count == 1
                ? "the study cannot start: \(things[0])"
                : "the study cannot start:\n" + things.map { "  - \($0)" }.joined(separator: "\n")
        case .badRecord(let path, let reason): "'\(path)' cannot be read: \(reason)"
        case .nothingDone: "no evaluation of the study is done: there is nothing to tabulate"
        }
    }
}
