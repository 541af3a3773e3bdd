import FileIO
import Foundation
import Imaging

/// `index.csv` of a dataset: patient and spacing of each image.
///
/// White space around headers and fields is ignored, as is upper and lower case in headers. A name
/// may have an image's extension.
struct DatasetIndex: Sendable {
    struct Row: Sendable {
        var patient: String?
        let spacing: PixelSpacing?
        /// The row's number in the file, from 1 for the first row below the header.
        let number: Int
    }

    /// By image name.
    private(set) var rows: [String: Row] = [:]
    /// What is wrong with the table.
    private(set) var findings: [DatasetFinding] = []
    private var namesWithoutCase: [String: [String]] = [:]
    private var place = ""

    /// The row of an image: of its exact name or, where there is none, of the only name that differs
    /// in upper and lower case.
    ///
    /// - Parameter name: the image's name without extension.
    /// - Returns: nil where the table does not name it.
    func row(of name: String) -> Row? { self.name(of: name).flatMap { rows[$0] } }

    private func name(of image: String) -> String? {
        if rows[image] != nil { return image }
        let others = namesWithoutCase[image.lowercased()] ?? []
        return others.count == 1 ? others[0] : nil
    }

    /// A finding about rows that name no image.
    ///
    /// - Parameter images: the names of all images.
    /// - Returns: nil where every row has an image.
    func unmatched(images: [String]) -> DatasetFinding? {
        var unused = Set(rows.keys)
        for image in images { if let name = name(of: image) { unused.remove(name) } }
        guard let first = unused.min() else { return nil }
        return DatasetFinding(
            .indexRow, place, "\(unused.count) of its rows name no image, such as '\(first)'")
    }

    /// - Parameters:
    ///   - folder: of the dataset.
    ///   - dataset: its name, for findings.
    /// - Returns: the index; empty where there is no `index.csv`.
    /// - Throws: ``DatasetError`` when it cannot be read or has no column `name`.
    static func read(folder: String, dataset: String) throws(DatasetError) -> DatasetIndex {
        let path = "\(folder)/index.csv"
        guard LayoutFile.exists(path) else { return DatasetIndex() }
        let table = CSV.rows(try LayoutFile.text(path, limit: 64 << 20)).map { row in
            row.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        }
        let header = (table.first ?? []).map { $0.lowercased() }
        guard let nameColumn = header.firstIndex(of: "name") else {
            throw .unreadable(path: path, reason: "its first line has no column 'name'")
        }
        var index = DatasetIndex()
        index.place = "\(dataset)/index.csv"
        var samePatients = PatientNames()
        for (number, line) in table.enumerated().dropFirst() {
            guard nameColumn < line.count, !line[nameColumn].isEmpty else {
                if line.contains(where: { !$0.isEmpty }) {
                    index.add(.indexRow, row: number, "it has no name")
                }
                continue
            }
            let fields = Dictionary(zip(header, line)) { first, _ in first }
            index.add(fields, name: line[nameColumn], row: number, &samePatients)
        }
        for (name, row) in index.rows {
            index.rows[name]?.patient = row.patient.map { samePatients.first($0) }
        }
        index.namesWithoutCase = Dictionary(grouping: index.rows.keys) { $0.lowercased() }
        return index
    }

    private mutating func add(
        _ fields: [String: String], name: String, row number: Int,
        _ samePatients: inout PatientNames
    ) {
        let extensions = DatasetFolder.extensions.map { ".\($0)" }
        let name = extensions.contains(where: name.hasSuffix) ? name.stem : name
        let patient = fields["patient"].flatMap { $0.isEmpty ? nil : $0 }
        let row = Row(
            patient: patient, spacing: spacing(fields, name: name, row: number), number: number)
        guard let former = rows[name] else {
            rows[name] = row
            return
        }
        guard let patient, let other = former.patient, patient != other else {
            add(.indexRow, row: number, "'\(name)' is in row \(former.number) too")
            rows[name] = Row(
                patient: former.patient ?? patient, spacing: former.spacing ?? row.spacing,
                number: former.number)
            return
        }
        samePatients.unite(other, patient)
        add(
            .indexConflict, row: number,
            "'\(name)' is of patient '\(other)' in row \(former.number) and of '\(patient)' here:"
                + " both are taken for one patient")
    }

    private mutating func spacing(
        _ fields: [String: String], name: String, row number: Int
    ) -> PixelSpacing? {
        func length(_ column: String) -> Double? {
            let texts = [column, "pixel_size_mm"].compactMap { fields[$0] }.filter { !$0.isEmpty }
            guard let text = texts.first else { return nil }
            guard let value = Double(text), value > 0, value.isFinite else {
                add(
                    .indexRow, row: number,
                    "'\(text)' is no pixel size of '\(name)': a positive number of mm is needed")
                return nil
            }
            return value
        }
        guard let x = length("mm_x"), let y = length("mm_y") else { return nil }
        return PixelSpacing(x: x, y: y)
    }

    private mutating func add(_ kind: DatasetFinding.Kind, row: Int, _ text: String) {
        let finding = DatasetFinding(kind, "\(place), row \(row)", text)
        if findings.last != finding { findings.append(finding) }
    }
}

/// Patients with several names.
private struct PatientNames {
    private var others: [String: String] = [:]

    /// The first name of a patient.
    func first(_ name: String) -> String {
        var name = name
        while let other = others[name] { name = other }
        return name
    }

    mutating func unite(_ one: String, _ other: String) {
        let (one, other) = (first(one), first(other))
        if one != other { others[other] = one }
    }
}

/// Patients by a regular expression on image names, given by the user.
public struct PatientPattern: Sendable {
    // A compiled expression is never changed, and matching reads it only.
    private nonisolated(unsafe) let expression: Regex<AnyRegexOutput>

    /// - Parameter text: a regular expression; its first group is the patient, or the whole match
    ///   where it has no group: `^(\d+)_`.
    /// - Throws: the error of the regular expression.
    public init(_ text: String) throws {
        expression = try Regex(text)
    }

    /// - Parameter name: an image's name without extension.
    /// - Returns: the patient; nil where the expression does not match.
    public func patient(of name: String) -> String? {
        guard let match = try? expression.firstMatch(in: name) else { return nil }
        let group = match.output.count > 1 ? match.output[1] : match.output[0]
        return group.substring.flatMap { $0.isEmpty ? nil : String($0) }
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
