import FileIO
import Foundation
import Imaging

/// Brings a data set from its authors' form, or an annotation program's, into the US30K layout.
///
/// Images keep their size and their numbers, and are stored as PNG. `index.csv` beside them says
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
    /// - Returns: what was done; with no image at all nothing was written.
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
        var names = ImageNames()
        for (done, item) in plan.items.enumerated() {
            let step = ImportProgress(done: done, total: plan.items.count, file: item.source)
            guard progress(step) else { throw .interrupted }
            let imported: [ImportedImage]
            do throws(ImportProblem) {
                imported = try item.read()
            } catch {
                report.problems.append(error)
                continue
            }
            for image in imported {
                let name = names.unique(image.name)
                let split = item.split ?? .train
                let seen = image.label.levels.subtracting([0]).sorted()
                try target.write(image.image, label: stored(image.label, plan), name: name)
                entries.append(ImportedLists.Entry(name: name, split: split, classes: seen))
                rows.append(row(image, of: item, named: name, split, seen, plan.detailColumns))
                report.count(image, split: split, isEmpty: seen.isEmpty, file: item.source)
            }
        }
        guard report.images > 0 else { return report }
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
            ?? ImageNames.safe(
                folder.deletingPathExtension().lastPathComponent)
        guard name == ImageNames.safe(name), name.lowercased() != "mainpatient" else {
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
        _ imported: ImportedImage, of item: ImportItem, named name: String, _ split: Split,
        _ seen: [Int], _ columns: [String]
    ) -> [String] {
        let details = item.details.merging(imported.details) { $1 }
        return [
            name, item.patient ?? "", "\(imported.image.width)", "\(imported.image.height)",
            seen.map(String.init).joined(separator: " "),
            imported.spacing.map { "\($0.x)" } ?? "", imported.spacing.map { "\($0.y)" } ?? "",
            split.rawValue, item.source,
        ] + columns.map { details[$0] ?? "" }
    }
}

extension ImportReport {
    fileprivate mutating func count(
        _ imported: ImportedImage, split: Split, isEmpty: Bool, file: String
    ) {
        images += 1
        empty += isEmpty ? 1 : 0
        measured += imported.spacing == nil ? 0 : 1
        splits[split, default: 0] += 1
        if let remark = imported.remark { remarks.append(ImportProblem(file, remark)) }
    }
}

/// Finds what is to be imported in a source of one form.
protocol Importer {
    /// - Parameters:
    ///   - source: the folder or file the user named.
    ///   - options: what the user chose.
    /// - Returns: what there is to read.
    /// - Throws: ``ImportError`` when the source is not of the form.
    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan
}

/// An image and its label, read from a source.
struct ImportedImage {
    /// As the original calls it.
    var name: String
    var image: Image
    /// The class of each pixel, one channel; 0 is background.
    var label: Image
    var spacing: PixelSpacing?
    var details: [String: String] = [:]
    /// What the user should know of it.
    var remark: String?
}

/// What gives one image, or several that are stored together.
struct ImportItem {
    /// The image's file, seen from the source.
    var source: String
    var patient: String?
    /// By the original's own lists.
    var split: Split?
    var details: [String: String] = [:]
    let read: () throws(ImportProblem) -> [ImportedImage]
}

/// All that an importer found.
struct ImportPlan {
    var items: [ImportItem] = []
    /// The classes' names, from class 1.
    var classNames: [String]
    /// Columns of `index.csv` beside the usual ones.
    var detailColumns: [String] = []
    /// Whether the original has a split of its own, which is then kept.
    var hasSplit = false
    /// Files that should have been imported and cannot be.
    var problems: [ImportProblem] = []
    /// Files passed over that are not meant to be imported.
    var remarks: [ImportProblem] = []
    /// What the user should know of the whole.
    var notes: [String] = []
}

/// Why a data set cannot be imported.
public enum ImportError: Error, Equatable, Sendable {
    /// The source is not of the form, and what is missing.
    case notOfTheForm(source: String, reason: String)
    /// A file of the source, needed as a whole, cannot be read.
    case unreadable(path: String, reason: String)
    /// An option does not fit the source.
    case wrongOption(String)
    /// The data set is there already.
    case exists(path: String)
    /// The source and the place of the result lie in each other.
    case overlap(source: String, target: String)
    /// The result cannot be written.
    case cannotWrite(path: String, reason: String)
    /// The caller asked to stop.
    case interrupted
}

extension ImportError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .notOfTheForm(let source, let reason):
            "'\(source)' is not of this form: \(reason)"
        case .unreadable(let path, let reason):
            "'\(path)' cannot be read: \(reason)"
        case .wrongOption(let reason):
            reason
        case .exists(let path):
            "'\(path)' exists; --force replaces it, --name gives the import another name"
        case .overlap(let source, let target):
            "'\(source)' and '\(target)' lie in each other: the source would be changed"
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(reason)"
        case .interrupted:
            "interrupted; nothing has been imported"
        }
    }
}

/// What is wrong with one file of a source; the others are imported.
public struct ImportProblem: Error, Equatable, Sendable {
    /// The file, seen from the source.
    public let file: String
    /// What was found and what is needed.
    public let reason: String

    init(_ file: String, _ reason: String) {
        self.file = file
        self.reason = reason
    }
}

extension ImportProblem: CustomStringConvertible {
    /// One line for the person at the terminal.
    public var description: String { "\(file): \(reason)" }
}
