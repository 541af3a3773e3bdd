import ArgumentParser
import Training

extension TrainCommand {
    /// Options that may be others when a run goes on: the result does not depend on them.
    static let free: Set = [
        "data", "embeddings", "embeddings-limit", "image-cache", "patience", "time-limit",
        "keep-every", "threads", "workers", "deterministic", "device", "licence",
    ]

    /// These options with those of another command line in their place where they may change.
    ///
    /// - Parameter given: the options beside `--resume`.
    /// - Returns: the options to go on with; a time limit is of one start alone.
    /// - Throws: `ValidationError` for one that the result depends on.
    func going(onWith given: TrainCommand) throws -> TrainCommand {
        var options = arguments
        options["time-limit"] = RunArgument.none
        for entry in given.arguments.entries
        where Self.isTyped(entry.name) && entry.value != options[entry.name] {
            guard Self.free.contains(entry.name) else {
                throw ValidationError(
                    "--\(entry.name) cannot change when a run goes on: begin another one for that")
            }
            options[entry.name] = entry.value
        }
        return try TrainCommand.parse(options.words)
    }

    /// Whether an option stands on the command line, also where its value is the usual one.
    private static func isTyped(_ name: String) -> Bool {
        CommandLine.arguments.contains { $0 == "--\(name)" || $0.hasPrefix("--\(name)=") }
    }
}
