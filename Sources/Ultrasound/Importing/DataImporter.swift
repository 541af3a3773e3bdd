import Foundation
import Imaging

/// Brings a data set from its authors' form, or an annotation program's, into the US30K layout.
///
/// Pictures keep their size and their numbers, and are stored as PNG. `index.csv` beside them says
/// what is known of each: patient, size, classes that are seen, mm per pixel, split, and from which
/// file it came.
public struct DataImporter: Sendable {
    private let format: ImportFormat
    private let options: ImportOptions

    /// - Parameters:
    ///   - format: the source's form.
    ///   - options: what may be chosen.
    public init(_ format: ImportFormat, options: ImportOptions = ImportOptions()) {
        self.format = format
        self.options = options
    }

    /// Imports a data set; it appears whole or not at all.
    ///
    /// - Parameters:
    ///   - source: the folder, or with COCO also the file, of the original; it is only read.
    ///   - root: the folder of all data sets, made where it is missing.
    ///   - progress: called before each file; false stops the import.
    /// - Returns: what was done; with no picture at all nothing was written.
    /// - Throws: ``ImportError``, and then nothing was imported.
    public func run(
        from source: String, into root: String, progress: (ImportProgress) -> Bool = { _ in true }
    ) throws(ImportError) -> ImportReport {
        let dataset = try datasetName(source)
        try check(source: source, root: root, dataset: dataset)
        let plan = try format.importer.plan(SourceFolder(path: source), options)
        var report = ImportReport(
            dataset: dataset, classNames: plan.classNames, hasSplit: plan.hasSplit,
            problems: plan.problems, remarks: plan.remarks, notes: plan.notes)
        guard !plan.items.isEmpty else { return report }

        let target = try ImportTarget(root: root, dataset: dataset)
        var rows = [
            [
                "name", "patient", "width", "height", "classes", "mm_x", "mm_y", "split", "source",
            ] + plan.detailColumns
        ]
        var entries: [ImportedLists.Entry] = []
        var names = PictureNames()
        for (done, item) in plan.items.enumerated() {
            let step = ImportProgress(done: done, total: plan.items.count, file: item.source)
            guard progress(step) else { throw .interrupted }
            let pictures: [ImportedPicture]
            do throws(ImportProblem) {
                pictures = try item.read()
            } catch {
                report.problems.append(error)
                continue
            }
            for picture in pictures {
                let name = names.unique(picture.name)
                let split = item.split ?? .train
                let seen = picture.label.levels.subtracting([0]).sorted()
                try target.write(picture.image, label: stored(picture.label, plan), name: name)
                entries.append(ImportedLists.Entry(name: name, split: split, classes: seen))
                rows.append(row(picture, of: item, named: name, split, seen, plan.detailColumns))
                report.count(picture, split: split, isEmpty: seen.isEmpty, file: item.source)
            }
        }
        guard report.pictures > 0 else { return report }
        let table = rows.map { CSV.line($0) + "\n" }.joined()
        try target.write(table, to: "index.csv")
        let classes = plan.classNames.enumerated().map { CSV.line(["\($0 + 1)", $1]) + "\n" }
        try target.write("class,name\n" + classes.joined(), to: "classes.csv")
        let lists = ImportedLists(
            root: root, dataset: dataset, classCount: plan.classNames.count + 1)
        try target.commit(lists: try lists.files(entries), replaces: options.replaces)
        return report
    }

    private func datasetName(_ source: String) throws(ImportError) -> String {
        let folder = URL(fileURLWithPath: source).standardizedFileURL
        let name =
            options.dataset ?? format.dataset
            ?? PictureNames.safe(
                folder.deletingPathExtension().lastPathComponent)
        guard name == PictureNames.safe(name), name.lowercased() != "mainpatient" else {
            throw .wrongOption(
                "'\(name)' is no name for a data set: letters, digits, '.', '-' and '_' are")
        }
        return name
    }

    private func check(source: String, root: String, dataset: String) throws(ImportError) {
        guard FileManager.default.fileExists(atPath: source) else {
            throw .unreadable(path: source, reason: "there is no such file or folder")
        }
        let target = "\(root)/\(dataset)"
        let from = URL(fileURLWithPath: source).resolvingSymlinksInPath().path + "/"
        let to = URL(fileURLWithPath: target).resolvingSymlinksInPath().path + "/"
        guard !from.hasPrefix(to), !to.hasPrefix(from) else {
            throw .overlap(source: source, target: target)
        }
        guard options.replaces || !FileManager.default.fileExists(atPath: target) else {
            throw .exists(path: target)
        }
    }

    /// With one class 255 is inside, as in US30K, so that it can be seen; else the class's number.
    private func stored(_ label: Image, _ plan: ImportPlan) -> Image {
        guard plan.classNames.count == 1 else { return label }
        var label = label
        label.pixels = label.pixels.map { $0 == 0 ? 0 : 255 }
        return label
    }

    private func row(
        _ picture: ImportedPicture, of item: ImportItem, named name: String, _ split: Split,
        _ seen: [Int], _ columns: [String]
    ) -> [String] {
        let details = item.details.merging(picture.details) { $1 }
        return [
            name, item.patient ?? "", "\(picture.image.width)", "\(picture.image.height)",
            seen.map(String.init).joined(separator: " "),
            picture.spacing.map { "\($0.x)" } ?? "", picture.spacing.map { "\($0.y)" } ?? "",
            split.rawValue, item.source,
        ] + columns.map { details[$0] ?? "" }
    }
}

extension ImportReport {
    fileprivate mutating func count(
        _ picture: ImportedPicture, split: Split, isEmpty: Bool, file: String
    ) {
        pictures += 1
        empty += isEmpty ? 1 : 0
        measured += picture.spacing == nil ? 0 : 1
        splits[split, default: 0] += 1
        if let remark = picture.remark { remarks.append(ImportProblem(file, remark)) }
    }
}
