import FileIO
import Foundation

/// Imports BUS-BRA, breast tumours (Gómez-Flores et al., 2024).
///
/// Files: `Images/bus_0001-l.png`, `Masks/mask_0001-l.png`, `bus_data.csv` (the patient of each
/// image) and `5-fold-cv.csv`.
///
/// Of the five published folds, by patient, fold K is for test, the next one for validation, the
/// other three for training.
struct BUSBRAImporter: Importer {
    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let root = source.nearest { $0.folder(["Images"]) != nil && $0.folder(["Masks"]) != nil }
        guard let root, let images = root.folder(["Images"]), let masks = root.folder(["Masks"])
        else {
            throw .wrongFormat(
                source: source.path, reason: "the folders 'Images' and 'Masks' are missing")
        }
        let testFold = options.fold ?? 1
        guard (1...5).contains(testFold) else {
            throw .wrongOption("BUS-BRA has the folds 1 to 5, not \(testFold)")
        }
        let data = try root.table("bus_data.csv", key: "ID")
        let folds = try root.table("5-fold-cv.csv", key: "ID")
        if options.fold != nil && folds == nil {
            throw .wrongOption("there is no 5-fold-cv.csv that names the folds")
        }
        var plan = ImportPlan(
            classNames: ["tumour"],
            detailColumns: ["pathology", "birads", "histology", "device", "fold"],
            hasSplit: folds != nil)
        let files = PairedFiles(images: root.files(in: images), masks: root.files(in: masks)) {
            ["mask_" + ($0.hasPrefix("bus_") ? String($0.dropFirst(4)) : $0)]
        }
        plan.add(files, in: root)
        for index in plan.items.indices {
            let key = plan.items[index].source.stem
            if let row = data?[key] {
                plan.items[index].patient = row["Case"].map(Self.patient)
                for column in ["Pathology", "BIRADS", "Histology", "Device"] {
                    plan.items[index].details[column.lowercased()] = row[column]
                }
            }
            guard let folds else { continue }
            guard let fold = folds[key]?["kFold"].flatMap({ Int($0) }), (1...5).contains(fold)
            else {
                plan.remarks.append(
                    ImportProblem(plan.items[index].source, "in no fold; put into train"))
                continue
            }
            plan.items[index].details["fold"] = "\(fold)"
            plan.items[index].split =
                fold == testFold ? .test : fold == testFold % 5 + 1 ? .val : .train
        }
        if data == nil { plan.notes.append("bus_data.csv is missing: patients are unknown") }
        plan.notes.append(
            folds == nil
                ? "5-fold-cv.csv is missing: all images are in train"
                : "split of 5-fold-cv.csv: fold \(testFold) is test, fold \(testFold % 5 + 1) val")
        return plan
    }

    private static func patient(_ text: String) -> String {
        Int(text).map {
            "case" + String(repeating: "0", count: max(0, 4 - "\($0)".count)) + "\($0)"
        }
            ?? text
    }
}

extension SourceFolder {
    /// Reads a CSV table: rows by a key column, fields by the names in the first line.
    ///
    /// - Parameters:
    ///   - name: of the file, directly in this folder.
    ///   - key: the key column.
    /// - Returns: the rows; nil where there is no such file.
    /// - Throws: ``ImportError`` when it cannot be read or has no such column.
    func table(
        _ name: String, key: String
    ) throws(ImportError) -> [String: [String: String]]? {
        guard let file = file(name) else { return nil }
        let text: String
        do throws(ImportProblem) {
            text = try self.text(file)
        } catch {
            throw .unreadable(path: path(file), reason: error.reason)
        }
        var lines = CSV.rows(text).map { row in
            row.map { $0.trimmingCharacters(in: .whitespaces) }
        }[...]
        guard let header = lines.popFirst(), let column = header.firstIndex(of: key) else {
            throw .unreadable(path: path(file), reason: "its first line has no column '\(key)'")
        }
        var rows: [String: [String: String]] = [:]
        for line in lines where column < line.count {
            let fields = zip(header, line).filter { !$1.isEmpty }
            rows[line[column]] = Dictionary(fields) { first, _ in first }
        }
        return rows
    }
}
