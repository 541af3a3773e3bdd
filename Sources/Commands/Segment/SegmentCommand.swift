import ArgumentParser
import Foundation
import Segmentation

/// `samus segment`: images and prompts in, masks, overlays and numbers out.
public struct SegmentCommand: ParsableCommand {
    /// Name, words and examples.
    public static let configuration = CommandConfiguration(
        commandName: "segment",
        abstract: "Segment objects in ultrasound images, from prompts or without.",
        usage: """
            samus segment IMAGE... --box x0,y0,x1,y1 [--output DIR] [--force]
            samus segment IMAGE... --point x,y [--background-point x,y]
            samus segment IMAGE... --object --box … --box … --point …
            samus segment IMAGE... --prompt-free --model AUTOSAMUS
            samus segment IMAGE... --everything --model SAM
            samus segment --prompts PROMPTS.json
            """,
        discussion: """
            Coordinates are pixels of the image: x to the right, y down, 0,0 the middle of the \
            upper left pixel. The same prompts hold for all images named; --prompts names them \
            image by image:

              { "images": [ { "image": "a4c.png", "objects": [
                  { "label": "left ventricle", "box": [150, 48, 208, 140] },
                  { "foreground_points": [[100, 80]], "background_points": [[20, 20]] } ] } ] }

            Paths in it are relative to it; an object may also have a "mask": "rough.png", or be \
            { "auto": true }. With --object, objects are numbered boxes first, then clicks, then masks.

            For an image NAME.png the output folder gets NAME.mask.png (0 and 255), \
            NAME.overlay.png, NAME.json (area in pixels, box, contours, IoU estimate, prompts, \
            model with SHA-256, times), and on request NAME.rle.json (COCO) and \
            NAME.contour.json; several objects and candidates are numbered.

            With --everything, NAME.everything.json holds a record for each mask as \
            segment-anything writes them (COCO run lengths, area, box, click, IoU estimate, \
            stability), NAME.everything.overlay.png shows all; --format png adds a mask each. The \
            thresholds were chosen for SAM: lower them for other networks.

            A model is recognized by its tensors: SAM, SAMUS, AutoSAMUS or LiteMedSAM, of any \
            size. SAM was trained with clicks, boxes and masks, SAMUS with clicks, LiteMedSAM \
            with boxes; AutoSAMUS finds one object without a prompt, with --prompt-free.

            A bad image does not stop the others: they are listed at the end, and the exit code \
            is 1. See 'samus --help' for the exit codes.

            Research use only, not a medical device: look at every outline.
            """)

    @Argument(
        help: "PNG or JPEG files, folders of them, or patterns such as 'scans/*.png'.",
        completion: .file(extensions: ["png", "jpg", "jpeg"]))
    var images: [String] = []

    @OptionGroup(title: "What to segment")
    var prompts: PromptOptions

    @OptionGroup(title: "Automatic masks")
    var automatic: EverythingOptions

    @OptionGroup(title: "Model")
    var engine: EngineOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for the results, made when needed.", valueName: "dir"),
        completion: .directory)
    var output = "samus-results"

    @Option(
        help: ArgumentHelp(
            "What to write, separated by commas: png, overlay, json, rle, contour (default: "
                + "png,overlay,json; with --everything overlay,json).",
            valueName: "list"))
    var format: OutputFormats?

    @Flag(help: "Write all candidates for each object, best estimate first (three, mostly).")
    var multimask = false

    @Option(help: "Keep all parts of a mask, or the largest connected one.")
    var keep = KeptParts.all

    @Flag(help: "Replace results that exist.")
    var force = false

    /// The command without arguments, as the parser makes it.
    public init() {}

    /// Checks what the parser cannot.
    public func validate() throws {
        if automatic.everything {
            try checkEverything()
        } else {
            try prompts.check()
        }
        guard images.isEmpty == (prompts.prompts != nil) else {
            throw ValidationError(
                images.isEmpty
                    ? "name at least one image, or a --prompts file"
                    : "--prompts names the images itself: leave them out")
        }
        guard !(prompts.promptFree && multimask) else {
            throw ValidationError(
                "--multimask gives candidates for a prompt: what a model finds by itself (--prompt-free) "
                    + "is one mask")
        }
    }

    private func checkEverything() throws {
        guard !prompts.isGiven, !multimask, keep == .all else {
            throw ValidationError(
                "--everything finds its objects by itself: leave prompts, --multimask and --keep out"
            )
        }
        guard format.map({ $0.formats.isSubset(of: [.png, .overlay, .json]) }) ?? true else {
            throw ValidationError(
                "--everything writes png, overlay and json, which holds the run lengths")
        }
    }

    private var formats: Set<OutputFormat> {
        format?.formats ?? (automatic.everything ? [.overlay, .json] : [.png, .overlay, .json])
    }

    /// Segments all images.
    public func run() throws {
        try engine.handOverCheckpoints()
        let tasks = try withExitStatus(.input) { try imageTasks() }
        let chosen = try withExitStatus(.unavailable) { try ChosenModel(engine) }
        try check(tasks, for: chosen.model)
        let plan = SegmentPlan(
            tasks, output: output, formats: formats,
            candidates: multimask ? chosen.candidates : 1)
        try plan.check(inputs: [prompts.prompts, engine.model].compactMap { $0 }, force: force)
        let model = try withExitStatus(.unavailable) { try chosen.engine(engine) }
        // Only now is it sure that it fits.
        chosen.notes.forEach(Terminal.log)
        try plan.makeFolders()
        let process =
            automatic.everything
            ? try EverythingImages(
                engine: model, options: automatic, engineOptions: engine,
                inputs: tasks.map(\.path) + [chosen.path], force: force
            ).process
            : PromptedImages(
                segmenter: ImageSegmenter(
                    engine: model, options: engine, multimask: multimask, keep: keep),
                tasks: tasks
            ).process
        try ImageRun(model: chosen.model, output: output, process: process).run(plan.work)
    }

    private func imageTasks() throws -> [ImageTask] {
        if let file = prompts.prompts {
            return try PromptFile.read(file)
        }
        return try InputFiles.expand(images).map {
            ImageTask(
                path: $0.path, stem: automatic.everything ? "\($0.stem).everything" : $0.stem,
                objects: automatic.everything ? [] : prompts.objects)
        }
    }

    /// Refuses what the model cannot do, before any image is looked at.
    private func check(_ tasks: [ImageTask], for model: ModelDescription) throws {
        guard tasks.contains(where: { $0.objects.contains { $0.mode == .auto } }) else { return }
        guard model.kind.isPromptFree else {
            throw ExitError(
                .unavailable,
                "\(EngineError.needsPrompt(model: model.name)); it is \(model.kind.rawValue), and "
                    + "only AutoSAMUS takes --prompt-free")
        }
        guard !multimask else {
            throw ExitError(
                .input,
                "'\(prompts.prompts ?? "")' has an object to be found by the model itself (auto): "
                    + "that is one mask, leave --multimask out")
        }
    }
}
