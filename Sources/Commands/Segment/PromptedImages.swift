import Foundation

/// Segments images object by object, and says what there is to say about each.
final class PromptedImages {
    private let segmenter: ImageSegmenter
    private let table: ResultTable
    private var warned: Set<String> = []

    /// - Parameters:
    ///   - segmenter: segments one image.
    ///   - tasks: all images of the run.
    init(segmenter: ImageSegmenter, tasks: [ImageTask]) {
        self.segmenter = segmenter
        table = ResultTable(tasks)
    }

    /// Segments one image.
    ///
    /// - Throws: why it cannot be segmented.
    func process(_ task: ImageTask, _ files: ResultFiles) throws -> FinishedImage {
        let outcome = try segmenter.segment(task)
        let writer = ResultWriter(
            task: task, outcome: outcome, files: files, model: segmenter.engine.model,
            options: segmenter.options)
        return FinishedImage(files: files, write: writer.write) { [self] in
            let masks = table.show(task: task, outcome: outcome)
            say(outcome, of: task)
            return masks
        }
    }

    private func say(_ outcome: ImageSegmenter.Outcome, of task: ImageTask) {
        for (index, object) in outcome.objects.enumerated() {
            let name = outcome.objects.count > 1 ? "\(task.stem), object \(index + 1)" : task.stem
            for note in object.notes {
                Terminal.log("note: \(name.visibleLine): \(note)")
            }
            // The same for every image of a run: said once.
            for warning in object.warnings where warned.insert(warning).inserted {
                Terminal.log("note: \(warning)")
            }
        }
    }
}
