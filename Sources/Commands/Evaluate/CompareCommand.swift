import ArgumentParser
import Datasets
import Evaluation
import FileIO
import Foundation
import Imaging
import MaskMetrics

/// `samus compare`: two reports on the same data, case by case.
public struct CompareCommand: ParsableCommand {
    /// The name, the help text and examples.
    public static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare two reports of 'samus evaluate' case by case.",
        usage: "samus compare A/report.json B/report.json [--metric dice] [--output DIR]",
        discussion: """
            Prints, for each prompt, dataset and class, both means, the mean difference B - A with its \
            paired bootstrap interval, Wilcoxon's signed-rank test, and effect sizes, as Markdown. \
            DIR gets comparison.md, comparison.json, and comparison.png, a scatter plot of B \
            over A.

            Reports with different data, resolution, prompts or random clicks are refused; \
            --prompt selects prompts that both have. Cases that only one report has are listed, \
            and the exit code is 1.

            Research use only, not a medical device.
            """)

    @Argument(help: "Report A, the reference.", completion: .file(extensions: ["json"]))
    var first: String

    @Argument(help: "Report B, which is compared with A.", completion: .file(extensions: ["json"]))
    var second: String

    @Option(help: "The metric to compare.")
    var metric = MaskMetric.dice

    @Option(
        help: ArgumentHelp("Only these prompts, as 'samus evaluate' takes them.", valueName: "list")
    )
    var prompt: [PromptStrategyList] = []

    @Option(help: ArgumentHelp("Seed of the bootstrap.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("A folder for the comparison as files.", valueName: "dir"),
        completion: .directory)
    var output: String?

    @Flag(help: "Replace files that exist.")
    var force = false

    /// The command, to be filled by the parser.
    public init() {}

    /// Compares, prints and writes.
    public func run() throws {
        let prompts = prompt.flatMap(\.prompts)
        let comparison = try withExitStatus(.input) {
            try Comparison(
                EvaluationReport.read(first), EvaluationReport.read(second), metric: metric,
                prompts: prompts.isEmpty ? nil : prompts, seed: seed)
        }
        if let output {
            try write(comparison, to: OutputFolder(output))
        }
        Terminal.print(comparison.markdown, terminator: "")
        guard comparison.unpaired.isEmpty else {
            throw ExitError(
                .someImages,
                "\(counted(comparison.unpaired.count, "case")) in one report only")
        }
    }

    private func write(_ comparison: Comparison, to folder: OutputFolder) throws {
        let markdown = folder.file("comparison.md")
        let plot = folder.file("comparison.png")
        let json = folder.file("comparison.json")
        try withExitStatus(.output) { try FileTransaction.recover(in: folder.url.path) }
        try folder.check([markdown, plot, json], inputs: [first, second], force: force)
        try folder.make()
        let comment = "samus \(ProgramVersion.current); \(ResearchNotice.text)"
        try withExitStatus(.output) {
            var set = FileTransaction()
            try set.add(Array(comparison.markdown.utf8), at: markdown.path)
            try set.add(comparison.plot().encodedPNG(comment: comment), at: plot.path)
            try set.add(comparison.json(), at: json.path)
            try set.commit(holding: FolderLock(folder.url.path))
        }
    }
}

extension MaskMetric: ExpressibleByArgument {}
