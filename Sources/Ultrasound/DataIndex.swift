import Foundation
import Imaging

/// `index.csv` of a data set: what is known of each picture besides its pixels.
struct DataIndex: Sendable {
    struct Row: Sendable {
        let patient: String?
        let spacing: PixelSpacing?
    }

    /// By the picture's name.
    let rows: [String: Row]

    /// - Parameter folder: of the data set.
    /// - Returns: nothing where there is no `index.csv`.
    /// - Throws: ``DataError`` when it cannot be read or is no table with a column `name`.
    static func read(folder: String) throws(DataError) -> DataIndex {
        let path = "\(folder)/index.csv"
        guard LayoutFile.exists(path) else { return DataIndex(rows: [:]) }
        var lines = CSV.rows(try LayoutFile.text(path, limit: 64 << 20))[...]
        guard let header = lines.popFirst(), let nameColumn = header.firstIndex(of: "name") else {
            throw .unreadable(path: path, reason: "its first line has no column 'name'")
        }
        func value(_ columns: [String], of line: [String]) -> String? {
            for column in columns {
                guard let place = header.firstIndex(of: column), place < line.count,
                    !line[place].isEmpty
                else { continue }
                return line[place]
            }
            return nil
        }
        func length(_ columns: [String], of line: [String]) -> Double? {
            value(columns, of: line).flatMap(Double.init).flatMap {
                $0 > 0 && $0.isFinite ? $0 : nil
            }
        }
        var rows: [String: Row] = [:]
        for line in lines where nameColumn < line.count {
            let x = length(["mm_x", "pixel_size_mm"], of: line)
            let y = length(["mm_y", "pixel_size_mm"], of: line)
            let spacing = x.flatMap { x in y.map { PixelSpacing(x: x, y: $0) } }
            rows[line[nameColumn]] = Row(patient: value(["patient"], of: line), spacing: spacing)
        }
        return DataIndex(rows: rows)
    }
}
