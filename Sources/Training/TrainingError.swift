import Datasets
import Segmentation

/// Why a training cannot begin, go on or end.
public enum TrainingError: Error, Equatable, Sendable {
    /// A recipe for another network.
    case recipe(Recipe, kind: ModelArchitecture)
    /// A part of the prompts that means nothing.
    case prompts(String)
    /// A network that no weights can be started from in this way.
    case start(String)
    /// A loss that is not a finite number, and the samples it came from.
    case notFinite(what: String, step: Int, samples: [String])
    /// A loss that has grown far above its lowest.
    case diverged(loss: Double, lowest: Double, step: Int, samples: [String])
    /// A state that does not belong to this run, or is damaged.
    case state(path: String, reason: String)
    /// Nothing would be trained.
    case nothingToTrain
    /// A network that needs a prompt was given none, or the other way round.
    case unprompted(kind: ModelArchitecture)
}

extension TrainingError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .recipe(let recipe, let kind):
            "the recipe '\(recipe.rawValue)' is for \(recipe.architecture?.rawValue ?? "another network"), "
                + "not for \(kind.rawValue): use 'decoder' or 'full'"
        case .prompts(let text):
            "'\(text)' is no prompt of training: \(PromptStrategy.forms), with N from 1 to "
                + "\(PromptStrategy.maximumClicks), each with *SHARE if wanted"
        case .start(let reason): reason
        case .notFinite(let what, let step, let samples):
            "the \(what) of step \(step) is not a finite number; its images were "
                + "\(samples.joined(separator: ", ")). The last state that gave a finite loss is kept: try a smaller "
                + "--learning-rate, --clip or f32"
        case .diverged(let loss, let lowest, let step, let samples):
            "the loss diverges: \(loss.formatted(.number.precision(.significantDigits(3)))) at "
                + "step \(step), lowest so far "
                + "\(lowest.formatted(.number.precision(.significantDigits(3)))); the last "
                + "images were \(samples.joined(separator: ", ")). The state kept last and the best weights stay: "
                + "try a smaller --learning-rate or --clip"
        case .state(let path, let reason): "'\(path)' cannot be resumed from: \(reason)"
        case .nothingToTrain: "every weight is frozen: there is nothing to train"
        case .unprompted(let kind):
            "\(kind.rawValue) cannot be trained so: only AutoSAMUS works without prompts ('none')"
        }
    }
}
