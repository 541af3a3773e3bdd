import ArgumentParser

/// `samus data`: what is done to data sets.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Work on data sets in the US30K layout.",
        subcommands: [
            CheckCommand.self, SplitCommand.self, ImportCommand.self, PreviewCommand.self,
        ])
}
