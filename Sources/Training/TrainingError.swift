import Datasets
import Segmentation

/// Why a training cannot start or continue.
public enum TrainingError: Error, Equatable, Sendable {
    /// An option has a value that it does not take.
    case option(String)
    /// A recipe for another network.
    case recipe(Recipe, architecture: ModelArchitecture)
    /// A part of the prompts that cannot be read.
    case prompts(String)
    /// A network, weights or data that cannot be trained in this way.
    case start(String)
    /// A loss or gradient that is not finite, and the samples of the batch.
    case notFinite(what: String, step: Int, samples: [String])
    /// A smoothed loss far above its minimum.
    case diverged(loss: Double, lowest: Double, step: Int, samples: [String])
    /// A checkpoint that belongs to another run.
    case state(path: String, reason: String)
    /// A checkpoint that is damaged; `weights` is a whole file with the last weights.
    case damagedState(path: String, reason: String, weights: String?)
    /// All weights are frozen.
    case nothingToTrain
    /// A network that needs a prompt cannot be trained without one.
    case needsPrompt(ModelArchitecture)
    /// A network without a prompt encoder is trained without prompts only.
    case takesNoPrompts(ModelArchitecture)
}

extension TrainingError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .option(let reason): reason
        case .recipe(let recipe, let architecture):
            "the recipe '\(recipe.rawValue)' is for \(recipe.architecture?.rawValue ?? "another network"), "
                + "not for \(architecture.rawValue): use "
                + architecture.recipes.map { "'\($0.rawValue)'" }.joined(separator: " or ")
        case .prompts(let text):
            "'\(text)' is not a training prompt: \(PromptStrategy.forms), with N from 1 to "
                + "\(PromptStrategy.maximumClicks), each optionally with *WEIGHT"
        case .start(let reason): reason
        case .notFinite(let what, let step, let samples):
            "the \(what) of step \(step) is not a finite number; its images were "
                + "\(samples.joined(separator: ", ")). The last checkpoint with a finite loss stays: "
                + "try a smaller --learning-rate, --clip or --precision f32"
        case .diverged(let loss, let lowest, let step, let samples):
            "the loss diverges: \(loss.formatted(.number.precision(.significantDigits(3)))) at "
                + "step \(step), its minimum was "
                + "\(lowest.formatted(.number.precision(.significantDigits(3)))); the last "
                + "images were \(samples.joined(separator: ", ")). The last checkpoint and the best "
                + "weights stay: try a smaller --learning-rate or --clip"
        case .state(let path, let reason): "'\(path)' cannot be resumed from: \(reason)"
        case .damagedState(let path, let reason, let weights):
            "'\(path)' is damaged, so that the run cannot be resumed: \(reason). "
                + (weights.map {
                    "The weights in '\($0)' are whole: start a new run with --from '\($0)'"
                } ?? "Start a new run")
        case .nothingToTrain: "all weights are frozen: there is nothing to train"
        case .needsPrompt(let architecture):
            "\(architecture.rawValue) needs a prompt and cannot be trained prompt-free"
        case .takesNoPrompts(let architecture):
            "\(architecture.rawValue) takes no prompts: --prompts prompt-free is the only choice"
        }
    }
}
