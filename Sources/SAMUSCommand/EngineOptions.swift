import ArgumentParser

/// How an engine runs, as asked for on the command line.
public struct EngineOptions: ParsableArguments {
    /// The precision of the arithmetic.
    public enum Precision: String, ExpressibleByArgument, CaseIterable, Sendable {
        case f32, bf16
    }

    /// The kind of processor.
    public enum Processor: String, ExpressibleByArgument, CaseIterable, Sendable {
        case cpu, cuda, mps
    }

    /// The model, by name or file.
    @Option(
        name: .customLong("model"),
        help: ArgumentHelp(
            "A model's name, or a checkpoint file (.pth, .safetensors). (default: "
                + "\(ModelCatalog.standard.name))",
            discussion: "Known by name: \(ModelCatalog.names). Looked for in the folder that "
                + "SAMUS_MODELS names, and where set-up puts it.",
            valueName: "name|file"),
        completion: .file(extensions: ["pth", "safetensors"]))
    public var givenModel: String?

    /// The model to use: the one named, or the standard one.
    public var model: String { givenModel ?? ModelCatalog.standard.name }

    /// Threads.
    @Option(help: ArgumentHelp("Processor threads to use (default: all cores).", valueName: "n"))
    public var threads: Int?

    /// Precision.
    @Option(help: "Precision: f32, or bf16 (faster where the processor has it, outlines differ).")
    public var precision = Precision.f32

    /// Processor.
    @Option(help: "Where the model runs.")
    public var device = Processor.cpu

    /// Options as the parser makes them.
    public init() {}

    /// Checks what the parser cannot.
    public func validate() throws {
        guard let threads else { return }
        guard (1...1024).contains(threads) else {
            throw ValidationError("--threads \(threads): a number from 1 to 1024 is needed")
        }
    }
}
