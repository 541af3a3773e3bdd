import Datasets
import FileIO
import Segmentation
import Torch

/// Every option of a training: one value is at once `args.yaml`, the defaults and help of
/// `samus train`, and what resume compares.
///
/// An option is added here, as a property with its default and a row of ``fields``, and as an
/// option of the same name in `TrainOptions`. Tests fail when one of them is missing.
public struct TrainingConfiguration: Equatable, Sendable {
    /// Folder of datasets in the US30K layout.
    public var data: String?
    /// Datasets to use, or classes such as `Echo-CAMUS#1`, separated by commas; with `-` in front all
    /// but these.
    public var sets: String?
    /// Fraction of the training images to use.
    public var fraction = 1.0
    /// Exponent by which sets of different sizes are balanced: 1 draws every image once an epoch, 0
    /// draws as many from each set.
    public var balance = 1.0
    /// Whether an object is all of a class or one connected piece of it.
    public var objects = ObjectUnit.classes
    /// Classes that the network segments at once, `all` or values separated by commas; nil for one
    /// object in each sample.
    public var classes: String?
    /// Names of augmentations, separated by commas.
    public var augment = "authors"
    /// Prompt strategies with their weights, in the text form of ``PromptMix``; nil for the
    /// recipe's.
    public var prompts: String?
    /// Share of the examples with interactive prompts whose prompt is on nothing.
    public var nothing = 0.1
    /// Fixed augmented variants of each image; 0 for new ones in each epoch, nil for automatic.
    public var variants: Int?
    /// Folder of the embedding cache; nil for `embeddings` in the run's folder.
    public var embeddings: String?
    /// Size limit of the embedding cache in GB.
    public var embeddingsLimit = 16.0
    /// Size limit of the cache of decoded images in GB.
    public var imageCache = 1.0
    /// Prompt strategies of the validation, separated by commas; nil for those that are trained.
    public var validationPrompts: String?
    /// Fraction of the validation images to use.
    public var validationFraction = 1.0
    /// The column of `results.csv` by which the best weights are chosen.
    public var select = "val/dice"

    /// What is trained, with its default prompts and loss.
    public var recipe = Recipe.samus
    /// The architecture; nil for that of the weights in `from`, or of the recipe.
    public var network: ModelArchitecture?
    /// How adapters are trained; nil for a network without them, or with those that it has.
    public var adapter: AdapterMethod?
    /// Rank of LoRA.
    public var loraRank = EncoderAdapter.publishedRank
    /// Height and width of the input of a network of SAM's family; nil for the published size, or
    /// that of the weights in `from`.
    public var inputSize: Int?
    /// Weights to start from: a name or a file.
    public var from: String?
    /// Weights whose prompt encoder and mask decoder are taken: a name or a file.
    public var decoderFrom: String?
    /// Weights of the teacher: a name or a file.
    public var teacher: String?
    /// Weight of the distance to the teacher's embedding in the loss.
    public var teacherWeight = 1.0
    /// Token width of a new network.
    public var width = 768
    /// Number of transformer blocks of a new network.
    public var depth = 12
    /// Attention heads of a new network; nil for width / 64.
    public var heads: Int?
    /// Blocks with global attention in a new network, separated by commas; nil for every third.
    public var globalBlocks: String?
    /// Parts that a new samus-lite does not have, separated by commas.
    public var without: String?
    /// Name prefixes of weights that are frozen too, separated by commas.
    public var freeze: String?
    /// Name prefixes of weights that are trained after all, separated by commas.
    public var unfreeze: String?

    /// Number of epochs.
    public var epochs = 200
    /// Batch size of one process.
    public var batch = 8
    /// Batches whose gradients are accumulated for one optimizer step.
    public var accumulate = 1
    /// The optimizer.
    public var optimizer = OptimizerName.adam
    /// Learning rate after the warm-up.
    public var learningRate = 5e-4
    /// Shape of the learning rate after the warm-up.
    public var schedule = ScheduleName.constant
    /// Steps of linear warm-up.
    public var warmUp = 0
    /// Weight decay; nil for the optimizer's default.
    public var weightDecay: Double?
    /// Largest norm of the gradient; nil for no clipping.
    public var clip: Double?
    /// Decay of the exponential moving average of weights; nil for none.
    public var ema: Double?
    /// Whether the Dice loss is the mean over images instead of pooled over the batch.
    public var dicePerImage = false
    /// Weight of the focal loss.
    public var focal = 0.0
    /// Weight of foreground pixels in the cross entropy.
    public var positiveWeight = 2.0
    /// Weight of the squared error of the IoU estimate; nil for the recipe's.
    public var iouLoss: Double?
    /// Precision of matrix products and convolutions.
    public var precision = PrecisionName.f32
    /// Seed of all random numbers.
    public var seed: UInt64 = 0
    /// The run stops when the smoothed loss exceeds this many times its minimum; 0 for never.
    public var divergence = 4.0

    /// Epochs without a better validation after which the run ends; nil for never.
    public var patience: Int?
    /// Minutes after which this start of the run ends; nil for never.
    public var timeLimit: Double?
    /// Minutes between checkpoints within an epoch.
    public var saveEvery = 5.0
    /// Threads of the network's operators; nil for all cores.
    public var threads: Int?
    /// Threads that prepare images.
    public var workers = 2
    /// Whether the network runs on one thread, so that the same seed gives the same bits.
    public var deterministic = false
    /// Whether SAMUS recomputes activations in the backward pass.
    public var checkpointActivations = false
    /// Where the network is trained.
    public var device = TrainingDevice.cpu
    /// Licence of the trained weights.
    public var licence: String?

    /// The authors' training of SAMUS.
    public static let `default` = TrainingConfiguration()

    /// The default values.
    public init() {}
}

/// An optimizer by its name on the command line.
public enum OptimizerName: String, CaseIterable, Sendable { case adam, adamw }

/// A learning-rate schedule by its name: polynomial has power 0.9, cosine ends at 1 %.
public enum ScheduleName: String, CaseIterable, Sendable { case constant, polynomial, cosine }

/// What the object of one sample is.
public enum ObjectUnit: String, CaseIterable, Sendable {
    /// All pixels of a class.
    case classes
    /// One connected piece of a class; small pieces do not count (`Mask.smallestPiece(of:)`).
    case pieces
}

/// A precision by its name; bf16 and f16 are autocast to bfloat16 and float16.
public enum PrecisionName: String, CaseIterable, Sendable {
    /// `auto` is bf16 on a processor that computes in it, else f32; see ``chosen(on:)``.
    case f32, bf16, f16, auto

    /// The precision that `auto` means on a device; any other precision is itself.
    ///
    /// - Parameter device: where the training runs.
    /// - Returns: f32, bf16 or f16.
    public func chosen(on device: TrainingDevice) -> PrecisionName {
        guard self == .auto else { return self }
        return device == .cpu && Processor.current.hasBFloat16 ? .bf16 : .f32
    }

    /// The type of matrix products and convolutions; `auto` must be replaced by ``chosen(on:)``.
    public var dtype: DType {
        switch self {
        case .f32, .auto: .float32
        case .bf16: .bfloat16
        case .f16: .float16
        }
    }
}

/// A kind of processor that libtorch runs on here.
public enum TrainingDevice: String, CaseIterable, Sendable { case cpu, cuda, mps }

extension TrainingConfiguration {
    /// One row per option, in the order of `args.yaml`.
    ///
    /// `affectsResult` is true for options that must not change when a run is resumed.
    public static let fields: [TrainingField] = [
        .init(
            "data", \.data, affectsResult: false, value: "root",
            help: "Folder of datasets in the US30K layout."),
        .init(
            "sets", \.sets, affectsResult: true, value: "names",
            help: "Use only these datasets, or classes such as Echo-CAMUS#1, separated by commas; "
                + "with - in front all but these."),
        .init(
            "fraction", \.fraction, affectsResult: true, value: "fraction",
            help: "Train with a seeded fraction of the images, 0 to 1."),
        .init(
            "balance", \.balance, affectsResult: true, value: "exponent",
            help: "Draw images of a set of n images in proportion to n to this power: 1 draws each "
                + "image once an epoch, 0 as many from each set."),
        .init(
            "objects", \.objects, affectsResult: true,
            help: "Whether an object is a whole class of a label or one connected piece of it."),
        .init(
            "classes", \.classes, affectsResult: true, value: "all|values",
            help: "Train a task-specific network on several classes at once: all, or their values "
                + "in the labels, as 1,2,3 (default: each class is an object of its own)."),
        .init(
            "augment", \.augment, affectsResult: true, value: "names",
            help: "Augmentations, separated by commas: authors, none, flip ..."),
        .init(
            "prompts", \.prompts, affectsResult: true, value: "mix",
            help: "Prompts of the training steps and their weights, as "
                + "click*3,box*2,corrections:2 (default: the recipe's)."),
        .init(
            "nothing", \.nothing, affectsResult: true, value: "share",
            help:
                "Share of the examples with interactive prompts whose prompt is on nothing, so "
                + "that the network learns to find nothing."),
        .init(
            "variants", \.variants, affectsResult: true, value: "n",
            help:
                "Fixed augmented variants of each image, so that a frozen encoder sees each once; "
                + "0 for new ones in each epoch (default: 4 with the recipe decoder or a teacher, "
                + "else 0)."),
        .init(
            "embeddings", \.embeddings, affectsResult: false, value: "folder",
            help: "Cache folder for embeddings of a frozen encoder (default: in the run's folder)."),
        .init(
            "embeddings-limit", \.embeddingsLimit, affectsResult: false, value: "gb",
            help: "Size limit of the embedding cache in GB."),
        .init(
            "image-cache", \.imageCache, affectsResult: false, value: "gb",
            help: "Size limit of the cache of decoded images in GB."),
        .init(
            "validation-prompts", \.validationPrompts, affectsResult: true, value: "prompts",
            help: "Prompts of the validation, separated by commas: fixed (a click), box, "
                + "prompt-free (default: those that are trained)."),
        .init(
            "validation-fraction", \.validationFraction, affectsResult: true, value: "fraction",
            help: "Validate with a seeded fraction of the images, 0 to 1."),
        .init(
            "select", \.select, affectsResult: true, value: "column",
            help:
                "Column of results.csv by which the best weights are chosen: val/dice is the mean "
                + "over prompts, val/dice_box that with boxes, val/dice/SET#1 that of a class."),
        .init(
            "recipe", \.recipe, affectsResult: true,
            help: "Which weights are trained, with default prompts and loss."),
        .init(
            "network", \.network, affectsResult: true,
            help: "The architecture (default: that of --from)."),
        .init(
            "adapter", \.adapter, affectsResult: true,
            help: "Train adapters in the frozen image encoder of SAM, MedSAM or LiteMedSAM: lora "
                + "(LoRA alone), samed (LoRA, prompt encoder and mask decoder), msa (bottlenecks and "
                + "mask decoder), sammed2d (convolutions, prompt encoder and mask decoder)."),
        .init(
            "lora-rank", \.loraRank, affectsResult: true, value: "n",
            help: "Rank of LoRA."),
        .init(
            "input-size", \.inputSize, affectsResult: true, value: "n",
            help:
                "Height and width of the input of SAM and the networks adapted from it, a multiple "
                + "of 32 (default: that of --from, or the published one)."),
        .init(
            "from", \.from, affectsResult: true, value: "name|file",
            help: "Weights to start from: of the same architecture, of SAM for SAMUS and "
                + "AutoSAMUS, of SAMUS for AutoSAMUS."),
        .init(
            "decoder-from", \.decoderFrom, affectsResult: true, value: "name|file",
            help: "Weights of another network whose prompt encoder and mask decoder are taken."),
        .init(
            "teacher", \.teacher, affectsResult: true, value: "name|file",
            help: "A frozen network whose embeddings the image encoder learns to predict."),
        .init(
            "teacher-weight", \.teacherWeight, affectsResult: true, value: "w",
            help: "Weight of the distance to the teacher's embedding in the loss."),
        .init(
            "width", \.width, affectsResult: true, value: "n",
            help: "Token width of a new network."),
        .init(
            "depth", \.depth, affectsResult: true, value: "n",
            help: "Transformer blocks of a new network."),
        .init(
            "heads", \.heads, affectsResult: true, value: "n",
            help: "Attention heads of a new network (default: width / 64)."),
        .init(
            "global-blocks", \.globalBlocks, affectsResult: true, value: "list",
            help: "Blocks with global attention in a new network (default: every third)."),
        .init(
            "without", \.without, affectsResult: true, value: "parts",
            help: "Parts that a new samus-lite does not have, for an ablation: cnn-branch, "
                + "cross-branch-attention, feature-adapters."),
        .init(
            "freeze", \.freeze, affectsResult: true, value: "names",
            help: "Freeze the weights with these name prefixes too, separated by commas."),
        .init(
            "unfreeze", \.unfreeze, affectsResult: true, value: "names",
            help: "Train the weights with these name prefixes after all, separated by commas."),
        .init("epochs", \.epochs, affectsResult: true, value: "n", help: "Number of epochs."),
        .init(
            "batch", \.batch, affectsResult: true, value: "n", help: "Batch size of one process."),
        .init(
            "accumulate", \.accumulate, affectsResult: true, value: "n",
            help: "Batches whose gradients are accumulated for one optimizer step."),
        .init("optimizer", \.optimizer, affectsResult: true, help: "The optimizer."),
        .init(
            "learning-rate", \.learningRate, affectsResult: true, value: "rate",
            help: "Learning rate after the warm-up."),
        .init(
            "schedule", \.schedule, affectsResult: true,
            help: "Learning rate after the warm-up."),
        .init(
            "warm-up", \.warmUp, affectsResult: true, value: "n",
            help: "Steps of linear warm-up."),
        .init(
            "weight-decay", \.weightDecay, affectsResult: true, value: "decay",
            help: "Weight decay (default: 0 with adam, 0.1 with adamw)."),
        .init(
            "clip", \.clip, affectsResult: true, value: "norm",
            help: "Largest norm of the gradient (default: no clipping)."),
        .init(
            "ema", \.ema, affectsResult: true, value: "decay",
            help: "Decay of an exponential moving average of weights, which is then validated and "
                + "written (default: no average)."),
        .init(
            "dice-per-image", \.dicePerImage, affectsResult: true,
            help: "Average the Dice loss over images instead of pooling it over the batch."),
        .init(
            "focal", \.focal, affectsResult: true, value: "w", help: "Weight of the focal loss."),
        .init(
            "positive-weight", \.positiveWeight, affectsResult: true, value: "w",
            help: "Weight of foreground pixels in the cross entropy."),
        .init(
            "iou-loss", \.iouLoss, affectsResult: true, value: "w",
            help: "Weight of the squared error of the IoU estimate (default: 0.1 with the recipes "
                + "decoder, full and adapter, else 0)."),
        .init(
            "precision", \.precision, affectsResult: true,
            help: "Precision of matrix products and convolutions; bf16 and f16 by autocast, f16 on "
                + "GPUs only and with a scaled loss; auto is bf16 on a processor that has it, else "
                + "f32."),
        .init("seed", \.seed, affectsResult: true, value: "n", help: "Seed of all random numbers."),
        .init(
            "divergence", \.divergence, affectsResult: true, value: "times",
            help: "Stop when the smoothed loss exceeds this many times its minimum; 0 for never."),
        .init(
            "patience", \.patience, affectsResult: false, value: "n",
            help: "End after this many epochs without a better validation (default: never)."),
        .init(
            "time-limit", \.timeLimit, affectsResult: false, value: "min",
            help: "End after this many minutes; --resume continues (default: never)."),
        .init(
            "save-every", \.saveEvery, affectsResult: false, value: "min",
            help: "Minutes between checkpoints within an epoch."),
        .init(
            "threads", \.threads, affectsResult: false, value: "n",
            help: "Threads of the network's operators (default: all cores)."),
        .init(
            "workers", \.workers, affectsResult: false, value: "n",
            help: "Threads that prepare images."),
        .init(
            "deterministic", \.deterministic, affectsResult: false,
            help: "Run the network on one thread, so that the same seed gives the same bits."),
        .init(
            "checkpoint-activations", \.checkpointActivations, affectsResult: true,
            help: "Recompute the activations of SAMUS in the backward pass: less memory, more time."
        ),
        .init("device", \.device, affectsResult: false, help: "Where the network is trained."),
        .init(
            "licence", \.licence, affectsResult: false, value: "text",
            help: "Licence of the trained weights, written into their metadata."),
    ]

    /// Keys of former versions and the present ones.
    public static let formerKeys = [
        "picture-cache": "image-cache", "dice-per-picture": "dice-per-image",
        "validate": "validation-prompts", "keep-every": "save-every",
    ]
}

extension TrainingConfiguration {
    /// Checks ranges; does not read any file.
    ///
    /// - Throws: ``TrainingError/option(_:)`` with the option and what it takes.
    public func check() throws(TrainingError) {
        func require(_ isValid: Bool, _ option: String, _ value: Any, _ range: String)
            throws(TrainingError)
        {
            guard isValid else { throw .option("--\(option) \(value): \(range)") }
        }
        for (key, value) in [("fraction", fraction), ("validation-fraction", validationFraction)] {
            try require(value > 0 && value <= 1, key, value, "above 0, at most 1")
        }
        try require((0...1).contains(balance), "balance", balance, "from 0 to 1")
        try require((0...1).contains(nothing), "nothing", nothing, "from 0 to 1")
        try require(
            positiveWeight > 0 && positiveWeight.isFinite, "positive-weight", positiveWeight,
            "above 0")
        for (key, value) in [("image-cache", imageCache), ("embeddings-limit", embeddingsLimit)] {
            try require(value >= 0 && value <= 1e6, key, value, "from 0 to 1,000,000 GB")
        }
        for (key, value) in [("epochs", epochs), ("batch", batch), ("accumulate", accumulate)] {
            try require((1...1_000_000).contains(value), key, value, "from 1 to 1,000,000")
        }
        for (key, value) in [("threads", threads ?? 1), ("workers", workers)] {
            try require((1...1024).contains(value), key, value, "from 1 to 1024")
        }
        for (key, value) in [("time-limit", timeLimit ?? 0), ("save-every", saveEvery)] {
            try require(value >= 0 && value.isFinite, key, value, "at least 0 minutes")
        }
        let weights = [
            ("focal", focal), ("iou-loss", iouLoss ?? 0), ("divergence", divergence),
            ("weight-decay", weightDecay ?? 0), ("teacher-weight", teacherWeight),
        ]
        for (key, value) in weights {
            try require(value >= 0 && value.isFinite, key, value, "at least 0")
        }
        try require((0...1000).contains(variants ?? 0), "variants", variants ?? 0, "from 0 to 1000")
        try require(
            learningRate > 0 && learningRate.isFinite, "learning-rate", learningRate, "above 0")
        try require((ema ?? 0.5) > 0 && (ema ?? 0.5) < 1, "ema", ema ?? 0, "between 0 and 1")
        try require((clip ?? 1) > 0, "clip", clip ?? 0, "above 0")
        try require(warmUp >= 0, "warm-up", warmUp, "at least 0")
        try require(
            EncoderAdapter.ranks.contains(loraRank), "lora-rank", loraRank,
            "from \(EncoderAdapter.ranks.lowerBound) to \(EncoderAdapter.ranks.upperBound)")
        try require(
            inputSize.map { (32...2048).contains($0) && $0 % 32 == 0 } ?? true, "input-size",
            inputSize ?? 0, "a multiple of 32 up to 2048")
        try require((patience ?? 1) >= 1, "patience", patience ?? 0, "at least 1 epoch")
    }
}
