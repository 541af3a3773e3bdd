import ArgumentParser
import Datasets
import Foundation
import Imaging

/// `samus data`: prepares data sets.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Import, check, split and preview data sets in the US30K layout.",
        subcommands: [
            CheckCommand.self, SplitCommand.self, ImportCommand.self, PreviewCommand.self,
        ])
}

/// `samus data split`: divides data sets by patient.
struct SplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split", abstract: "Divide data sets into train, val and test by patient.",
        discussion: """
            Writes ROOT/MainPatient/{train,val,test}.txt and the same for each data set. Images \
            of one patient stay in one split, where index.csv or the names of the images tell \
            the patient; so do identical images. Every data set is divided separately, and the \
            same seed gives the same lists. Existing lists are only replaced with --force: \
            prefer a split that was published with the data.

            Research use only, not a medical device.
            """)

    @Argument(help: "The folder with all data sets.", completion: .directory)
    var root: String
    @Option(help: "Fraction of the images for validation.")
    var val = 0.1
    @Option(help: "Fraction of the images for the test set.")
    var test = 0.2
    @Option(help: "Seed of the random division.")
    var seed: UInt64 = 0
    @Option(help: "Divide only this data set. Repeatable.")
    var set: [String] = []
    @Flag(help: "Replace lists that exist.")
    var force = false
    @Flag(help: "Print what would be written, and write nothing.")
    var dryRun = false

    func validate() throws {
        guard val >= 0, test >= 0, val + test <= 1 else {
            throw ValidationError(
                "--val and --test are fractions: 0 or more, and together at most 1")
        }
    }

    func run() throws {
        let data = try withExitStatus(.input) { try UltrasoundData(root: root) }
        let split = try divided(data)
        if !dryRun {
            try withExitStatus(.output) { try split.write() }
        }
        print(text(split), terminator: "")
    }

    private func divided(_ data: UltrasoundData) throws -> DataSplit {
        var options = SplitOptions()
        (options.val, options.test, options.seed) = (val, test, seed)
        options.dataSets = set
        options.replaces = force || dryRun
        let interruption = Interruption()
        var bar: ProgressBar?
        defer { bar?.clear() }
        do throws(SplitError) {
            return try DataSplit(data, options: options) { step in
                bar = bar ?? ProgressBar(total: step.total)
                bar?.show(done: step.done, name: step.image)
                return !interruption.isRequested
            }
        } catch {
            bar?.clear()
            switch error {
            case .data, .unusable: throw ExitError(.input, "\(error)")
            case .listsExist, .cannotWrite: throw ExitError(.output, "\(error)")
            case .interrupted: throw ExitError(.interrupted, "\(error)")
            }
        }
    }

    private func text(_ split: DataSplit) -> String {
        var lines = split.parts.map { part in
            let counts = Split.allCases.map { split in
                "\(split.rawValue) \(part.images[split] ?? 0) images"
                    + " in \(part.groups[split] ?? 0) groups"
            }
            let unknown = part.withoutPatient
            return "\(part.dataset): \(counts.joined(separator: ", "))"
                + (unknown > 0
                    ? "; \(unknown) images without a known patient, each treated as a patient of its own"
                    : "")
        }
        let names = split.lists.map(\.name).joined(separator: " ")
        lines.append((dryRun ? "would write: " : "written: ") + names)
        return lines.map { $0.visibleLine + "\n" }.joined()
    }
}
