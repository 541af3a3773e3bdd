import ArgumentParser
import DICOM
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
            samus segment STUDY/ --frame n|all --point x,y
            samus segment IMAGE... --object --box … --box … --point …
            samus segment IMAGE... --prompt-free --model AUTOSAMUS
            samus segment IMAGE... --everything --model SAM
            samus segment --prompts PROMPTS.json
            """,
        discussion: """
            Examples:
              samus segment scan.png --box 150,48,208,140
              samus segment scan.png --point 178,105 --background-point 60,200
              samus segment scans/ --prompt-free --model autosamus.safetensors -o out

            Coordinates are pixels: x to the right, y down, and 0,0 is the centre of the upper \
            left pixel. The same prompts are used for every image on the command line. A \
            --prompts file has prompts for each image:

              { "images": [ { "image": "a4c.png", "objects": [
                  { "label": "left ventricle", "box": [150, 48, 208, 140] },
                  { "points": [[100, 80]], "background_points": [[20, 20]] } ] } ] }

            Its paths are relative to the file. "frame": 5 chooses a frame of a cine. An object \
            can also have a rough "mask": \
            "rough.png", or be { "prompt_free": true }. With --object, objects are numbered in \
            the order boxes, points, masks.

            Results for NAME.png are NAME.mask.png (0 and 255), NAME.overlay.png and NAME.json \
            (area in pixels, and in mm² where the size of a pixel is known; bounding box, contours, \
            IoU estimate, prompts, model with SHA-256, times); --format rle adds NAME.rle.json (COCO run lengths), --format contour \
            NAME.contour.json, --uncertainty NAME.probability.png. Docs/SegmentResults.md explains every key.

            --labels ventricle,atrium names the objects of --object and adds NAME.labels.png, one \
            image with the value of each object: labels that are numbers from 1 to 255 are the \
            values, others are numbered from 1. --format labels does the same for the labels of a \
            --prompts file. Where masks overlap, a pixel belongs to the object with the highest \
            logit, in all results. A network that was trained on several classes ('samus train \
            --classes') gives a mask for each class and NAME.labels.png with the values of its \
            training.

            For the archive, --format dicom-seg adds NAME.seg.dcm, the masks of all segmented \
            frames of a DICOM file as a Segmentation object, and sr adds NAME.sr.dcm, a report \
            with measurements in mm. Both have the patient and study of the file, refer to its \
            frames, and state the model, the prompts and "research use only": Docs/DICOM.md.

            --everything generates masks automatically, like segment-anything: it writes \
            NAME.everything.json with one record for each mask and NAME.everything.overlay.png; \
            --format png adds the masks. Its thresholds were chosen for SAM: lower them for other \
            models.

            The architecture of a model is detected from its tensors: SAM, SAMUS or AutoSAMUS \
            of any size, LiteMedSAM, samus-lite. SAM was trained with points, boxes and masks, \
            SAMUS with points, LiteMedSAM with boxes, samus-lite with points, boxes and \
            corrections. AutoSAMUS and task-specific networks such as U-Net find one object \
            without a prompt.

            Many images: --skip-existing continues a run that was interrupted; --shard 2/16 takes \
            the second of 16 parts, for the tasks of a Slurm array or a Kubernetes job; \
            --json-lines prints one line of JSON for each image, and --summary writes one table. \
            Docs/Batch.md has examples.

            An image that cannot be segmented does not stop the run: failures are listed at the \
            end, and the exit code is 1. It is 3 when nothing was found in any image. \
            'samus --help' lists the exit codes.

            Research use only, not a medical device: check every outline.
            """)

    @Argument(
        help: ArgumentHelp(
            "PNG, JPEG, DICOM or NIfTI files, folders of them, DICOMDIR files, videos (GIF, AVI, MP4; "
                + "they need the program ffmpeg), or patterns such as 'scans/*.png'."),
        completion: .file())
    var images: [String] = []

    @Option(
        help: ArgumentHelp(
            "Which frames of a DICOM, NIfTI or video file: a number from 1, or all. Needed where a "
                + "file has several.",
            valueName: "n|all"))
    var frame: FrameSelection?

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
            "Files to write, separated by commas: png, overlay, json, labels, rle, contour, "
                + "probability, dicom-seg, sr "
                + "(default: png,overlay,json; with --everything overlay,json; labels with --labels and "
                + "with models of several classes).",
            valueName: "list"))
    var format: OutputFormats?

    @Flag(help: "Write all candidate masks of each object (usually three), best estimate first.")
    var multimask = false

    @Option(
        help: ArgumentHelp(
            "Lowest presence estimate of a found object, 0 to 1; below it the mask is empty. Only "
                + "for models that estimate it, as samus-lite.", valueName: "p"))
    var minPresence = AnswerOptions.defaultMinimumPresence

    @Flag(
        help: """
            Also decode each prompt moved a little, write the probability of each pixel as \
            NAME.probability.png, and give a 90 % interval for the area.
            """)
    var uncertainty = false

    @OptionGroup(title: "Size of a pixel")
    var spacing: SpacingOptions

    @Option(help: "Keep all parts of a mask, or only the largest connected component.")
    var keep = KeptParts.all

    @Flag(help: "Replace results that exist.")
    var force = false

    @Flag(help: "Leave out images whose results exist; incomplete results are replaced.")
    var skipExisting = false

    @Option(
        help: ArgumentHelp(
            "Only a part of the images: the I-th of N, from 1. An image is always in the same part.",
            valueName: "i/n"))
    var shard: Shard?

    @Flag(help: "Print one line of JSON for each image instead of a table.")
    var jsonLines = false

    @Flag(
        help: """
            Also write summary.csv with a row for each mask; with --shard, summary-I-of-N.csv.
            """)
    var summary = false

    /// The command, to be filled by the parser.
    public init() {}

    /// Checks how the options go together.
    public func validate() throws {
        if automatic.everything {
            try checkEverything()
        } else {
            try prompts.check()
        }
        guard frame == nil || prompts.prompts == nil else {
            throw ValidationError(
                "--frame belongs to images on the command line: a --prompts file has the key "
                    + "\"frame\"")
        }
        guard images.isEmpty == (prompts.prompts != nil) else {
            throw ValidationError(
                images.isEmpty
                    ? "give at least one image, or a --prompts file"
                    : "the --prompts file lists the images: leave them out")
        }
        guard (0...1).contains(minPresence) else {
            throw ValidationError("--min-presence takes a number from 0 to 1")
        }
        guard !isUncertaintyMeasured || !(prompts.promptFree || multimask || automatic.everything)
        else {
            throw ValidationError(
                "--uncertainty moves a prompt: leave out --prompt-free, --multimask and --everything"
            )
        }
        guard !(force && skipExisting) else {
            throw ValidationError("--force replaces results, --skip-existing keeps them: give one")
        }
        guard !(prompts.promptFree && multimask) else {
            throw ValidationError(
                "--multimask gives candidates for a prompt; with --prompt-free there is one mask")
        }
        guard !(multimask && format?.formats.contains(where: \.isDICOM) ?? false) else {
            throw ValidationError(
                "--format dicom-seg and sr have one mask for each object: leave out --multimask")
        }
        guard !writesLabels || !(multimask || isUncertaintyMeasured) else {
            throw ValidationError(
                "a label image has one mask for each object: leave out --multimask and --uncertainty"
            )
        }
        guard !(summary && skipExisting) || format?.formats.contains(.json) ?? true else {
            throw ValidationError(
                "--summary with --skip-existing reads NAME.json of skipped images: add json to "
                    + "--format")
        }
    }

    private var isUncertaintyMeasured: Bool {
        uncertainty || format?.formats.contains(.probability) ?? false
    }

    private var writesLabels: Bool {
        prompts.labels != nil || format?.formats.contains(.labels) ?? false
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
        guard !skipExisting || format?.formats.contains(.json) ?? true else {
            throw ValidationError(
                "--everything with --skip-existing needs NAME.everything.json: add json to --format"
            )
        }
    }

    /// Segments the images one after the other.
    public func run() throws {
        try engine.handOverCheckpoints()
        let request = try withExitStatus(.input) { try makeJob() }
        let model = try withExitStatus(.unavailable) { try LoadedModel(engine) }
        try request.check(for: model.model)
        let job = try request.fitted(to: model.model)
        let layout = ResultLayout(
            job: job, modelPath: model.path, candidates: multimask ? model.candidates : 1)
        let problems = try layout.checkBeforeWork()
        let ready = try withExitStatus(.unavailable) { try model.makeEngine(engine) }
        let segmenter = try withExitStatus(.unavailable) {
            try makeSegmenter(ready.engine, for: job)
        }
        (model.notes + ready.notes).forEach(Terminal.log)
        try layout.makeFolders()
        let writer = ResultWriter(
            layout: layout, model: model.model, engine: .init(ready.runtime))
        let dicom = job.formats.contains(where: \.isDICOM) ? DICOMResultWriter(writer) : nil

        var report = try SegmentReport(layout, model: model.model)
        // Automatic masks take minutes: what speaks against them is said before.
        report.warn(segmenter.warnings)
        let interruption = Interruption()
        for image in job.images {
            if interruption.isRequested {
                throw report.end(ExitError(.interrupted, "interrupted"))
            }
            report.begin(image)
            do {
                if let problem = problems[image.name] { throw problem }
                if job.existing == .skipped,
                    let skipped = try dicom.map({ try $0.skipped(image) })
                        ?? layout.skipped(image, model.model)
                {
                    try report.addSkipped(skipped)
                } else {
                    try dicom?.begin(image)
                    let results = writer.begin(image)
                    let result = try segmenter.segment(image) {
                        try results.add($0, in: $1)
                        try dicom?.add($0, in: $1)
                    }
                    let files = try writer.finish(results, result)
                    dicom?.accept(image)
                    try report.add(result, writtenTo: files)
                }
            } catch let error as DICOMError where error.isAboutDecoder {
                throw report.end(ExitError(.unavailable, "\(error)"))
            } catch let error as ExitError {
                // For example a full disk, on which later images would fail too.
                throw report.end(error)
            } catch {
                try report.addFailure(of: image, error)
            }
            do {
                try dicom?.end(image)
            } catch let error as ExitError {
                throw report.end(error)
            } catch {
                try report.addFailure(of: image, error)
            }
        }
        try report.finish()
    }

    private func makeJob() throws -> SegmentJob {
        let defaultFormats: Set<OutputFormat> =
            automatic.everything ? [.overlay, .json] : [.png, .overlay, .json]
        var formats = format?.formats ?? defaultFormats
        if uncertainty { formats.insert(.probability) }
        if prompts.labels != nil { formats.insert(.labels) }
        return SegmentJob(
            images: try inputImages(), shard: shard,
            mode: automatic.everything
                ? .everything(automatic.generator)
                : .objects(
                    multimask: multimask, keep: keep,
                    answer: AnswerOptions(minimumPresence: minPresence)),
            outputFolder: output, formats: formats, hasDefaultFormats: format == nil,
            existing: force ? .replaced : skipExisting ? .skipped : .refused,
            promptFile: prompts.prompts, spacing: try spacing.source(), writesSummary: summary,
            printsJSONLines: jsonLines)
    }

    private func inputImages() throws -> [InputImage] {
        if let file = prompts.prompts { return try PromptFile.read(file) }
        let (frames, notes) = try InputFiles.frames(of: InputFiles.expand(images), frame)
        notes.forEach(Terminal.log)
        let suffix = automatic.everything ? ".everything" : ""
        let objects = automatic.everything ? [] : prompts.objects
        return frames.map {
            InputImage(
                path: $0.path, frame: $0.frame, name: $0.name + suffix, fileName: $0.fileName,
                objects: objects)
        }
    }

    private func makeSegmenter(
        _ engine: any SegmentationEngine, for job: SegmentJob
    ) throws -> any Segmenter {
        let reader = FrameReader(spacing: job.spacing)
        switch job.mode {
        case .objects(let multimask, let keep, let answer):
            return PromptedSegmenter(
                engine: engine, multimask: multimask, keep: keep, answer: answer,
                measuresUncertainty: job.formats.contains(.probability),
                joinsMasks: job.labels != nil, reader: reader)
        case .everything(let options):
            return try EverythingSegmenter(engine: engine, options: options, reader: reader)
        }
    }
}
