import Datasets
import Drawing
import FileIO
import Foundation
import Imaging

/// `results.csv`: one row per epoch.
///
/// The file is replaced atomically for each row, so that a reader never sees half a row.
public struct ResultsTable: Sendable {
    /// Names of the columns, in the order of the file.
    public let columns: [String]
    /// The rows; nil where a column has no value in a row.
    public private(set) var rows: [[Double?]]
    /// The file.
    public let path: String

    /// The columns of a run.
    ///
    /// - Parameters:
    ///   - sets: datasets and classes of the validation, for example `Echo-CAMUS#2`.
    ///   - prompts: the prompts of the validation, for example `fixed`; a column each where there are
    ///     several.
    /// - Returns: names in the order of the file.
    public static func columns(sets: [String] = [], prompts: [String] = []) -> [String] {
        ["epoch", "step", "time", "train/loss", "train/bce", "train/dice_loss"]
            + validationColumns(sets: sets, prompts: prompts)
            + ["lr", "grad_norm", "images_per_s", "waited", "memory_mb"]
    }

    /// The columns of a validation, by each of which the best weights can be chosen.
    ///
    /// - Parameters:
    ///   - sets: datasets and classes of the validation.
    ///   - prompts: the prompts of the validation.
    /// - Returns: names in the order of the file.
    public static func validationColumns(sets: [String], prompts: [String]) -> [String] {
        ["val/dice"] + (prompts.count > 1 ? prompts.map { "val/dice_\($0)" } : []) + ["val/iou"]
            + sets.map { "val/dice/\($0)" }
    }

    /// Makes a table without rows.
    ///
    /// - Parameters:
    ///   - path: the file to make.
    ///   - columns: names of the columns, `step` among them.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public init(creating path: String, columns: [String]) throws(RunFolderError) {
        precondition(columns.contains("step"), "a table needs the column step")
        precondition(Set(columns).count == columns.count, "each column occurs once")
        self.path = path
        self.columns = columns
        rows = []
        try write()
    }

    /// Resumes a table: rows after the step that the run resumes at are removed.
    ///
    /// - Parameters:
    ///   - path: the file; made where it is missing.
    ///   - columns: names of the columns; those that a former version did not write stay empty in
    ///     former rows.
    ///   - step: the step that the run resumes at.
    /// - Throws: ``RunFolderError/columns(path:found:expected:)`` when the file has other columns.
    public init(
        resuming path: String, columns: [String], keepingUpTo step: Int
    ) throws(RunFolderError) {
        guard FileManager.default.fileExists(atPath: path) else {
            try self.init(creating: path, columns: columns)
            return
        }
        let found = try Self(reading: path)
        guard Set(found.columns).isSubset(of: columns),
            columns.filter(found.columns.contains) == found.columns
        else { throw .columns(path: path, found: found.columns, expected: columns) }
        self.init(
            path: path, columns: columns,
            rows: found.rows.map { row in
                columns.map { found.columns.firstIndex(of: $0).flatMap { row[$0] } }
            })
        let place = columns.firstIndex(of: "step")
        rows.removeAll { row in
            guard let place, let value = row[place] else { return true }
            return value > Double(step)
        }
        if rows.count != found.rows.count || found.columns != columns { try write() }
    }

    private init(path: String, columns: [String], rows: [[Double?]]) {
        self.path = path
        self.columns = columns
        self.rows = rows
    }

    /// Reads a table.
    ///
    /// - Parameter path: the file.
    /// - Throws: ``RunFolderError/unreadable(path:reason:)`` with the row that is wrong.
    public init(reading path: String) throws(RunFolderError) {
        var lines = CSV.rows(try readRunFile(path, limit: 16 << 20))
        guard !lines.isEmpty, lines[0].contains("step") else {
            throw .unreadable(path: path, reason: "a first line with the column 'step' is needed")
        }
        self.path = path
        // Versions up to 0.1 wrote 'pictures_per_s'.
        columns = lines.removeFirst().map { $0 == "pictures_per_s" ? "images_per_s" : $0 }
        rows = []
        let counts = Set(["epoch", "step"].compactMap(columns.firstIndex))
        for (index, line) in lines.enumerated() {
            guard line.count == columns.count else {
                throw .unreadable(
                    path: path,
                    reason: "row \(index + 1) has \(line.count) fields, not \(columns.count)")
            }
            var row: [Double?] = []
            for (column, field) in line.enumerated() {
                let value = Double(field)
                guard
                    field.isEmpty
                        || value.map({ Self.isPossible($0, isCount: counts.contains(column)) })
                            ?? false
                else {
                    throw .unreadable(
                        path: path, reason: "row \(index + 1) has '\(field)' for a number")
                }
                row.append(value)
            }
            rows.append(row)
        }
    }

    /// Whether a number can be a count of steps or epochs, or a value to draw.
    private static func isPossible(_ value: Double, isCount: Bool) -> Bool {
        guard isCount else { return !value.isFinite || abs(value) < 1e40 }
        return value >= 0 && value < 1e15 && value.rounded() == value
    }

    /// Adds a row and writes the file.
    ///
    /// - Parameter values: numbers by their columns, `step` among them; other fields stay empty.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)``; the file is unchanged then.
    public mutating func append(_ values: [String: Double]) throws(RunFolderError) {
        let unknown = Set(values.keys).subtracting(columns)
        precondition(unknown.isEmpty, "no column \(unknown.sorted())")
        precondition(values["step"] != nil, "a row needs its step")
        rows.append(columns.map { values[$0] })
        do throws(RunFolderError) {
            try write()
        } catch {
            rows.removeLast()
            throw error
        }
    }

    /// One row.
    ///
    /// - Parameter index: index of the row, from 0.
    /// - Returns: numbers by their columns; nil where there is no such row.
    public func row(_ index: Int) -> [String: Double]? {
        guard rows.indices.contains(index) else { return nil }
        return zip(columns, rows[index]).reduce(into: [:]) { $0[$1.0] = $1.1 }
    }

    /// The numbers of a column against another one.
    ///
    /// - Parameters:
    ///   - column: name of the column.
    ///   - other: name of the column for the x axis.
    /// - Returns: pairs (x, y); empty where a column is missing.
    public func values(of column: String, over other: String = "step") -> [(Double, Double)] {
        guard let x = columns.firstIndex(of: other), let y = columns.firstIndex(of: column) else {
            return []
        }
        return rows.compactMap { row in
            guard let a = row[x], let b = row[y] else { return nil }
            return (a, b)
        }
    }

    private func write() throws(RunFolderError) {
        let lines = rows.map { row in row.map { $0.map(Self.text) ?? "" } }
        let text = ([columns] + lines).map(CSV.line).joined(separator: "\n") + "\n"
        try writeRunFile(text, to: path)
    }

    private static func text(_ value: Double) -> String {
        if value.rounded() == value && abs(value) < 1e15 { return "\(Int(value))" }
        return String(format: "%.7g", value)
    }
}

extension ResultsTable {
    /// `results.png`: loss, validation, learning rate, gradient norm and speed over the steps.
    ///
    /// Charts without numbers are left out.
    ///
    /// - Returns: a sheet of charts; nil where there is nothing to draw.
    public func image() -> Image? {
        let sets = columns.filter { $0.hasPrefix("val/dice/") }
        let panels = [
            panel("Loss", ["train/loss", "train/bce", "train/dice_loss"]),
            panel(
                "Validation",
                ["val/dice"] + columns.filter { $0.hasPrefix("val/dice_") } + ["val/iou"]),
            sets.count > 1 ? panel("Validation Dice by set", sets) : nil,
            panel("Learning rate", ["lr"]),
            panel("Gradient norm", ["grad_norm"], scale: .logarithmic),
            panel("Images per second", ["images_per_s"]),
        ].compactMap(\.self)
        return panels.isEmpty ? nil : Chart.sheet(panels, columns: panels.count > 4 ? 3 : 2)
    }

    private func panel(_ title: String, _ names: [String], scale: Chart.Scale = .linear) -> Chart? {
        let series = names.compactMap { name -> Chart.Series? in
            let points = values(of: name).map { Chart.Point($0.0, $0.1) }
            guard points.contains(where: { $0.y.isFinite }) else { return nil }
            let style: Chart.Style = points.count <= 40 ? .dottedLine : .line
            let shown = name.replacing("val/dice/", with: "")
            return Chart.Series(names.count > 1 ? shown : "", points, style: style)
        }
        guard !series.isEmpty else { return nil }
        return Chart(title: title, xLabel: "step", series: series, yScale: scale)
    }
}

/// `per_case.csv`: one row per case of a validation.
public struct CaseTable: Equatable, Sendable {
    /// Names of the columns, in the order of the file.
    public let columns: [String]
    /// The fields of each row.
    public private(set) var rows: [[String]]

    /// - Parameter columns: names of the columns, in the order of the file.
    public init(columns: [String]) {
        self.columns = columns
        rows = []
    }

    /// Adds a row.
    ///
    /// - Parameter fields: one field per column.
    public mutating func append(_ fields: [String]) {
        precondition(fields.count == columns.count, "a row needs one field per column")
        rows.append(fields)
    }

    /// Writes the file atomically.
    ///
    /// - Parameter path: the file to make or replace.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public func write(to path: String) throws(RunFolderError) {
        let text = ([columns] + rows).map(CSV.line).joined(separator: "\n") + "\n"
        try writeRunFile(text, to: path)
    }
}
