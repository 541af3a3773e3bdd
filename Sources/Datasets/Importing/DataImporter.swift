import FileIO
import Foundation
import Imaging

/// Imports a dataset from its authors' format, or an annotation program's, into the US30K layout.
///
/// Images are stored as PNG with unchanged size and pixel values. `index.csv` has for each image
/// the patient, size, classes in the label, mm per pixel, split and source file.
public struct DataImporter: Sendable {
    private let format: ImportFormat
    private let options: ImportOptions

    /// - Parameters:
    ///   - format: the format of the source.
    ///   - options: the options.
    public init(_ format: ImportFormat, options: ImportOptions = ImportOptions()) {
        self.format = format
        self.options = options
    }

    /// Imports a dataset, completely or not at all.
    ///
    /// - Parameters:
    ///   - source: folder of the original, or the JSON file of COCO; it is only read.
    ///   - root: folder of all datasets, created if missing.
    ///   - shouldContinue: called before each file; false stops the import.
    /// - Returns: the report; without a usable image nothing is written.
    /// - Throws: ``ImportError``; then nothing is imported.
    public func run(
        from source: String, into root: String,
        shouldContinue: (ImportProgress) -> Bool = { _ in true }
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
            guard shouldContinue(step) else { throw .interrupted }
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
                let seen = image.label.areas.keys.filter { $0 > 0 }.sorted()
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
        try target.commit(replaces: options.replaces) { () throws(ImportError) in
            try lists.files(entries)
        }
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
                "'\(name)' is not a valid dataset name: use letters, digits, '.', '-' and '_'")
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
        try ImportTarget.checkTarget(
            root: root, dataset: dataset, replaces: options.replaces)
    }

    /// The label as stored: 255 for the only class, as in US30K and visible; else class numbers.
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
            name, item.patient ?? options.patientPattern?.patient(of: imported.name) ?? "",
            "\(imported.image.width)", "\(imported.image.height)",
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
        withSpacing += imported.spacing == nil ? 0 : 1
        splits[split, default: 0] += 1
        if let remark = imported.remark { remarks.append(ImportProblem(file, remark)) }
    }
}

/// Finds the images of a source in one format.
protocol Importer {
    /// - Parameters:
    ///   - source: the folder or file given by the user.
    ///   - options: the options.
    /// - Returns: the images to read.
    /// - Throws: ``ImportError`` when the source does not have the format.
    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan
}

/// An image and its label, read from a source.
struct ImportedImage {
    /// The original name.
    var name: String
    var image: Image
    /// The class of each pixel, one channel; 0 is background.
    var label: Image
    var spacing: PixelSpacing?
    var details: [String: String] = [:]
    /// A note for the user.
    var remark: String?
}

/// One image to import, or several of one file.
struct ImportItem {
    /// The image's file, relative to the source.
    var source: String
    var patient: String?
    /// The published split.
    var split: Split?
    var details: [String: String] = [:]
    let read: () throws(ImportProblem) -> [ImportedImage]
}

/// The images to import and the problems found.
struct ImportPlan {
    var items: [ImportItem] = []
    /// The classes' names, from class 1.
    var classNames: [String]
    /// Further columns of `index.csv`.
    var detailColumns: [String] = []
    /// Whether the original has a published split, which is then used.
    var hasSplit = false
    /// Files that should have been imported and cannot be.
    var problems: [ImportProblem] = []
    /// Skipped files that need not be imported.
    var remarks: [ImportProblem] = []
    /// Notes on the whole dataset for the user.
    var notes: [String] = []
}

/// Why a dataset cannot be imported.
public enum ImportError: Error, Equatable, Sendable {
    /// The source does not have the format; the reason says what is missing.
    case wrongFormat(source: String, reason: String)
    /// A file of the source, needed as a whole, cannot be read.
    case unreadable(path: String, reason: String)
    /// An option does not fit the source.
    case wrongOption(String)
    /// The dataset exists.
    case exists(path: String)
    /// The dataset's folder has files that no import wrote; `example` is one of them.
    case otherFiles(path: String, example: String)
    /// One of source and result folder contains the other.
    case overlap(source: String, target: String)
    /// The result cannot be written.
    case cannotWrite(path: String, reason: String)
    /// Stopped by the caller.
    case interrupted
}

extension ImportError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .wrongFormat(let source, let reason):
            "'\(source)' does not have this format: \(reason)"
        case .unreadable(let path, let reason):
            "'\(path)' cannot be read: \(reason)"
        case .wrongOption(let reason):
            reason
        case .exists(let path):
            "'\(path)' exists; --force replaces it, --name gives the import another name"
        case .otherFiles(let path, let example):
            example.isEmpty
                ? "'\(path)' is not a folder, so --force does not replace it"
                : "'\(path)' contains files that no import wrote, for example '\(example)', which"
                    + " --force would delete: move them, or give the import another --name"
        case .overlap(let source, let target):
            "'\(source)' and '\(target)' contain one another: the source would be changed"
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(reason)"
        case .interrupted:
            "interrupted; nothing has been imported"
        }
    }
}

/// A problem with one file of a source; the others are imported.
public struct ImportProblem: Error, Equatable, Sendable {
    /// The file, relative to the source.
    public let file: String
    /// One sentence.
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
