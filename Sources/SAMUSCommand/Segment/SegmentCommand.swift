import ArgumentParser
import Foundation
import Segmentation

/// `samus segment`: pictures and prompts in, masks, overlays and numbers out.
public struct SegmentCommand: ParsableCommand {
    /// Name, words and examples.
    public static let configuration = CommandConfiguration(
        commandName: "segment",
        abstract: "Segment objects in ultrasound pictures from boxes, clicks or rough masks.",
        usage: """
            samus segment IMAGE... --box x0,y0,x1,y1 [--output DIR] [--force]
            samus segment IMAGE... --point x,y [--negative x,y]
            samus segment IMAGE... --object --box … --box … --point …
            samus segment --prompts PROMPTS.json
            """,
        discussion: """
            Coordinates are pixels of the picture: x to the right, y down, 0,0 the middle of the \
            upper left pixel. The same prompts hold for all pictures named; --prompts names them \
            picture by picture:

              { "pictures": [ { "image": "a4c.png", "objects": [
                  { "label": "left ventricle", "box": [150, 48, 208, 140] },
                  { "points": [[100, 80]], "negatives": [[20, 20]] } ] } ] }

            Paths in it are relative to it; an object may also have a "mask": "rough.png". With \
            --object, objects are numbered boxes first, then clicks, then masks.

            For a picture NAME.png the output folder gets NAME.mask.png (0 and 255), \
            NAME.overlay.png, NAME.json (area in pixels, box, contours, IoU estimate, prompts, \
            model with SHA-256, times), and on request NAME.rle.json (COCO) and \
            NAME.contour.json; several objects and candidates are numbered.

            A bad picture does not stop the others: they are listed at the end, and the exit code \
            is 1. See 'samus --help' for the exit codes.

            Research use only, not a medical device: look at every outline.
            """)

    @Argument(
        help: "PNG or JPEG files, folders of them, or patterns such as 'scans/*.png'.",
        completion: .file(extensions: ["png", "jpg", "jpeg"]))
    var images: [String] = []

    @OptionGroup(title: "What to segment")
    var prompts: PromptOptions

    @OptionGroup(title: "Model")
    var engine: EngineOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for the results, made when needed.", valueName: "dir"),
        completion: .directory)
    var output = "samus-results"

    @Option(
        help: ArgumentHelp(
            "What to write, separated by commas: png, overlay, json, rle, contour.",
            valueName: "list"))
    var format = OutputFormats([.png, .overlay, .json])

    @Flag(help: "Write three candidates for each object, best estimate first.")
    var multimask = false

    @Option(help: "Keep all parts of a mask, or the largest connected one.")
    var keep = KeptParts.all

    @Flag(help: "Replace results that exist.")
    var force = false

    /// The command without arguments, as the parser makes it.
    public init() {}

    /// Checks what the parser cannot.
    public func validate() throws {
        guard images.isEmpty == (prompts.prompts != nil) else {
            throw ValidationError(
                images.isEmpty
                    ? "name at least one picture, or a --prompts file"
                    : "--prompts names the pictures itself: leave them out")
        }
    }

    /// Segments all pictures.
    public func run() throws {
        guard let provider = EngineProviders.current else { try Handover.toTrain() }
        let tasks = try orFail(.input) { try pictureTasks() }
        let results = tasks.map { task in
            ResultFiles(
                folder: URL(fileURLWithPath: output), stem: task.stem, formats: format.formats,
                objects: task.objects.count, candidates: multimask ? 3 : 1)
        }
        let work = tasks.indices.map { (task: tasks[$0], files: results[$0]) }
        try orFail(.input) { try ResultPlan.check(work, inputs: inputs(of: tasks)) }
        try refuseExisting(results)
        let file = try orFail(.unavailable) { try ModelFile(engine.model) }
        let model = try orFail(.unavailable) {
            try provider.engine(for: file.checkpoint, model: file.model, options: engine)
        }
        try makeFolders(of: results)
        let segmenter = PictureSegmenter(
            engine: model, options: engine, multimask: multimask, keep: keep)
        try SegmentRun(segmenter: segmenter, output: output).run(work)
    }

    private func orFail<Result>(_ failure: Failure, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw failure.because("\(error)")
        }
    }

    private func pictureTasks() throws -> [PictureTask] {
        if let file = prompts.prompts {
            return try PromptFile.read(file)
        }
        return try InputFiles.expand(images).map {
            PictureTask(path: $0.path, stem: $0.stem, objects: prompts.objects)
        }
    }

    /// Every file that this run reads.
    private func inputs(of tasks: [PictureTask]) -> [String] {
        tasks.flatMap { task in [task.path] + task.objects.compactMap(\.maskPath) }
            + [prompts.prompts, engine.model].compactMap { $0 }
    }

    private func refuseExisting(_ results: [ResultFiles]) throws {
        guard !force else { return }
        let existing = results.flatMap(\.all).filter {
            FileManager.default.fileExists(atPath: $0.path)
        }
        if let first = existing.first {
            throw Failure.output.because(
                "\(existing.count) of the results exist already, as '\(first.relativePath)': "
                    + "add --force to replace them, or name another --output")
        }
    }

    private func makeFolders(of results: [ResultFiles]) throws {
        do {
            for result in results {
                try result.makeFolder()
            }
        } catch {
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
            let reason = cause.map { String(cString: strerror(Int32($0.code))) }
            throw Failure.output.because(
                "the output folder '\(output)' cannot be made: "
                    + (reason ?? error.localizedDescription))
        }
        guard FileManager.default.isWritableFile(atPath: output) else {
            throw Failure.output.because("the output folder '\(output)' cannot be written to")
        }
    }
}
