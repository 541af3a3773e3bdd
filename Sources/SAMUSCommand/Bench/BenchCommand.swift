import ArgumentParser
import Foundation

/// `samus bench`: how fast a model runs on this machine.
public struct BenchCommand: ParsableCommand {
    /// Name and words.
    public static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure how fast a model runs on this machine.",
        discussion: """
            Encodes a picture of noise again and again, and decodes a click and 64 clicks on it. \
            start is from opening the model to an engine that is ready: warm when a bundle's \
            compiled model was in the cache, cold when it had to be compiled. The machine's limit \
            is that of large matrix products in OpenVINO at the same precision and threads, in turn \
            with the encodings and as long, the best of each; its share is told for a model whose bundle says how many multiplications \
            an encoding takes. Compare figures of one run only: a machine that does something else \
            besides is slower.
            """)

    @Argument(
        help: "A model's name, a model bundle, or a checkpoint file (default: that of --model).",
        completion: .file(extensions: ["samus", "pth", "safetensors"]))
    var name: String?

    @OptionGroup(title: "Model")
    var engine: EngineOptions

    @Option(name: .customLong("repeat"), help: ArgumentHelp("Encodings to time.", valueName: "n"))
    var repetitions = 10

    @Flag(help: "Print the figures as JSON.")
    var json = false

    /// The command without arguments, as the parser makes it.
    public init() {}

    /// Checks what the parser cannot.
    public func validate() throws {
        guard (1...10_000).contains(repetitions) else {
            throw ValidationError("--repeat \(repetitions): a number from 1 to 10000 is needed")
        }
        guard name == nil || engine.givenModel == nil else {
            throw ValidationError("name the model once: as argument or with --model")
        }
    }

    /// Measures and prints.
    public func run() throws {
        var options = engine
        options.givenModel = name ?? engine.givenModel
        try options.handOverCheckpoints()
        let figures = try Failure.unavailable.guarding {
            try Bench(options: options, repetitions: repetitions).run()
        }
        if json {
            let encoder = JSONEncoder.results
            encoder.outputFormatting.insert(.prettyPrinted)
            print(String(decoding: try encoder.encode(figures), as: UTF8.self))
        } else {
            print(figures.table)
        }
    }
}
