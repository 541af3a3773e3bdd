import ArgumentParser
import Datasets
import FileIO
import Foundation
import Imaging

/// `samus data import`: converts a dataset into the US30K layout.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Convert a dataset into the US30K layout.",
        discussion: """
            FORMAT is \(ImportFormat.allCases.map(\.rawValue).joined(separator: ", ")). SOURCE is \
            only read. The dataset is written to ROOT/<Dataset>, completely or not at all; its \
            lines in ROOT/MainPatient replace existing ones of its name. A published split is \
            used where there is one. Every file that is left out is named; the exit code is 1 if \
            one should have been imported.

            Research use only, not a medical device.
            """)

    @Argument(help: "The format of SOURCE.")
    var format: ImportFormat
    @Argument(help: "The unpacked original: a folder, or a COCO JSON file.", completion: .file())
    var source: String
    @Argument(help: "The folder of all datasets.", completion: .directory)
    var root: String
    @Option(help: "The name of the dataset in the layout, for example Breast-BUSI.")
    var name: String?
    @Flag(help: "Replace an existing dataset of that name.")
    var force = false
    @Option(help: "The published fold: TN3K 0 to 4, BUS-BRA 1 to 5.")
    var fold: Int?
    @Flag(help: "CAMUS: all frames of the half-sequences, not only end diastole and systole.")
    var sequences = false
    @Option(
        help:
            "Plain folders: the values of class 1, 2 and so on, as 85,170,255; one value: one class.",
        transform: GreyValues.init)
    var classValues: GreyValues?

    @OptionGroup var patients: PatientOptions

    func validate() throws {
        if fold != nil && format != .tn3k && format != .busbra {
            throw ValidationError("--fold is for tn3k and bus-bra")
        }
        if sequences && format != .camus { throw ValidationError("--sequences is for camus") }
        if classValues != nil && format != .folders {
            throw ValidationError("--class-values is for folders")
        }
    }

    func run() throws {
        var options = ImportOptions()
        options.dataset = name
        options.replaces = force
        options.fold = fold
        options.wholeSequences = sequences
        options.classValues = classValues?.values ?? []
        options.patientPattern = patients.pattern
        let report = try imported(options)
        Terminal.print(text(report), terminator: "")
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
            case .exists, .otherFiles, .overlap, .cannotWrite: throw ExitError(.output, "\(error)")
            case .wrongFormat, .unreadable, .wrongOption:
                throw ExitError(.input, "\(error)")
            }
        }
    }

    /// The report, one fact on each line.
    private func text(_ report: ImportReport) -> String {
        var lines: [String] = []
        lines += report.remarks.map { "note: \($0)" }
        lines += report.problems.map { "left out: \($0)" }
        lines += report.notes.map { "note: \($0)" }
        let splits = Split.allCases.compactMap { split in
            report.splits[split].map { "\(split.rawValue) \($0)" }
        }
        lines.append(
            "\(report.dataset): \(counted(report.images, "image")) (\(splits.joined(separator: ", "))),"
                + " \(report.empty) with an empty mask, \(report.withSpacing) with mm per pixel,"
                + " \(report.problems.count) left out")
        if report.images > 0 {
            let classes = report.classNames.enumerated().map { "\($0 + 1) = \($1)" }
            lines.append("classes: \(classes.joined(separator: ", "))")
            if !report.hasSplit {
                lines.append(
                    "all are in train: 'samus data split \(root) --set \(report.dataset) --force'"
                        + " makes val and test")
            }
        }
        return lines.map { $0.visibleLine + "\n" }.joined()
    }
}

extension ImportFormat: ExpressibleByArgument {}

/// Grey values, separated by commas.
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
