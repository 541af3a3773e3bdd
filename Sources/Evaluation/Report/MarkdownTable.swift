import Foundation

/// A table in Markdown.
struct MarkdownTable {
    private let header: [String]
    private var rows: [[String]] = []

    /// - Parameter header: one title a column.
    init(_ header: [String]) {
        self.header = header
    }

    /// Adds a row of as many cells as there are columns.
    mutating func add(_ cells: [String]) {
        rows.append(cells)
    }

    var isEmpty: Bool { rows.isEmpty }

    /// The lines, without a break at the end.
    var text: String {
        let lines = [header, header.map { _ in "---" }] + rows
        return lines.map { "| " + $0.map(\.cell).joined(separator: " | ") + " |" }
            .joined(separator: "\n")
    }
}

extension String {
    /// The text so that it cannot break out of its cell.
    fileprivate var cell: String {
        replacing("|", with: "\\|").split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

extension Double {
    /// The number with so many digits after the point.
    func fixed(_ digits: Int) -> String { String(format: "%.\(digits)f", self) }
}
