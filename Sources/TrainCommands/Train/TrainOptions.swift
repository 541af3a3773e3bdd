import ArgumentParser
import Segmentation
import Training

/// What is trained with.
struct TrainDataOptions: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: ArgumentHelp("Data sets in the US30K layout.", valueName: "root"),
        completion: .directory)
    var root: String?

    @Option(
        help: ArgumentHelp(
            "Only these data sets, separated by commas; with - before them all but these.",
            valueName: "names"))
    var sets: String?

    @Option(
        help: ArgumentHelp(
            "Train with a seeded part of the images, 0 to 1.", valueName: "share"))
    var fraction = 1.0

    @Option(
        help: ArgumentHelp(
            "Augmentation, by names separated by commas: authors, none, flip …",
            valueName: "names"))
    var augment = "authors"

    @Option(
        help: ArgumentHelp(
            "Prompts of the steps and their shares, as click*3,box*2,corrections:2 (default: the "
                + "recipe's).", valueName: "mix"))
    var prompts: String?

    @Option(
        help: ArgumentHelp(
            "Fixed augmented variants of each image, so that a frozen encoder sees each once "
                + "(default: 4 with the recipe decoder or a teacher, else new ones each epoch).",
            valueName: "n"))
    var variants: Int?

    @Option(
        help: ArgumentHelp(
            "Where embeddings of a frozen encoder are kept (default: in the run's folder).",
            valueName: "folder"), completion: .directory)
    var embeddings: String?

    @Option(help: ArgumentHelp("Bound on kept embeddings, in GB.", valueName: "gb"))
    var embeddingsLimit = 16.0

    @Option(help: ArgumentHelp("Bound on decoded images in memory, in GB.", valueName: "gb"))
    var imageCache = 1.0

    @Option(
        name: .customLong("validate"),
        help: ArgumentHelp(
            "What points at the object in validation: click, box or none, separated by commas "
                + "(default: what is trained).", valueName: "kinds"))
    var pointedBy: String?

    @Option(
        help: ArgumentHelp(
            "Validate with a seeded part of the images, 0 to 1.", valueName: "share"))
    var validationFraction = 1.0

    func validate() throws {
        for (name, share) in [
            ("--fraction", fraction), ("--validation-fraction", validationFraction),
        ]
        where !(share > 0 && share <= 1) {
            throw ValidationError("\(name) \(share): above 0, at most 1")
        }
        for (name, bytes) in [
            ("--image-cache", imageCache), ("--embeddings-limit", embeddingsLimit),
        ]
        where !(bytes >= 0 && bytes <= 1e6) {
            throw ValidationError("\(name) \(bytes): from 0 to 1,000,000 GB")
        }
        if let variants, !(1...1000).contains(variants) {
            throw ValidationError("--variants \(variants): from 1 to 1000")
        }
    }
}

/// What is trained.
struct TrainNetworkOptions: ParsableArguments {
    @Option(help: "What of the network is trained, and how by default.")
    var recipe = Recipe.samus

    @Option(
        name: .customLong("network"),
        help: "The network: samus, autosamus, sam, litemedsam (default: that of --from).")
    var kind: ModelArchitecture?

    @Option(
        name: .customLong("from"),
        help: ArgumentHelp(
            "Weights to start from: the same network's, SAM's for SAMUS and AutoSAMUS, SAMUS's "
                + "for AutoSAMUS; a name or a file.", valueName: "name|file"),
        completion: .file(extensions: ["pth", "safetensors"]))
    var start: String?

    @Option(
        help: ArgumentHelp(
            "Another network's weights whose prompt encoder and mask decoder are taken.",
            valueName: "name|file"), completion: .file(extensions: ["pth", "safetensors"]))
    var decoderFrom: String?

    @Option(
        help: ArgumentHelp(
            "A network whose embeddings are to be imitated.", valueName: "name|file"),
        completion: .file(extensions: ["pth", "safetensors"]))
    var teacher: String?

    @Option(help: ArgumentHelp("Weight of the distance to the teacher.", valueName: "w"))
    var teacherWeight = 1.0

    func validate() throws {
        guard teacherWeight >= 0, teacherWeight.isFinite else {
            throw ValidationError("--teacher-weight \(teacherWeight): at least 0")
        }
    }

    @Option(help: ArgumentHelp("Width of a new network's tokens.", valueName: "n"))
    var width = 768

    @Option(help: ArgumentHelp("Blocks of a new network.", valueName: "n"))
    var depth = 12

    @Option(
        help: ArgumentHelp(
            "Attention heads of a new network (default: width / 64).", valueName: "n"))
    var heads: Int?

    @Option(
        help: ArgumentHelp(
            "Blocks that see the whole image (default: every third).", valueName: "list"))
    var globalBlocks: String?

    @Option(
        help: ArgumentHelp(
            "Also freeze weights whose names begin so, separated by commas.", valueName: "names"))
    var freeze: String?

    @Option(
        help: ArgumentHelp(
            "Train weights whose names begin so after all, separated by commas.",
            valueName: "names"))
    var unfreeze: String?

    /// The sizes of a new network.
    func sizes() throws -> SAMConfiguration {
        guard (16...4096).contains(width), (1...64).contains(depth) else {
            throw ValidationError("--width 16 to 4096 and --depth 1 to 64")
        }
        let heads = heads ?? max(width / 64, 1)
        guard heads > 0, width % heads == 0 else {
            throw ValidationError("--width \(width) cannot be shared out among \(heads) heads")
        }
        let blocks =
            try globalBlocks.map { text in
                try text.split(separator: ",").map { word in
                    guard let block = Int(word), (0..<depth).contains(block) else {
                        throw ValidationError(
                            "--global-blocks \(word): numbers from 0 to \(depth - 1)")
                    }
                    return block
                }
            } ?? stride(from: 2, to: depth, by: 3).map { $0 }
        return SAMConfiguration(
            width: width, depth: depth, heads: heads, globalBlocks: blocks, imageSize: 256)
    }
}

extension Recipe: ExpressibleByArgument {}
