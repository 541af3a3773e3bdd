import ArgumentParser
import Datasets
import Foundation
import Imaging

/// `samus data check`: finds errors in data sets before a model is trained on them.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Find errors in data sets.",
        discussion: """
            Reads all lists of ROOT/MainPatient and every image and label in them; changes \
            nothing. Errors: malformed lines, missing and unreadable files, images and labels of \
            different sizes, label values that are not a class, the same image or patient in two \
            splits, lists that contradict each other. Warnings: empty masks, identical images in \
            a split, repeated lines, images that are in no list, missing lists.

            Exit codes: 0 no errors; 1 errors, or with --strict warnings; 66 no data set in this \
            layout; 73 the sheet cannot be written; 130 interrupted.

            Research use only, not a medical device.
            """)

    @Argument(help: "The folder with all data sets.", completion: .directory)
    var root: String
    @Option(
        help: "Draw a few images of each data set with the outlines of their labels: a PNG file.",
        completion: .file(extensions: ["png"]))
    var sheet: String?
    @Option(help: "Images of each data set on the sheet.")
    var perSet = 5
    @Flag(help: "Replace a sheet that exists.")
    var force = false
    @Flag(help: "Print all findings as JSON.")
    var json = false
    @Flag(help: "Exit with code 1 for warnings too.")
    var strict = false

    func validate() throws {
        guard (1...50).contains(perSet) else {
            throw ValidationError("--per-set: a number from 1 to 50 is needed")
        }
        if let sheet, !sheet.lowercased().hasSuffix(".png") {
            throw ValidationError("'\(sheet)' is written as PNG: its name must end in .png")
        }
    }

    func run() throws {
        if let sheet, !force, FileManager.default.fileExists(atPath: sheet) {
            throw ExitError(
                .output,
                "'\(sheet.visibleLine)' exists already: add --force to replace it, or choose another --sheet"
            )
        }
        let data = try withExitStatus(.input) { try UltrasoundData(root: root) }
        let report = try checked(data)
        if let sheet {
            let drawn = try withExitStatus(.input) {
                try SampleSheet.draw(data, perSet: perSet)
            }
            try withExitStatus(.output) { try drawn?.write(to: sheet) }
        }
        print(json ? try CheckText.json(report, root: root) : CheckText.table(report))
        if !report.errors.isEmpty || strict && !report.warnings.isEmpty {
            throw ExitError(.someImages)
        }
    }

    private func checked(_ data: UltrasoundData) throws -> DataReport {
        let interruption = Interruption()
        var bar: ProgressBar?
        defer { bar?.clear() }
        let report = try withExitStatus(.input) {
            try DataCheck(data).run { step in
                bar = bar ?? ProgressBar(total: step.total)
                bar?.show(done: step.done, name: step.image)
                return !interruption.isRequested
            }
        }
        guard let report else {
            bar?.clear()
            throw ExitError(.interrupted, "interrupted: not all images are checked")
        }
        return report
    }
}

/// The report of a check as text and as JSON.
enum CheckText {
    /// How many findings of one kind are printed; the JSON has all of them.
    private static let maximumPrinted = 10

    /// A block for each data set, then the findings, then their number.
    static func table(_ report: DataReport) -> String {
        var lines = report.dataSets.flatMap(block)
        for kind in DataFinding.Kind.allCases {
            let found = report.findings.filter { $0.kind == kind }
            let severity = kind.isError ? "error" : "warning"
            lines += found.prefix(maximumPrinted).map {
                "\(severity): \(kind.rawValue): \($0.place): \($0.text)"
            }
            if found.count > maximumPrinted {
                lines.append(
                    "\(severity): \(kind.rawValue): \(found.count - maximumPrinted) more (--json has all)"
                )
            }
        }
        lines.append(
            "\(report.errors.count) errors, \(report.warnings.count) warnings; \(ResearchNotice.text)"
        )
        return lines.map(\.visibleLine).joined(separator: "\n")
    }

    private static func block(_ set: DataReport.DataSet) -> [String] {
        var sizes = zip(set.widths, set.heights).map { "\($0)x\($1)" }
        if Set(sizes).count == 1 { sizes.removeLast() }
        var lines = [
            "\(set.name): \(set.images) images, \(set.classes - 1) "
                + (set.classes == 2 ? "class" : "classes")
                + (sizes.isEmpty ? "" : ", \(sizes.joined(separator: " to ")) pixels")
                + ", mm per pixel for \(set.measured), patient for \(set.withPatient)"
                + (set.unlisted > 0 ? ", \(set.unlisted) in no list" : "")
        ]
        for part in set.splits {
            let classes = part.samples.indices.map { index in
                let empty = part.empty[index] > 0 ? " (\(part.empty[index]) empty)" : ""
                return "class \(index + 1): \(part.samples[index])\(empty)"
            }
            lines.append(
                "  \(part.split.rawValue.padding(toLength: 6, withPad: " ", startingAt: 0))"
                    + "\(part.images) images, \(part.patients) patients; "
                    + classes.joined(separator: ", "))
        }
        return lines
    }

    /// - Throws: what the encoder says.
    static func json(_ report: DataReport, root: String) throws -> String {
        struct Whole: Encodable {
            let notice = ResearchNotice.text
            let root: String
            let errors: Int
            let warnings: Int
            let report: DataReport
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let whole = Whole(
            root: root, errors: report.errors.count, warnings: report.warnings.count,
            report: report)
        return String(decoding: try encoder.encode(whole), as: UTF8.self)
    }
}
