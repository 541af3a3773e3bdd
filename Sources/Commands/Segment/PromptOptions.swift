import ArgumentParser
import FileIO
import Imaging
import Segmentation

/// The options of `samus segment` that say which objects to segment.
struct PromptOptions: ParsableArguments {
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A box around the object, in pixels. Repeatable with --object.",
            valueName: "x0,y0,x1,y1"))
    var box: [PixelRectangle] = []

    @OptionGroup
    var clicks: ClickOptions

    @Option(
        help: ArgumentHelp(
            "A rough mask of the object: an image of the same size, 0 outside the object.",
            valueName: "file"),
        completion: .file(extensions: ["png"]))
    var mask: [String] = []

    @Flag(help: "Make every --box, --point and --mask an object of its own.")
    var object = false

    @Option(
        help: ArgumentHelp(
            "Names of the objects of --object in their order; adds a label image, in which the object "
                + "with the highest logit has a pixel.",
            valueName: "names"))
    var labels: ObjectNames?

    @Flag(
        help: """
            No prompt: segment one object, or the classes of its training, with a prompt-free model \
            (AutoSAMUS, U-Net ...).
            """)
    var promptFree = false

    @Option(
        help: ArgumentHelp("A JSON file with prompts for many images.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var prompts: String?

    /// Whether any of these options is given.
    var isGiven: Bool {
        hasPrompts || object || promptFree || prompts != nil || labels != nil
    }

    private var hasPrompts: Bool {
        !box.isEmpty || !clicks.point.isEmpty || !clicks.backgroundPoint.isEmpty || !mask.isEmpty
    }

    /// Checks how the options go together; not called with `--everything`, which takes no prompts.
    ///
    /// - Throws: `ValidationError`.
    func check() throws {
        if prompts != nil {
            guard !hasPrompts, !object, !promptFree else {
                throw ValidationError(
                    "the --prompts file has the prompts of each image: leave out --box, "
                        + "--point, --background-point, --mask, --object and --prompt-free")
            }
            guard labels == nil else {
                throw ValidationError(
                    "the --prompts file has the labels of objects: give --format labels for a label "
                        + "image, and leave --labels out")
            }
            return
        }
        if promptFree {
            guard !hasPrompts, !object else {
                throw ValidationError(
                    "--prompt-free takes no prompt: leave out --box, --point, --background-point, "
                        + "--mask and --object")
            }
            guard labels == nil else {
                throw ValidationError(
                    "--labels names the objects of --object; a model of several classes has its own "
                        + "names")
            }
            return
        }
        guard hasPrompts else {
            throw ValidationError(
                "no prompt: give --box x0,y0,x1,y1, --point x,y, --mask FILE or --prompts FILE, "
                    + "or --prompt-free with a model that needs no prompt (AutoSAMUS, U-Net ...), or "
                    + "--everything")
        }
        if object {
            guard clicks.backgroundPoint.isEmpty else {
                throw ValidationError(
                    "--background-point belongs to one object, and --object makes several: use "
                        + "a --prompts file")
            }
        } else {
            guard box.count <= 1, mask.count <= 1 else {
                throw ValidationError(
                    "an object has one --box and one --mask: add --object to make each an object "
                        + "of its own")
            }
        }
        if let labels {
            guard object else {
                throw ValidationError("--labels names several objects: add --object")
            }
            let count = box.count + clicks.point.count + mask.count
            guard labels.names.count == count else {
                throw ValidationError(
                    "--labels has \(counted(labels.names.count, "name")) for \(counted(count, "object"))"
                )
            }
        }
        guard !box.isEmpty || !clicks.point.isEmpty || !mask.isEmpty else {
            throw ValidationError(
                "--background-point alone does not mark an object: add a --box or a "
                    + "--point on the object")
        }
    }

    /// The objects to segment in every image.
    var objects: [ObjectPrompt] {
        guard !promptFree else { return [ObjectPrompt(isPromptFree: true)] }
        guard object else {
            return [
                ObjectPrompt(clicks: clicks.inOrder, box: box.first, maskPath: mask.first)
            ]
        }
        var objects =
            box.map { ObjectPrompt(box: $0) }
            + clicks.point.map { ObjectPrompt(clicks: [PromptClick($0, isForeground: true)]) }
            + mask.map { ObjectPrompt(maskPath: $0) }
        for (index, name) in (labels?.names ?? []).enumerated() { objects[index].label = name }
        return objects
    }
}

/// The options for clicks.
struct ClickOptions: ParsableArguments {
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A foreground point: a click on the object, in pixels. Repeatable; clicks count in "
                + "the order given.", valueName: "x,y"))
    var point: [PixelPoint] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A background point: a click outside the object, in pixels. Repeatable.",
            valueName: "x,y"))
    var backgroundPoint: [PixelPoint] = []

    /// All clicks in the order of the command line.
    var inOrder: [PromptClick] {
        let options = [true: "--point", false: "--background-point"]
        let order = ProgramArguments.current.compactMap { argument in
            options.first { argument == $0.value || argument.hasPrefix($0.value + "=") }?.key
        }
        var clicks: [PromptClick] = []
        var (foreground, background) = (point[...], backgroundPoint[...])
        for isForeground in order {
            let next = isForeground ? foreground.popFirst() : background.popFirst()
            if let next { clicks.append(PromptClick(next, isForeground: isForeground)) }
        }
        // A command that was not parsed from this process's arguments has no order.
        return clicks + foreground.map { PromptClick($0, isForeground: true) }
            + background.map { PromptClick($0, isForeground: false) }
    }
}

/// The options of automatic mask generation.
struct EverythingOptions: ParsableArguments {
    @Flag(help: "No prompt: segment at every point of a grid, and keep the confident masks.")
    var everything = false

    @Option(
        help: ArgumentHelp("Points along one side of the grid (default: 32).", valueName: "n"))
    var pointsPerSide: Int?

    @Option(
        help: ArgumentHelp("Points decoded in one batch (default: 64).", valueName: "n"))
    var pointsPerBatch: Int?

    @Option(
        help: ArgumentHelp(
            "Keep masks whose predicted IoU is above this (default: 0.88).", valueName: "x"))
    var predictedIou: Double?

    @Option(
        help: ArgumentHelp(
            "Keep masks whose stability score is at least this (default: 0.95).", valueName: "x"))
    var stability: Double?

    @Option(
        help: ArgumentHelp(
            "Also segment overlapping crops of the image; layer n has 4^n crops (default: 0).",
            valueName: "n"))
    var cropLayers: Int?

    @Option(
        help: ArgumentHelp(
            "Remove holes and islands with fewer pixels (default: 0).", valueName: "pixels"))
    var minimumArea: Int?

    func validate() throws {
        guard everything else {
            let given: [(String, Any?)] = [
                ("points-per-side", pointsPerSide), ("points-per-batch", pointsPerBatch),
                ("predicted-iou", predictedIou), ("stability", stability),
                ("crop-layers", cropLayers), ("minimum-area", minimumArea),
            ]
            if let first = given.first(where: { $0.1 != nil }) {
                throw ValidationError("--\(first.0) is an option of --everything")
            }
            return
        }
        do throws(AutomaticMaskError) {
            try generator.validate()
        } catch {
            throw ValidationError("--everything: \(error)")
        }
    }

    /// The options of the mask generator.
    var generator: AutomaticMaskOptions {
        var options = AutomaticMaskOptions()
        options.pointsPerSide = pointsPerSide ?? options.pointsPerSide
        options.pointsPerBatch = pointsPerBatch ?? options.pointsPerBatch
        options.predictedIoU = predictedIou ?? options.predictedIoU
        options.stability = stability ?? options.stability
        options.cropLayers = cropLayers ?? options.cropLayers
        options.minimumRegionArea = minimumArea ?? options.minimumRegionArea
        return options
    }
}

extension PixelPoint: ExpressibleByArgument {
    /// A point written as `x,y`.
    public init?(argument: String) {
        guard let numbers = numbers(argument, count: 2) else { return nil }
        self.init(x: numbers[0], y: numbers[1])
    }
}

extension PixelRectangle: ExpressibleByArgument {
    /// A box written as `x0,y0,x1,y1`.
    public init?(argument: String) {
        guard let numbers = numbers(argument, count: 4) else { return nil }
        self.init(x0: numbers[0], y0: numbers[1], x1: numbers[2], y1: numbers[3])
    }
}

private func numbers(_ text: String, count: Int) -> [Double]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Double($0.trimmingPrefix(" ")) }.filter(\.isFinite)
    guard parts.count == count, numbers.count == count else { return nil }
    return numbers
}
