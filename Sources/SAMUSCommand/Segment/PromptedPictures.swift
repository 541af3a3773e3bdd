import Foundation

/// Segments pictures object by object, and says what there is to say about each.
final class PromptedPictures {
    private let segmenter: PictureSegmenter
    private let table: ResultTable
    private var warned: Set<String> = []

    /// - Parameters:
    ///   - segmenter: segments one picture.
    ///   - tasks: all pictures of the run.
    init(segmenter: PictureSegmenter, tasks: [PictureTask]) {
        self.segmenter = segmenter
        table = ResultTable(tasks)
    }

    /// Segments one picture.
    ///
    /// - Throws: why it cannot be segmented.
    func process(_ task: PictureTask, _ files: ResultFiles) throws -> FinishedPicture {
        let outcome = try segmenter.segment(task)
        let writer = ResultWriter(
            task: task, outcome: outcome, files: files, model: segmenter.engine.model,
            options: segmenter.options)
        return FinishedPicture(files: files, write: writer.write) { [self] in
            let masks = table.show(task: task, outcome: outcome)
            say(outcome, of: task)
            return masks
        }
    }

    private func say(_ outcome: PictureSegmenter.Outcome, of task: PictureTask) {
        for (index, object) in outcome.objects.enumerated() {
            let name = outcome.objects.count > 1 ? "\(task.stem), object \(index + 1)" : task.stem
            for note in object.notes {
                Terminal.complain("note: \(name.visibleLine): \(note)")
            }
            // The same for every picture of a run: said once.
            for warning in object.warnings where warned.insert(warning).inserted {
                Terminal.complain("note: \(warning)")
            }
        }
    }
}
