import ArgumentParser

/// `samus export`, which only `samus-train` can run.
struct ExportHandover: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Turn a model into a bundle that runs without libtorch.")

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        try Handover.toTrain()
    }
}
