import Foundation

/// The rows that `samus segment` prints, one for each mask.
final class ResultTable {
    private let stemWidth: Int
    private let objectWidth: Int
    private var hasHeader = false

    /// - Parameter tasks: all that the table will show, which makes its columns wide enough.
    init(_ tasks: [ImageTask]) {
        let labels = tasks.flatMap(\.objects).compactMap(\.label)
        stemWidth = min(40, max(7, tasks.map(\.stem.count).max() ?? 0))
        objectWidth = min(40, max(6, (labels.map(\.count).max() ?? 0) + 4))
    }

    /// Prints an image's rows and gives their number.
    func show(task: ImageTask, outcome: ImageSegmenter.Outcome) -> Int {
        if !hasHeader {
            hasHeader = true
            print(row("image", "object", "area px", "box x0,y0,x1,y1", "IoU est.", "seconds"))
        }
        let times = outcome.times
        let seconds = String(format: "%.2f", times.read + times.encode + times.decode)
        var count = 0
        for (index, object) in outcome.objects.enumerated() {
            for (candidate, result) in object.candidates.enumerated() {
                let number =
                    "\(index + 1)" + (object.candidates.count > 1 ? ".\(candidate + 1)" : "")
                let box = result.mask.boundingBox
                print(
                    row(
                        task.stem.visibleLine,
                        (object.label?.visibleLine).map { "\(number) \($0)" } ?? number,
                        "\(result.mask.area)",
                        box.map { "\($0.x0),\($0.y0),\($0.x1),\($0.y1)" } ?? "none",
                        String(format: "%.3f", result.iouEstimate), count == 0 ? seconds : ""))
                count += 1
            }
        }
        return count
    }

    private func row(_ columns: String...) -> String {
        let widths = [stemWidth, objectWidth, 9, 20, 8, 7]
        return zip(columns, widths).enumerated().map { index, column in
            let (text, width) = column
            let gap = String(repeating: " ", count: max(0, width - text.count))
            // Words to the left, numbers to the right.
            return index < 2 ? text + gap : gap + text
        }.joined(separator: "  ")
    }
}
