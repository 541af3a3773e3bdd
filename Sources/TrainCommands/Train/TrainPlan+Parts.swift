import ArgumentParser
import Checkpoints
import Commands
import Datasets
import Foundation
import Imaging
import Segmentation
import Training

extension TrainDataOptions {
    /// What makes of samples what a network sees.
    func preprocessing(
        _ start: InitializedNetwork, variants: Int?, seed: UInt64
    ) throws -> ExamplePreparation {
        let recipe = try AugmentationRecipe(words: augment)
        // A network that pads its input sees no image stretched to a square.
        let keeps = start.kind.preprocessing.keepsProportions
        let cache = LabelledImageCache(limit: Int(imageCache * 1e9))
        return ExamplePreparation(
            inputSize: start.configuration.inputSize, preprocessing: start.kind.preprocessing,
            variants: variants, seed: seed,
            augment: { image, random in
                image =
                    keeps
                    ? recipe.applyKeepingProportions(to: image, using: &random)
                    : recipe.apply(to: image, using: &random)
            },
            read: { try cache.image(of: $0) })
    }

    /// What points at the object in validation.
    func pointings(
        _ prompts: PromptMix, of kind: ModelArchitecture
    ) throws -> [PromptStrategy] {
        guard let pointedBy else {
            let kinds = prompts.promptKinds
            let isPromptFree = prompts.parts.contains { $0.kind == .promptFree }
            return (kinds.contains(.click) ? [.fixedClick] : [])
                + (kinds.contains(.box) ? [.box()] : []) + (isPromptFree ? [.promptFree] : [])
        }
        // Former versions called the fixed click 'click'.
        let pointings = PromptStrategy.list(pointedBy)?.map { $0 == .clicks(1) ? .fixedClick : $0 }
        guard let pointings,
            pointings.allSatisfy({ $0.promptCount == 1 && !$0.needsModelInLoop })
        else {
            throw ValidationError(
                "--validate \(pointedBy): fixed, box or prompt-free, separated by commas")
        }
        guard kind.isPromptFree || !pointings.contains(.promptFree) else {
            throw ValidationError("--validate prompt-free: \(kind.rawValue) needs a prompt")
        }
        return pointings
    }
}

extension TrainNetworkOptions {
    /// Freezes what is not trained, by recipe and by name.
    func freeze(_ start: InitializedNetwork) throws {
        try recipe.freeze(start.network)
        for (list, trainable) in [(freeze, false), (unfreeze, true)] {
            for name in list?.split(separator: ",") ?? [] {
                let isKnown = start.network.namedParameters().contains { $0.name.hasPrefix(name) }
                guard isKnown else {
                    throw TrainingError.start(
                        "no weight's name begins with '\(name)' (--freeze, --unfreeze)")
                }
                start.network.setTrainable(trainable) { $0.hasPrefix(name) }
            }
        }
    }
}

extension RunArguments {
    /// As they would be typed.
    var words: [String] {
        entries.flatMap { entry -> [String] in
            switch entry.value {
            case .none, .flag(false): []
            case .flag(true): ["--\(entry.name)"]
            // One word, so that a value may begin with a dash.
            case .integer(let value): ["--\(entry.name)=\(value)"]
            case .number(let value): ["--\(entry.name)=\(value)"]
            case .text(let text): ["--\(entry.name)=\(text)"]
            case .list: []
            }
        }
    }
}

extension TrainCommand {
    /// All options but those that say where the run lies.
    var arguments: RunArguments {
        func text(_ value: String?) -> RunArgument { value.map { .text($0) } ?? .none }
        func number(_ value: Double?) -> RunArgument { value.map { .number($0) } ?? .none }
        func whole(_ value: Int?) -> RunArgument { value.map { .integer($0) } ?? .none }
        return RunArguments([
            .init("data", text(data.root)), .init("sets", text(data.sets)),
            .init("fraction", .number(data.fraction)), .init("augment", .text(data.augment)),
            .init("prompts", text(data.prompts)), .init("variants", whole(data.variants)),
            .init("embeddings", text(data.embeddings)),
            .init("embeddings-limit", .number(data.embeddingsLimit)),
            .init("image-cache", .number(data.imageCache)),
            .init("validate", text(data.pointedBy)),
            .init("validation-fraction", .number(data.validationFraction)),
            .init("recipe", .text(network.recipe.rawValue)),
            .init("network", text(network.kind?.commandName)), .init("from", text(network.start)),
            .init("decoder-from", text(network.decoderFrom)),
            .init("teacher", text(network.teacher)),
            .init("teacher-weight", .number(network.teacherWeight)),
            .init("width", .integer(network.width)), .init("depth", .integer(network.depth)),
            .init("heads", whole(network.heads)),
            .init("global-blocks", text(network.globalBlocks)),
            .init("freeze", text(network.freeze)), .init("unfreeze", text(network.unfreeze)),
            .init("epochs", .integer(steps.epochs)), .init("batch", .integer(steps.batch)),
            .init("accumulate", .integer(steps.accumulate)),
            .init("optimizer", .text(steps.optimizer.rawValue)),
            .init("learning-rate", .number(steps.learningRate)),
            .init("schedule", .text(steps.schedule.rawValue)),
            .init("warm-up", .integer(steps.warmUp)),
            .init("weight-decay", number(steps.weightDecay)), .init("clip", number(steps.clip)),
            .init("ema", number(steps.ema)), .init("dice-per-image", .flag(steps.dicePerImage)),
            .init("focal", .number(steps.focal)), .init("iou-loss", number(steps.iouLoss)),
            .init("precision", .text(steps.precision.rawValue)),
            .init("seed", .text("\(steps.seed)")), .init("divergence", .number(steps.divergence)),
            .init("patience", whole(course.patience)),
            .init("time-limit", number(course.timeLimit)),
            .init("keep-every", .number(course.keepEvery)), .init("threads", whole(course.threads)),
            .init("workers", .integer(course.workers)),
            .init("deterministic", .flag(course.deterministic)),
            .init("checkpoint-activations", .flag(course.checkpointActivations)),
            .init("device", .text(course.device.rawValue)), .init("licence", text(course.licence)),
        ])
    }
}

extension TrainCommand {
    /// The numbers of the training.
    var settings: TrainingSettings {
        var settings = steps.settings(
            recipe: network.recipe,
            teacherWeight: network.teacher == nil ? 0 : network.teacherWeight)
        settings.workers = course.workers
        settings.patience = course.patience
        settings.timeLimit = course.timeLimit.map { 60 * $0 }
        settings.keepEvery = 60 * course.keepEvery
        return settings
    }

    /// Everything that the result depends on, as one line.
    func identity(
        of start: InitializedNetwork, teacher: Checkpoint?, _ selection: SampleSelection
    ) throws -> String {
        let options = arguments.entries.filter { !Self.free.contains($0.name) }
            .map { "\($0.name)=\($0.value)" }
        let taught = try teacher.map { ["teacher-sha256=\(try $0.sha256)"] } ?? []
        let samples = "samples=\(selection.fingerprint)"
        return (options + [start.encoderName] + taught + [samples]).joined(separator: " ")
    }
}

extension InitializedNetwork {
    /// What its image encoder depends on, as one line.
    var encoderName: String {
        let files = sources.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        // Version 0.1 wrote ViT-B's sizes for LiteMedSAM. The text must not change, or its runs could
        // not be resumed and its cached embeddings not be found.
        let sizes =
            configuration.metadata
            ?? SAMConfiguration.base(imageSize: configuration.inputSize).json
        return ([kind.rawValue, sizes, origin] + files).joined(separator: " ")
    }
}
