import ArgumentParser
import Datasets
import FileIO
import Foundation
import Imaging

/// `samus data`: prepares datasets.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Prepare datasets in the US30K layout.",
        subcommands: [
            CheckCommand.self, SplitCommand.self, ImportCommand.self, ExportDataCommand.self,
            PreviewCommand.self,
        ])
}

/// `samus data split`: lists by patient.
struct SplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split", abstract: "Split datasets into train, val and test by patient.",
        discussion: """
            Writes ROOT/MainPatient/{train,val,test}.txt and the lists of each dataset. Images of \
            one patient (from index.csv, --patient-pattern or file names) stay together, and so do equal images. \
            Each dataset is split independently; the same seed gives the same lists. Existing \
            lists are replaced only with --force: prefer a published split.

            Research use only, not a medical device.
            """)

    @Argument(help: "The folder of all datasets.", completion: .directory)
    var root: String
    @Option(help: "Fraction of the images for val.")
    var val = 0.1
    @Option(help: "Fraction of the images for test.")
    var test = 0.2
    @Option(help: "Seed of the random split.")
    var seed: UInt64 = 0
    @Option(help: "Split only this dataset. Repeatable.")
    var set: [String] = []
    @OptionGroup var patients: PatientOptions
    @Flag(help: "Replace existing lists.")
    var force = false
    @Flag(help: "Print the split and write nothing.")
    var dryRun = false

    func validate() throws {
        guard val >= 0, test >= 0, val + test <= 1 else {
            throw ValidationError("--val and --test must be 0 or more, and together at most 1")
        }
    }

    func run() throws {
        let data = try withExitStatus(.input) {
            try DatasetCollection(root: root, patientPattern: patients.pattern)
        }
        let split = try makeSplit(data)
        if !dryRun {
            do throws(SplitError) {
                try split.write()
            } catch {
                throw Self.exitError(error)
            }
        }
        Terminal.print(text(split), terminator: "")
    }

    private func makeSplit(_ data: DatasetCollection) throws -> DatasetSplit {
        var options = SplitOptions()
        (options.val, options.test, options.seed) = (val, test, seed)
        options.datasets = set
        options.replaces = force || dryRun
        let interruption = Interruption()
        var bar: ProgressBar?
        defer { bar?.clear() }
        do throws(SplitError) {
            return try DatasetSplit(data, options: options) { step in
                bar = bar ?? ProgressBar(total: step.total)
                bar?.show(done: step.done, name: step.image)
                return !interruption.isRequested
            }
        } catch {
            bar?.clear()
            throw Self.exitError(error)
        }
    }

    private static func exitError(_ error: SplitError) -> ExitError {
        switch error {
        case .data, .unusable, .changed: ExitError(.input, "\(error)")
        case .listsExist, .cannotWrite: ExitError(.output, "\(error)")
        case .interrupted: ExitError(.interrupted, "\(error)")
        }
    }

    private func text(_ split: DatasetSplit) -> String {
        var lines = split.parts.map { part in
            let counts = Split.allCases.map { split in
                "\(split.rawValue) \(counted(part.images[split] ?? 0, "image"))"
                    + " in \(counted(part.groups[split] ?? 0, "group"))"
            }
            let unknown = part.withoutPatient
            return "\(part.dataset): \(counts.joined(separator: ", "))"
                + (unknown > 0
                    ? "; \(counted(unknown, "image")) of unknown patients, each a group of its own"
                    : "")
        }
        lines += split.parts.flatMap(warnings)
        let names = split.lists.map(\.name).joined(separator: " ")
        lines.append((dryRun ? "would write: " : "written: ") + names)
        return lines.map { $0.visibleLine + "\n" }.joined()
    }

    /// What is wrong with a dataset's table and files, and splits that have no image.
    private func warnings(_ part: DatasetSplit.Part) -> [String] {
        let fractions: [(split: Split, fraction: Double)] = [(.val, val), (.test, test)]
        let empty = fractions.filter { $0.fraction > 0 && (part.images[$0.split] ?? 0) == 0 }
        return part.findings.map { "warning: \($0.kind.rawValue): \($0.place): \($0.text)" }
            + empty.map { split, fraction in
                "warning: \(part.dataset): \(split.rawValue) has no image: a fraction of"
                    + " \(fraction.formatted()) needs more patients or images"
            }
    }
}

/// Where patients come from besides `index.csv`.
struct PatientOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The patient in an image's name, where index.csv gives none: a regular expression whose "
                + "first group is the patient, for example '^(\\d+)_'.", valueName: "regex"),
        transform: PatientExpression.init)
    var patientPattern: PatientExpression?

    var pattern: PatientPattern? { patientPattern?.pattern }
}

/// A regular expression on the command line.
struct PatientExpression {
    let pattern: PatientPattern

    init(_ text: String) throws {
        do {
            pattern = try PatientPattern(text)
        } catch {
            throw ValidationError("'\(text)' is not a regular expression: \(error)")
        }
    }
}
