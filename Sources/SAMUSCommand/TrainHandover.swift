import ArgumentParser

/// `samus train`, which only `samus-train` can run.
struct TrainHandover: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train SAMUS, AutoSAMUS or LiteMedSAM's decoder.")

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        try Handover.toTrain()
    }
}
