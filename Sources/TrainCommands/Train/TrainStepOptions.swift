import ArgumentParser
import Commands
import Segmentation
import TorchNN
import Training

/// How the steps are.
struct TrainStepOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Epochs.", valueName: "n"))
    var epochs = 200
    @Option(help: ArgumentHelp("Samples of a batch, in one process.", valueName: "n"))
    var batch = 8
    @Option(help: ArgumentHelp("Batches whose gradients make one step.", valueName: "n"))
    var accumulate = 1
    @Option(help: "The optimizer.")
    var optimizer = OptimizerName.adam
    @Option(help: ArgumentHelp("Learning rate.", valueName: "rate"))
    var learningRate = 5e-4
    @Option(help: "How the learning rate goes on.")
    var schedule = ScheduleName.constant
    @Option(help: ArgumentHelp("Steps in which the rate grows up to its value.", valueName: "n"))
    var warmUp = 0
    @Option(
        help: ArgumentHelp(
            "Weight decay (default: 0 with adam, 0.1 with adamw).", valueName: "decay"))
    var weightDecay: Double?
    @Option(help: ArgumentHelp("Greatest length of the gradient.", valueName: "norm"))
    var clip: Double?
    @Option(
        help: ArgumentHelp(
            "Decay of a moving average of weights, which is then validated and written.",
            valueName: "decay"))
    var ema: Double?
    @Flag(help: "Dice loss image by image instead of pooled over the batch.")
    var dicePerImage = false
    @Option(help: ArgumentHelp("Weight of the focal loss.", valueName: "w"))
    var focal = 0.0
    @Option(
        help: ArgumentHelp(
            "Weight of the IoU estimate's squared error (default: 0 where the decoder is frozen, "
                + "else 0.1).", valueName: "w"))
    var iouLoss: Double?
    @Option(help: "Precision: f32 or bf16, by autocast.")
    var precision = PrecisionName.f32
    @Option(help: ArgumentHelp("Seed of everything that is random.", valueName: "n"))
    var seed: UInt64 = 0
    @Option(
        help: ArgumentHelp(
            "Stop when the smoothed loss is above so many times its lowest; 0 for never.",
            valueName: "times"))
    var divergence = 4.0

    func validate() throws {
        let counts = [("--epochs", epochs), ("--batch", batch), ("--accumulate", accumulate)]
        for (name, count) in counts where !(1...1_000_000).contains(count) {
            throw ValidationError("\(name) \(count): from 1 to 1,000,000")
        }
        guard learningRate > 0, learningRate.isFinite else {
            throw ValidationError("--learning-rate \(learningRate): above 0")
        }
        if let ema, !(ema > 0 && ema < 1) { throw ValidationError("--ema \(ema): between 0 and 1") }
        if let clip, !(clip > 0) { throw ValidationError("--clip \(clip): above 0") }
        let weights = [
            ("--focal", focal), ("--iou-loss", iouLoss ?? 0), ("--divergence", divergence),
            ("--weight-decay", weightDecay ?? 0),
        ]
        for (name, weight) in weights where !(weight >= 0 && weight.isFinite) {
            throw ValidationError("\(name) \(weight): at least 0")
        }
        guard warmUp >= 0 else { throw ValidationError("--warm-up \(warmUp): at least 0") }
    }

    /// The numbers for the loop.
    func settings(recipe: Recipe, teacherWeight: Double) -> TrainingSettings {
        var settings = TrainingSettings()
        settings.epochs = epochs
        settings.batch = batch
        settings.accumulation = accumulate
        settings.learningRate = learningRate
        settings.shape =
            switch schedule {
            case .constant: .constant
            case .polynomial: .polynomial(power: 0.9)
            case .cosine: .cosine(lowest: 0.01)
            }
        settings.warmUp = warmUp
        settings.isDecoupled = optimizer == .adamw
        settings.weightDecay = weightDecay ?? (optimizer == .adamw ? 0.1 : 0)
        settings.clip = clip
        settings.averageDecay = ema
        settings.loss.isDicePerImage = dicePerImage
        settings.loss.focal = focal
        settings.loss.iouEstimate =
            iouLoss ?? (recipe == .decoder || recipe == .full ? 0.1 : 0)
        settings.teacherWeight = teacherWeight
        settings.isBFloat16 = precision == .bf16
        settings.seed = seed
        settings.divergence = divergence
        return settings
    }
}

/// An optimizer by name.
enum OptimizerName: String, ExpressibleByArgument, CaseIterable { case adam, adamw }
/// A shape of the learning rate by name: polynomial is of power 0.9, cosine goes down to 1 %.
enum ScheduleName: String, ExpressibleByArgument, CaseIterable {
    case constant, polynomial, cosine
}
/// A precision by name.
enum PrecisionName: String, ExpressibleByArgument, CaseIterable { case f32, bf16 }

/// What the run leaves and when it ends.
struct TrainRunOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The folder of runs.", valueName: "folder"))
    var project = "runs/train"
    @Option(
        help: ArgumentHelp("The run's folder in it (default: exp, exp2, …).", valueName: "name"))
    var name: String?
    @Flag(help: "Replace a run of that name.")
    var force = false
    @Option(
        help: ArgumentHelp(
            "Go on with a run: its folder, or 'latest'. Beside it only what the result does not depend "
                + "on, as --threads, --workers, --patience, --time-limit, --data.",
            valueName: "run"))
    var resume: String?
    @Flag(
        name: .customLong("continue"),
        help: "Go on with the run of that --name where it has begun, else begin it.")
    var continues = false
    @Flag(help: "Show what would be trained, with what, for how long; train nothing.")
    var dryRun = false
    @Option(
        help: ArgumentHelp("End after so many epochs without a better validation.", valueName: "n"))
    var patience: Int?
    @Option(help: ArgumentHelp("End after so many minutes; --resume goes on.", valueName: "min"))
    var timeLimit: Double?
    @Option(help: ArgumentHelp("Minutes between kept states within an epoch.", valueName: "min"))
    var keepEvery = 5.0
    @Option(help: ArgumentHelp("Threads for the network (default: all cores).", valueName: "n"))
    var threads: Int?
    @Option(help: ArgumentHelp("Threads that prepare images.", valueName: "n"))
    var workers = 2
    @Flag(help: "One thread for the network, so that the same seed gives the same bits.")
    var deterministic = false
    @Flag(
        help: "SAMUS computes activations anew in the backward pass: less memory, more time.")
    var checkpointActivations = false
    @Option(help: "Where the network is trained.")
    var device = TorchProcessor.cpu
    @Option(help: ArgumentHelp("The weights' licence, for their remarks.", valueName: "text"))
    var licence: String?

    func validate() throws {
        for (name, count) in [("--threads", threads ?? 1), ("--workers", workers)]
        where !(1...1024).contains(count) {
            throw ValidationError("\(name) \(count): from 1 to 1024")
        }
        for (name, minutes) in [("--time-limit", timeLimit ?? 0), ("--keep-every", keepEvery)]
        where !(minutes >= 0 && minutes.isFinite) {
            throw ValidationError("\(name) \(minutes): at least 0 minutes")
        }
        if let patience, patience < 1 {
            throw ValidationError("--patience \(patience): at least 1 epoch")
        }
        if continues, name == nil {
            throw ValidationError("--continue needs the --name of the run")
        }
    }
}
