import ArgumentParser
import Foundation
import Imaging
import Ultrasound

/// `samus data check`: what is wrong with data sets before anything is trained on them.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look for what is wrong with data sets.",
        discussion: """
            Reads all lists of ROOT/MainPatient and every picture and label that they name, and \
            changes nothing. Errors: lines that mean nothing, missing and unreadable files, \
            pictures and labels of different sizes, label values that are no class, the same \
            picture or patient in two splits, lists that differ. Warnings: empty masks, equal \
            pictures in a split, repeated lines, pictures that no list names, absent lists.

            Exit codes: 0 no errors; 1 errors, or with --strict warnings; 66 this is no data in \
            the layout; 73 the sheet cannot be written; 130 interrupted.

            Research use only, not a medical device.
            """)

    @Argument(help: "The folder of all data sets.", completion: .directory)
    var root: String
    @Option(
        help: "Draw a few pictures of each set with the edges of their labels: a PNG file.",
        completion: .file(extensions: ["png"]))
    var sheet: String?
    @Option(help: "How many pictures of each set the sheet has.")
    var perSet = 5
    @Flag(help: "Replace the sheet where it exists.")
    var force = false
    @Flag(help: "Print everything as JSON.")
    var json = false
    @Flag(help: "Exit with 1 on warnings too.")
    var strict = false

    func validate() throws {
        guard (1...50).contains(perSet) else { throw ValidationError("--per-set is 1 to 50") }
        if let sheet, !sheet.lowercased().hasSuffix(".png") {
            throw ValidationError("'\(sheet)' is written as PNG: give it a name that ends in .png")
        }
    }

    func run() throws {
        if let sheet, !force, FileManager.default.fileExists(atPath: sheet) {
            throw Failure.output.because(
                "'\(sheet.visibleLine)' exists: --force replaces it, another --sheet does not")
        }
        let data = try Failure.input.guarding { try UltrasoundData(root: root) }
        let report = try checked(data)
        if let sheet {
            let drawn = try Failure.input.guarding {
                try SampleSheet.draw(data, perSet: perSet)
            }
            try Failure.output.guarding { try drawn?.write(to: sheet) }
        }
        print(json ? try CheckText.json(report, root: root) : CheckText.table(report))
        if !report.errors.isEmpty || strict && !report.warnings.isEmpty {
            throw ExitCode(Failure.somePictures.rawValue)
        }
    }

    private func checked(_ data: UltrasoundData) throws -> DataReport {
        let interruption = Interruption()
        var bar: ProgressBar?
        defer { bar?.clear() }
        let report = try Failure.input.guarding {
            try DataCheck(data).run { step in
                bar = bar ?? ProgressBar(total: step.total)
                bar?.show(done: step.done, name: step.picture)
                return !interruption.isRequested
            }
        }
        guard let report else {
            bar?.clear()
            throw Failure.interrupted.because("stopped before all was looked at")
        }
        return report
    }
}
