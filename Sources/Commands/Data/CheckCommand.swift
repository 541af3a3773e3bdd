import ArgumentParser
import Datasets
import FileIO
import Foundation
import Imaging

/// `samus data check`: finds errors in datasets before training.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Find errors in datasets.",
        discussion: """
            Reads all lists of ROOT/MainPatient and every listed image and label, and changes \
            nothing. Errors: unreadable lines, missing and damaged files, images and labels of \
            different sizes, label values that are not a class, the same image or patient in two \
            splits, lists that differ, contradictions in index.csv, two files of one name. \
            Warnings: empty masks, grey values between background and object, equal images in a \
            split, repeated lines, rows of index.csv without an image or with an unreadable pixel \
            size, files that are not images, unlisted images, absent lists.

            Exit codes: 0 no errors; 1 errors, or with --strict warnings; 66 no data in the US30K \
            layout; 73 the sheet cannot be written; 130 interrupted.

            Research use only, not a medical device.
            """)

    @Argument(help: "The folder of all datasets.", completion: .directory)
    var root: String
    @OptionGroup var patients: PatientOptions
    @Option(
        help: "A PNG file for a sheet: images of each dataset with the outlines of their labels.",
        completion: .file(extensions: ["png"]))
    var sheet: String?
    @Option(help: "Number of images of each dataset on the sheet.")
    var perSet = 5
    @Flag(help: "Replace an existing sheet.")
    var force = false
    @Flag(help: "Print everything as JSON.")
    var json = false
    @Flag(help: "Exit with code 1 for warnings too.")
    var strict = false

    func validate() throws {
        guard (1...50).contains(perSet) else { throw ValidationError("--per-set is 1 to 50") }
        if let sheet, !sheet.lowercased().hasSuffix(".png") {
            throw ValidationError("'\(sheet)' is written as PNG: give it a name that ends in .png")
        }
    }

    func run() throws {
        let file = sheet.map(OutputFile.init)
        try file?.check(force: force, option: "--sheet")
        let data = try withExitStatus(.input) {
            try DatasetCollection(root: root, patientPattern: patients.pattern)
        }
        try file?.checkIsNoInput(of: data, option: "--sheet")
        let report = try checked(data)
        if let sheet {
            let drawn = try withExitStatus(.input) {
                try SampleSheet.draw(data, perSet: perSet)
            }
            try withExitStatus(.output) { try drawn?.write(to: sheet) }
        }
        if json {
            Terminal.print(json: try CheckText.json(report, root: root))
        } else {
            Terminal.print(CheckText.table(report))
        }
        if !report.errors.isEmpty || strict && !report.warnings.isEmpty {
            throw ExitError(.someImages)
        }
    }

    private func checked(_ data: DatasetCollection) throws -> DatasetReport {
        let interruption = Interruption()
        var bar: ProgressBar?
        defer { bar?.clear() }
        let report = try withExitStatus(.input) {
            try DatasetCheck(data).run { step in
                bar = bar ?? ProgressBar(total: step.total)
                bar?.show(done: step.done, name: step.image)
                return !interruption.isRequested
            }
        }
        guard let report else {
            bar?.clear()
            throw ExitError(.interrupted, "stopped before all images were checked")
        }
        return report
    }
}

/// The report of a check as text and as JSON.
enum CheckText {
    /// Largest number of printed findings of one kind; JSON has all.
    private static let maximumCount = 10

    /// A block for each dataset, then the findings, then their number.
    static func table(_ report: DatasetReport) -> String {
        var lines = report.datasets.flatMap(block)
        for kind in DatasetFinding.Kind.allCases {
            let found = report.findings.filter { $0.kind == kind }
            let severity = kind.isError ? "error" : "warning"
            lines += found.prefix(maximumCount).map {
                "\(severity): \(kind.rawValue): \($0.place): \($0.text)"
            }
            if found.count > maximumCount {
                lines.append(
                    "\(severity): \(kind.rawValue): \(found.count - maximumCount) more (--json has all)"
                )
            }
        }
        lines.append(
            "\(counted(report.errors.count, "error")), "
                + "\(counted(report.warnings.count, "warning")); \(ResearchNotice.text)"
        )
        return lines.map(\.visibleLine).joined(separator: "\n")
    }

    private static func block(_ set: DatasetReport.Dataset) -> [String] {
        var sizes = zip(set.widths, set.heights).map { "\($0)x\($1)" }
        if Set(sizes).count == 1 { sizes.removeLast() }
        var lines = [
            "\(set.name): \(counted(set.images, "image")), "
                + (set.classes == 2 ? "1 class" : "\(set.classes - 1) classes")
                + (sizes.isEmpty ? "" : ", \(sizes.joined(separator: " to ")) pixels")
                + ", mm per pixel for \(set.withSpacing), patient for \(set.withPatient)"
                + (set.unlisted > 0 ? ", \(set.unlisted) in no list" : "")
        ]
        for part in set.splits {
            let classes = part.samples.indices.map { index in
                let empty = part.empty[index] > 0 ? " (\(part.empty[index]) empty)" : ""
                return "class \(index + 1): \(part.samples[index])\(empty)"
            }
            lines.append(
                "  \(part.split.rawValue.padding(toLength: 6, withPad: " ", startingAt: 0))"
                    + "\(counted(part.images, "image")), "
                    + (part.patients == 0
                        ? "patients unknown; " : "\(counted(part.patients, "patient")); ")
                    + classes.joined(separator: ", "))
        }
        return lines
    }

    /// - Throws: errors of the encoder.
    static func json(_ report: DatasetReport, root: String) throws -> String {
        struct Whole: Encodable {
            let notice = ResearchNotice.text
            let root: String
            let errors: Int
            let warnings: Int
            let report: DatasetReport
        }
        let whole = Whole(
            root: root, errors: report.errors.count, warnings: report.warnings.count,
            report: report)
        return String(decoding: try JSON.encode(whole, style: .indented).dropLast(), as: UTF8.self)
    }
}
