import ArgumentParser
import Foundation

/// `samus bench`: how fast a model runs on this machine.
public struct BenchCommand: ParsableCommand {
    /// Name and words.
    public static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure how fast a model runs on this machine.",
        discussion: """
            Encodes an image of noise again and again, and decodes a click and 64 clicks on it. \
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
        let figures = try withExitStatus(.unavailable) {
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

/// What `samus bench` finds; times are seconds.
struct BenchFigures: Encodable {
    struct Times: Encodable {
        let min: Double
        let median: Double
    }

    let model: String
    let sha256: String
    let versions: [String: String]
    let device: String
    let precision: String
    /// nil for one for each core.
    let threads: Int?
    /// From opening the model to an engine that is ready.
    let start: Double
    /// From opening the model to the first embedding.
    let firstEmbedding: Double
    /// Whether compiled models were in the cache; nil where there is none.
    let isWarm: Bool?
    let encode: Times
    /// One click; of a model that finds its object, that object.
    let decode: Times
    let decodeClicks64: Times?
    /// Of starting, encoding and single products of the limit.
    let peakMegabytes: Double
    /// Floating-point operations a second while encoding, in units of 10^9.
    let encodeGigaflops: Double?
    /// The same of large matrix products.
    let limitGigaflops: Double?
    let shareOfLimit: Double?

    /// For a person.
    var table: String {
        let runtime = versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        var rows = [
            ("model", "\(model) (SHA-256 \(sha256.prefix(12))…)"),
            (
                "runs on",
                "\(device), \(precision), \(threads.map { "\($0) threads" } ?? "all threads"), "
                    + runtime.joined(separator: ", ")
            ),
            ("start", seconds(start) + (isWarm.map { $0 ? ", warm" : ", cold" } ?? "")),
            ("first embedding", seconds(firstEmbedding) + " after the start"),
            ("encode", text(encode)),
            ("decode", text(decode)),
        ]
        if let decodeClicks64 { rows.append(("64 clicks", text(decodeClicks64))) }
        rows.append(("peak memory", String(format: "%.0f MB", peakMegabytes)))
        if let limitGigaflops {
            rows.append(("machine's limit", String(format: "%.0f GFLOP/s", limitGigaflops)))
        }
        if let encodeGigaflops {
            let share = shareOfLimit.map { String(format: ", %.0f %% of the limit", 100 * $0) }
            rows.append(
                ("encode's rate", String(format: "%.0f GFLOP/s", encodeGigaflops) + (share ?? "")))
        }
        return rows.map { name, value in
            name.padding(toLength: 17, withPad: " ", startingAt: 0) + value.visibleLine
        }
        .joined(separator: "\n")
    }

    private func text(_ times: Times) -> String {
        "\(seconds(times.min)) at best, \(seconds(times.median)) in the middle"
    }

    private func seconds(_ value: Double) -> String {
        value < 0.1
            ? String(format: "%.1f ms", 1000 * value) : String(format: "%.2f s", value)
    }
}
