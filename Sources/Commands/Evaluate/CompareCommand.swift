import ArgumentParser
import Datasets
import Evaluation
import FileIO
import Foundation
import Imaging
import Metrics

/// `samus compare`: compares two reports on the same data case by case.
public struct CompareCommand: ParsableCommand {
    /// The name, the help text and examples.
    public static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare two reports of 'samus evaluate' case by case.",
        usage: "samus compare A/report.json B/report.json [--metric dice] [--output DIR]",
        discussion: """
            For each prompt, data set and class the output has both means, the mean difference \
            B - A with its paired bootstrap interval, Wilcoxon's signed-rank test and effect \
            sizes, as a Markdown table. DIR gets comparison.md, comparison.json and \
            comparison.png: B over A, one point for each case.

            Both reports must have the same data, resolution, prompts and random clicks; where \
            one has more prompts, select the common ones with --prompt. Cases that are in one \
            report only are listed, and the exit code is 1.

            Research use only, not a medical device.
            """)

    @Argument(help: "Report A, the one to compare with.", completion: .file(extensions: ["json"]))
    var first: String

    @Argument(help: "Report B, the one that is compared.", completion: .file(extensions: ["json"]))
    var second: String

    @Option(help: "The metric that is compared.")
    var metric = MaskMetric.dice

    @Option(
        help: ArgumentHelp(
            "Compare only these prompts, written as for 'samus evaluate'.", valueName: "list")
    )
    var prompt: [PromptStrategyList] = []

    @Option(help: ArgumentHelp("Seed for the bootstrap.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Also write the comparison to this folder.", valueName: "dir"),
        completion: .directory)
    var output: String?

    @Flag(help: "Replace files that exist.")
    var force = false

    /// The command, to be filled by the parser.
    public init() {}

    /// Compares, writes the files and prints the table.
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
        print(comparison.markdown, terminator: "")
        guard comparison.unpaired.isEmpty else {
            throw ExitError(
                .someImages,
                "\(comparison.unpaired.count) cases are in one report only")
        }
    }

    private func write(_ comparison: Comparison, to folder: OutputFolder) throws {
        let markdown = folder.file("comparison.md")
        let plot = folder.file("comparison.png")
        let json = folder.file("comparison.json")
        try folder.check([markdown, plot, json], force: force)
        try folder.make()
        let comment = "samus \(ProgramVersion.current); \(ResearchNotice.text)"
        try withExitStatus(.output) {
            var set = AtomicFileSet()
            try set.add(Array(comparison.markdown.utf8), at: markdown.path)
            try set.add(comparison.plot().encodedPNG(comment: comment), at: plot.path)
            try set.add(comparison.json(), at: json.path)
            try set.commit()
        }
    }
}

extension MaskMetric: ExpressibleByArgument {}
