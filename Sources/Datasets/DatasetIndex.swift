import FileIO
import Foundation
import Imaging

/// `index.csv` of a dataset: patient and spacing of each image.
struct DatasetIndex: Sendable {
    struct Row: Sendable {
        let patient: String?
        let spacing: PixelSpacing?
    }

    /// By image name.
    let rows: [String: Row]

    /// - Parameter folder: of the dataset.
    /// - Returns: the index; empty where there is no `index.csv`.
    /// - Throws: ``DatasetError`` when it cannot be read or has no column `name`.
    static func read(folder: String) throws(DatasetError) -> DatasetIndex {
        let path = "\(folder)/index.csv"
        guard LayoutFile.exists(path) else { return DatasetIndex(rows: [:]) }
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
        return DatasetIndex(rows: rows)
    }
}

/// Patients from image names.
enum PatientName {
    /// - Parameters:
    ///   - dataset: the dataset's folder, for example `Echo-CAMUS`.
    ///   - name: of an image, for example `patient0001_2CH_ED`.
    /// - Returns: the patient, for example `patient0001`; nil where the names of this dataset have
    ///   none.
    static func patient(dataset: String, name: String) -> String? {
        let set = dataset.lowercased().replacing("-", with: "")
        let name = Substring(name)
        if set.contains("camus") { return name.prefix(of: "patient", digitsThen: "_") }
        if set.contains("busbra") { return name.prefix(of: "bus_", digitsThen: "-") }
        // 082_2HC is another measurement of 082_HC.
        if set.contains("hc18") {
            return name.prefix(of: "hc", digitsThen: "_") ?? name.prefix(of: "", digitsThen: "_")
        }
        if set.contains("ddti") {
            return name.prefix(of: "ddti", digitsThen: "_") ?? name.prefix(of: "", digitsThen: "_")
        }
        if set.contains("ccaus") {
            return name.prefix(of: "ccaus_", digitsThen: "VAS")
                ?? name.prefix(of: "", digitsThen: "VAS")
        }
        return nil
    }
}

extension Substring {
    /// `start` and the digits after it, if `end` follows them.
    fileprivate func prefix(of start: String, digitsThen end: String) -> String? {
        guard hasPrefix(start) else { return nil }
        let digits = dropFirst(start.count).prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, self[digits.endIndex...].hasPrefix(end) else { return nil }
        return start + digits
    }
}
