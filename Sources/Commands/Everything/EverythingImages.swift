import Evaluation
import Foundation
import Imaging
import Segmentation

/// Finds all that holds as an object in images.
final class EverythingImages {
    private let engine: any SegmentationEngine
    private let generator: AutomaticMaskGenerator
    private let options: EverythingOptions
    private let engineOptions: EngineOptions
    private let inputs: [String]
    private let force: Bool
    private var warned = false

    /// - Parameters:
    ///   - engine: the model.
    ///   - options: checked before.
    ///   - engineOptions: how the model runs.
    ///   - inputs: every file that the run reads: no result may take its place.
    ///   - force: whether older masks may be replaced.
    /// - Throws: ``AutomaticMaskError``.
    init(
        engine: any SegmentationEngine, options: EverythingOptions, engineOptions: EngineOptions,
        inputs: [String], force: Bool
    ) throws(AutomaticMaskError) {
        self.engine = engine
        self.options = options
        self.engineOptions = engineOptions
        self.inputs = inputs
        self.force = force
        generator = try AutomaticMaskGenerator(engine: engine, options: options.masks)
    }

    /// Looks for everything in one image.
    ///
    /// - Throws: why that cannot be done.
    func process(_ task: ImageTask, _ files: ResultFiles) throws -> FinishedImage {
        let clock = ContinuousClock()
        let image = try Image.readThatShows(task.path)
        var masks: [AutomaticMask] = []
        var progress: ProgressBar?
        let duration = try clock.measure {
            masks = try generator.masks(of: image) { done, total in
                progress = progress ?? ProgressBar(total: total)
                progress?.show(done: done, name: "\(task.stem) (clicks)")
            }
        }
        progress?.clear()
        // How many masks there are is known only now.
        let files = ResultFiles(
            folder: files.folder, stem: files.stem, formats: files.formats, objects: masks.count,
            candidates: 1)
        try ResultPlan.check([(task, files)], inputs: inputs)
        if !force,
            let existing = files.all.first(where: {
                FileManager.default.fileExists(atPath: $0.path)
            })
        {
            throw ExistingMask(path: existing.relativePath)
        }
        let writer = EverythingWriter(
            task: task, image: image, masks: masks, files: files, model: engine.model,
            engine: engineOptions, options: options.masks, seconds: duration.inSeconds)
        return FinishedImage(files: files, write: writer.write) { [self] in
            say(masks, of: task, seconds: duration.inSeconds)
            return masks.count
        }
    }

    private func say(_ masks: [AutomaticMask], of task: ImageTask, seconds: Double) {
        let areas = masks.map(\.area)
        let sizes = areas.isEmpty ? "" : ", \(areas.min() ?? 0) to \(areas.max() ?? 0) px"
        print(
            "\(task.stem.visibleLine): \(masks.count) \(masks.count == 1 ? "mask" : "masks")\(sizes), "
                + String(format: "%.2f s", seconds))
        if masks.isEmpty {
            Terminal.log(
                "note: \(task.stem.visibleLine): no mask was sure and stable enough; lower "
                    + "--predicted-iou and --stability to see less sure ones")
        }
        guard !warned else { return }
        warned = true
        let click = Prompt(foregroundPoints: [PixelPoint(x: 0, y: 0)])
        for warning in engine.model.kind.warnings(
            about: click, multimask: true, trainedWith: engine.model.trainedPrompts)
        {
            Terminal.log("note: \(warning)")
        }
    }
}

/// A mask that a run would replace.
private struct ExistingMask: Error, CustomStringConvertible {
    let path: String

    var description: String {
        "'\(path.visibleLine)' exists already: add --force to replace it, or name another --output"
    }
}
