import ArgumentParser
import Foundation
import Segmentation

/// `samus segment`: segments images by prompts; writes masks, overlays and measurements.
public struct SegmentCommand: ParsableCommand {
    /// The name, the help text and examples.
    public static let configuration = CommandConfiguration(
        commandName: "segment",
        abstract: "Segment objects in ultrasound images, with or without prompts.",
        usage: """
            samus segment IMAGE... --box x0,y0,x1,y1 [--output DIR] [--force]
            samus segment IMAGE... --point x,y [--background-point x,y]
            samus segment IMAGE... --object --box … --box … --point …
            samus segment IMAGE... --prompt-free --model AUTOSAMUS
            samus segment IMAGE... --everything --model SAM
            samus segment --prompts PROMPTS.json
            """,
        discussion: """
            Examples:
              samus segment scan.png --box 150,48,208,140
              samus segment scan.png --model litemedsam-ultrasound --point 178,105
              samus segment scans/ --prompt-free --model autosamus.safetensors -o out

            Coordinates are pixels: x to the right, y down, and 0,0 is the centre of the upper \
            left pixel. The same prompts are used for every image on the command line. A \
            --prompts file has prompts for each image:

              { "images": [ { "image": "a4c.png", "objects": [
                  { "label": "left ventricle", "box": [150, 48, 208, 140] },
                  { "points": [[100, 80]], "background_points": [[20, 20]] } ] } ] }

            Its paths are relative to the file. An object can also have a rough "mask": \
            "rough.png", or be { "prompt_free": true }. With --object, objects are numbered in \
            the order boxes, points, masks.

            Results for NAME.png are NAME.mask.png (0 and 255), NAME.overlay.png and NAME.json \
            (area in pixels, bounding box, contours, IoU estimate, prompts, model with SHA-256, \
            times); --format rle adds NAME.rle.json (COCO run lengths), --format contour \
            NAME.contour.json. Docs/SegmentResults.md explains every key.

            --everything generates masks automatically, like segment-anything: it writes \
            NAME.everything.json with one record for each mask and NAME.everything.overlay.png; \
            --format png adds the masks. Its thresholds were chosen for SAM: lower them for other \
            models.

            The architecture of a model is detected from its tensors: SAM, SAMUS, AutoSAMUS or \
            LiteMedSAM of any size. SAM was trained with points, boxes and masks, SAMUS with \
            points, LiteMedSAM with boxes. AutoSAMUS finds one object without a prompt.

            An image that cannot be segmented does not stop the run: failures are listed at the \
            end, and the exit code is 1. 'samus --help' lists the exit codes.

            Research use only, not a medical device: check every outline.
            """)

    @Argument(
        help: "PNG or JPEG files, folders of them, or patterns such as 'scans/*.png'.",
        completion: .file(extensions: ["png", "jpg", "jpeg"]))
    var images: [String] = []

    @OptionGroup(title: "Prompts")
    var prompts: PromptOptions

    @OptionGroup(title: "Automatic mask generation")
    var automatic: EverythingOptions

    @OptionGroup(title: "Model")
    var engine: EngineOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for the results; made if needed.", valueName: "dir"),
        completion: .directory)
    var output = "samus-results"

    @Option(
        help: ArgumentHelp(
            "Files to write, separated by commas: png, overlay, json, rle, contour (default: "
                + "png,overlay,json; with --everything overlay,json).",
            valueName: "list"))
    var format: OutputFormats?

    @Flag(help: "Write all candidate masks of each object (usually three), best estimate first.")
    var multimask = false

    @Option(help: "Keep all parts of a mask, or only the largest connected component.")
    var keep = KeptParts.all

    @Flag(help: "Replace results that exist.")
    var force = false

    /// The command, to be filled by the parser.
    public init() {}

    /// Checks how the options go together.
    public func validate() throws {
        if automatic.everything {
            try checkEverything()
        } else {
            try prompts.check()
        }
        guard images.isEmpty == (prompts.prompts != nil) else {
            throw ValidationError(
                images.isEmpty
                    ? "give at least one image, or a --prompts file"
                    : "the --prompts file lists the images: leave them out")
        }
        guard !(prompts.promptFree && multimask) else {
            throw ValidationError(
                "--multimask gives candidates for a prompt; with --prompt-free there is one mask")
        }
    }

    private func checkEverything() throws {
        guard !prompts.isGiven, !multimask, keep == .all else {
            throw ValidationError(
                "--everything takes no prompt: leave out prompts, --multimask and --keep")
        }
        guard format.map({ $0.formats.isSubset(of: [.png, .overlay, .json]) }) ?? true else {
            throw ValidationError(
                "--everything writes png, overlay and json (which contains the run lengths)")
        }
    }

    /// Segments the images one after the other.
    public func run() throws {
        try engine.handOverCheckpoints()
        let job = try withExitStatus(.input) { try makeJob() }
        let model = try withExitStatus(.unavailable) { try LoadedModel(engine) }
        try job.check(for: model.model)
        let writer = ResultWriter(
            job: job, model: model.model, modelPath: model.path,
            candidates: multimask ? model.candidates : 1, engine: .init(engine))
        try writer.checkBeforeWork()
        let segmenter = try withExitStatus(.unavailable) { try makeSegmenter(model, for: job) }
        model.notes.forEach(Terminal.log)
        try writer.makeFolders()

        var report = SegmentReport(job, model: model.model)
        let interruption = Interruption()
        for image in job.images {
            if interruption.isRequested {
                throw report.end(ExitError(.interrupted, "interrupted"))
            }
            report.begin(image)
            do {
                let results = writer.begin(image)
                let result = try segmenter.segment(image) { try results.add($0, in: $1) }
                let files = try writer.finish(results, result)
                report.add(result, writtenTo: files)
            } catch let error as ExitError {
                // For example a full disk, on which later images would fail too.
                throw report.end(error)
            } catch {
                report.addFailure(of: image, error)
            }
        }
        try report.finish()
    }

    private func makeJob() throws -> SegmentJob {
        let defaultFormats: Set<OutputFormat> =
            automatic.everything ? [.overlay, .json] : [.png, .overlay, .json]
        return SegmentJob(
            images: try inputImages(),
            mode: automatic.everything
                ? .everything(automatic.generator) : .objects(multimask: multimask, keep: keep),
            outputFolder: output, formats: format?.formats ?? defaultFormats,
            replacesResults: force, promptFile: prompts.prompts)
    }

    private func inputImages() throws -> [InputImage] {
        if let file = prompts.prompts { return try PromptFile.read(file) }
        let found = try InputFiles.expand(images)
        if automatic.everything {
            return found.map {
                InputImage(path: $0.path, name: $0.name + ".everything", objects: [])
            }
        }
        return found.map { InputImage(path: $0.path, name: $0.name, objects: prompts.objects) }
    }

    private func makeSegmenter(
        _ model: LoadedModel, for job: SegmentJob
    ) throws -> any Segmenter {
        let engine = try model.makeEngine(engine)
        switch job.mode {
        case .objects(let multimask, let keep):
            return PromptedSegmenter(engine: engine, multimask: multimask, keep: keep)
        case .everything(let options):
            return try EverythingSegmenter(engine: engine, options: options)
        }
    }
}
