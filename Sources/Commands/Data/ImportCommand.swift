import ArgumentParser
import Datasets
import Foundation
import Imaging

/// `samus data import`: converts a published data set to the US30K layout.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Convert a published data set to the US30K layout.",
        discussion: """
            FORMAT is one of \(ImportFormat.allCases.map(\.rawValue).joined(separator: ", ")). \
            SOURCE is not changed. The data set appears as ROOT/<Dataset> complete or not at \
            all, and its lines in ROOT/MainPatient replace those of a former import. A split of \
            the original is kept. Every file that is left out is listed; the exit code is 1 when \
            one of them should have been imported.

            Example:
              samus data import busi Dataset_BUSI_with_GT US30K
              samus data split US30K && samus data check US30K

            Research use only, not a medical device.
            """)

    @Argument(help: "The format of the original.")
    var format: ImportFormat
    @Argument(help: "The unpacked original: a folder, or a COCO JSON file.", completion: .file())
    var source: String
    @Argument(help: "The folder with all data sets.", completion: .directory)
    var root: String
    @Option(help: "The name of the data set in the layout, for example Breast-BUSI.")
    var name: String?
    @Flag(help: "Replace a data set that exists.")
    var force = false
    @Option(help: "The fold of the original: 0 to 4 for TN3K, 1 to 5 for BUS-BRA.")
    var fold: Int?
    @Flag(help: "CAMUS: import every frame, not only end diastole and end systole.")
    var sequences = false
    @Option(
        help: "Folders: the grey values of class 1, 2 and so on, for example 85,170,255.",
        transform: GreyValues.init)
    var classValues: GreyValues?

    func validate() throws {
        if fold != nil && format != .tn3k && format != .busbra {
            throw ValidationError("--fold is an option of tn3k and bus-bra")
        }
        if sequences && format != .camus {
            throw ValidationError("--sequences is an option of camus")
        }
        if classValues != nil && format != .folders {
            throw ValidationError("--class-values is an option of folders")
        }
    }

    func run() throws {
        var options = ImportOptions()
        options.dataset = name
        options.replaces = force
        options.fold = fold
        options.wholeSequences = sequences
        options.classValues = classValues?.values ?? []
        let report = try imported(options)
        print(text(report), terminator: "")
        guard report.images > 0 else {
            throw ExitError(.input, "no image of '\(source)' could be imported")
        }
        if !report.problems.isEmpty { throw ExitError(.someImages) }
    }

    private func imported(_ options: ImportOptions) throws -> ImportReport {
        let interruption = Interruption()
        var bar: ProgressBar?
        defer { bar?.clear() }
        do throws(ImportError) {
            return try DataImporter(format, options: options).run(from: source, into: root) {
                step in
                bar = bar ?? ProgressBar(total: step.total)
                bar?.show(done: step.done, name: step.file)
                return !interruption.isRequested
            }
        } catch {
            bar?.clear()
            switch error {
            case .interrupted: throw ExitError(.interrupted, "\(error)")
            case .exists, .overlap, .cannotWrite: throw ExitError(.output, "\(error)")
            case .notOfTheForm, .unreadable, .wrongOption:
                throw ExitError(.input, "\(error)")
            }
        }
    }

    /// The report as lines of text.
    private func text(_ report: ImportReport) -> String {
        var lines: [String] = []
        lines += report.remarks.map { "note: \($0)" }
        lines += report.problems.map { "left out: \($0)" }
        lines += report.notes.map { "note: \($0)" }
        let splits = Split.allCases.compactMap { split in
            report.splits[split].map { "\(split.rawValue) \($0)" }
        }
        lines.append(
            "\(report.dataset): \(report.images) images (\(splits.joined(separator: ", "))),"
                + " \(report.empty) with an empty mask, \(report.measured) with mm per pixel,"
                + " \(report.problems.count) left out")
        if report.images > 0 {
            let classes = report.classNames.enumerated().map { "\($0 + 1) = \($1)" }
            lines.append("classes: \(classes.joined(separator: ", "))")
            if !report.hasSplit {
                lines.append(
                    "all images are in train: 'samus data split \(root) --set \(report.dataset) --force'"
                        + " makes val and test")
            }
        }
        return lines.map { $0.visibleLine + "\n" }.joined()
    }
}

extension ImportFormat: ExpressibleByArgument {}

/// Grey values separated by commas.
struct GreyValues {
    let values: [Int]

    init(_ text: String) throws {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        values = parts.compactMap { Int($0) }
        guard values.count == parts.count else {
            throw ValidationError("'\(text)': numbers separated by commas are needed")
        }
    }
}
