import ArgumentParser
import Datasets
import Foundation
import Imaging

/// `samus data`: what is done to data sets.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Work on data sets in the US30K layout.",
        subcommands: [
            CheckCommand.self, SplitCommand.self, ImportCommand.self, PreviewCommand.self,
        ])
}

/// `samus data split`: lists by patient.
struct SplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split", abstract: "Divide data sets into train, val and test by patient.",
        discussion: """
            Writes ROOT/MainPatient/{train,val,test}.txt and one of each for every data set. \
            Images of one patient stay together where index.csv or their names tell, and so do \
            equal images. Each data set is divided by itself; the same seed gives the same \
            lists. Lists that are there are kept unless --force is given: a split that was \
            published with the data is better than a new one.

            Research use only, not a medical device.
            """)

    @Argument(help: "The folder of all data sets.", completion: .directory)
    var root: String
    @Option(help: "Share of the images for val.")
    var val = 0.1
    @Option(help: "Share of the images for test.")
    var test = 0.2
    @Option(help: "Another seed gives another division.")
    var seed: UInt64 = 0
    @Option(help: "Divide only this data set. Repeatable.")
    var set: [String] = []
    @Flag(help: "Replace lists that are there.")
    var force = false
    @Flag(help: "Say what would be written, and write nothing.")
    var dryRun = false

    func validate() throws {
        guard val >= 0, test >= 0, val + test <= 1 else {
            throw ValidationError("--val and --test are shares: 0 or more, and together at most 1")
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
                    ? "; \(unknown) of unknown patients: each stands for itself" : "")
        }
        let names = split.lists.map(\.name).joined(separator: " ")
        lines.append((dryRun ? "would write: " : "written: ") + names)
        return lines.map { $0.visibleLine + "\n" }.joined()
    }
}
