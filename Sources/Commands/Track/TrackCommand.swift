import ArgumentParser
import DICOM
import FileIO
import Foundation
import Imaging
import Segmentation
import Tracking

/// `samus track`: follows one object through a cine.
public struct TrackCommand: ParsableCommand {
    /// The name, the help text and examples.
    public static let configuration = CommandConfiguration(
        commandName: "track", abstract: "Follow one object through a cine.",
        usage: """
            samus track CINE --point x,y [--frame n] [--output DIR] [--force]
            samus track CINE --box x0,y0,x1,y1 [--at frame:point=x,y] …
            """,
        discussion: """
            CINE is a DICOM, NIfTI (2D+t), GIF, AVI or MP4 file, or a folder of numbered images; \
            videos need the program ffmpeg.

            Examples:
              samus track heart.dcm --point 178,105 --frame 12 -o out
              samus track lesion.mp4 --box 90,50,160,120 --at 40:background-point=60,20

            The object is followed from the first frame with a prompt to the end, and from there \
            back to the beginning. The prompt on each next frame is the box and the logits of its \
            neighbour's mask, moved as the grey levels around the object have moved. A prompt on a \
            later frame (--at) counts from there on: clicks in the expected box correct the mask; a \
            box, a click on the object elsewhere, and any such prompt after the object was lost \
            start again.

            Where the presence estimate is below --min-presence, the object is lost: the mask is \
            empty until it is found again. That an object has left the frame is often not noticed: \
            check every outline.

            Results: NAME.frameNNNN.mask.png for each frame, track.csv (found, presence, IoU \
            estimate, area), track.area.png, track.overlay.png (an animated PNG), \
            track.overlay.mp4 where ffmpeg is installed, and track.json. They are written together \
            at the end; a run that is interrupted changes nothing. Docs/Tracking.md explains them.

            The exit code is 1 when a frame could not be read, and 3 when the object was found in \
            no frame. 'samus --help' lists the exit codes.

            Research use only, not a medical device.
            """)

    @Argument(help: "A cine: one file, or a folder of numbered images.", completion: .file())
    var cine: String

    @OptionGroup(title: "Prompts")
    var prompts: TrackPromptOptions

    @OptionGroup(title: "Model")
    var engine: EngineOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for the results; made if needed.", valueName: "dir"),
        completion: .directory)
    var output = "samus-track"

    @Option(
        help: ArgumentHelp(
            "Lowest presence estimate of a found object, 0 to 1. Only for models that estimate it, "
                + "as samus-lite.", valueName: "p"))
    var minPresence = AnswerOptions.defaultMinimumPresence

    @Flag(
        help: """
            Also write masks that are smoothed over three frames, \
            NAME.frameNNNN.smoothed.mask.png; the masks of the model stay as they are, and \
            track.csv has both areas.
            """)
    var smooth = false

    @OptionGroup(title: "Size of a pixel")
    var spacing: SpacingOptions

    @Flag(help: "Replace results that exist.")
    var force = false

    /// The command, to be filled by the parser.
    public init() {}

    /// Checks the options.
    public func validate() throws {
        guard (0...1).contains(minPresence) else {
            throw ValidationError("--min-presence takes a number from 0 to 1")
        }
    }

    /// Follows the object.
    public func run() throws {
        try engine.handOverCheckpoints()
        let source = try open()
        let prompts = prompts.prompts
        let model = try withExitStatus(.unavailable) { try LoadedModel(engine) }
        try check(model.model, prompts)
        let files = TrackFiles(
            folder: OutputFolder(output), cine: source.name, frames: source.count,
            isSmoothed: smooth, hasVideo: VideoWriter.isAvailable)
        try withExitStatus(.output) { try FileTransaction.recover(in: files.folder.url.path) }
        try files.folder.check(
            files.all,
            inputs: source.inputs + [model.path, spacing.spacingTable].compactMap { $0 },
            force: force)
        try checkPrompts(prompts, on: source)
        let ready = try withExitStatus(.unavailable) { try model.makeEngine(engine) }
        (model.notes + ready.notes).forEach(Terminal.log)
        try files.folder.make()
        defer { files.folder.removeIfEmpty() }
        try track(source, prompts, model.model, ready, files)
    }

    private func track(
        _ source: CineSource, _ prompts: [Int: Prompt], _ model: ModelDescription,
        _ ready: ReadyModel, _ files: TrackFiles
    ) throws {
        let writer = try TrackWriter(files, times: source.times, model: model)
        let times = try follow(source, prompts, ready.engine, writer)
        let report = TrackReport(source, files, writer, prompts: prompts, times: times)
        try writer.finish { notes in
            report.record(
                model: model, engine: .init(ready.runtime),
                options: .init(minPresence: minPresence, smooth: smooth), notes: notes)
        }
        try report.print()
    }

    private func open() throws -> CineSource {
        try withExitStatus(.input) {
            do {
                return try CineSource(cine, spacing: spacing.source())
            } catch let error as DICOMError where error.isAboutDecoder {
                throw ExitError(.unavailable, "\(error)")
            } catch let error as VideoError where error.isAboutProgram {
                throw ExitError(.unavailable, "\(error)")
            }
        }
    }

    private func check(_ model: ModelDescription, _ prompts: [Int: Prompt]) throws {
        guard !model.architecture.isPromptFree else {
            throw ExitError(
                .unavailable,
                "\(model.name) is \(model.architecture.rawValue), which takes no prompts; a track "
                    + "needs a model that does, such as samus-lite")
        }
        let box = Prompt(box: PixelRectangle(x0: 0, y0: 0, x1: 1, y1: 1))
        let warnings = (Array(prompts.values) + [box]).flatMap {
            model.architecture.warnings(
                about: $0, multimask: false, trainedWith: model.trainedPrompts)
        }
        for warning in Set(warnings).sorted() { Terminal.log("note: \(warning)") }
    }

    /// Checks all prompts on the first frame that has one, before any work.
    private func checkPrompts(_ prompts: [Int: Prompt], on source: CineSource) throws {
        guard let first = prompts.keys.min(), let last = prompts.keys.max() else { return }
        try withExitStatus(.input) {
            guard last <= source.count else {
                throw CineError.noSuchFrame(last, frames: source.count)
            }
            let size = try source.size(ofFrame: first)
            for (number, prompt) in prompts.sorted(by: { $0.key < $1.key }) {
                do throws(PromptError) {
                    let checked = try prompt.checked(
                        for: size, allowingOnlyBackgroundPoints: number != first)
                    for note in checked.notes { Terminal.log("note: frame \(number): \(note)") }
                } catch {
                    throw ExitError(.input, "frame \(number): \(error)")
                }
            }
        }
    }

    /// Follows the object and writes each frame.
    ///
    /// - Returns: how long that took.
    private func follow(
        _ source: CineSource, _ prompts: [Int: Prompt], _ engine: any SegmentationEngine,
        _ writer: TrackWriter
    ) throws -> TrackRecord.Times {
        let tracker = CineTracker(
            engine: engine, options: TrackingOptions(minimumPresence: minPresence))
        let interruption = Interruption(finishing: "the current frame")
        var progress = ProgressBar(total: source.count)
        defer { progress.clear() }
        let clock = ContinuousClock()
        var times = TrackRecord.Times()
        var input: InputFrame?
        var done = 0
        let start = clock.now
        let isComplete = try tracker.track(frames: source.count, prompts: prompts) { number in
            progress.show(done: done, name: "frame \(number)")
            let start = clock.now
            defer { times.read += (clock.now - start).inSeconds }
            input = nil
            let frame = try source.frame(number)
            input = frame
            return frame.image
        } visit: { frame in
            let start = clock.now
            try writer.add(frame, input, prompt: prompts[frame.number])
            times.write += (clock.now - start).inSeconds
            done += 1
            return interruption.isRequested ? .stop : .next
        }
        guard isComplete || done == source.count else {
            throw ExitError(
                .interrupted,
                "interrupted after \(done) of \(source.count) frames; nothing was written")
        }
        times.segment = (clock.now - start).inSeconds - times.read - times.write
        return times
    }
}
