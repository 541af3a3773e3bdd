import ArgumentParser
import FileIO
import Foundation

/// `samus bench`: measures how fast a model runs on this machine.
public struct BenchCommand: ParsableCommand {
    /// The name and the help text.
    public static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure how fast a model runs on this machine.",
        discussion: """
            Encodes an image of noise repeatedly, and decodes one click and a batch of 64 clicks. \
            start is the time from opening the model until the engine is ready: warm when the \
            compiled model of a bundle was in the cache, cold when it had to be compiled.

            The peak GEMM rate of the machine is measured with large matrix products in \
            OpenVINO, at the same precision and number of threads, alternating with the \
            encodings; the best of each counts. The share of peak GEMM is printed for bundles \
            that state their number of operations.

            Compare only figures of one run: other programs on the machine make it slower.
            """)

    @Argument(
        help: "A model's name, a model bundle, or a checkpoint file (default: --model).",
        completion: .model)
    var name: String?

    @OptionGroup(title: "Model")
    var engine: EngineOptions

    @Option(
        name: .customLong("repeat"),
        help: ArgumentHelp("How many encodings to measure.", valueName: "n"))
    var repetitions = 10

    @Flag(help: "Print the results as JSON.")
    var json = false

    /// The command, to be filled by the parser.
    public init() {}

    /// Checks how the options go together.
    public func validate() throws {
        guard (1...10_000).contains(repetitions) else {
            throw ValidationError("--repeat \(repetitions): a number from 1 to 10000 is needed")
        }
        guard name == nil || engine.givenModel == nil else {
            throw ValidationError("give the model once: as an argument or with --model")
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
            let text = try JSON.encode(figures, style: .indented)
            Terminal.print(json: String(decoding: text, as: UTF8.self), terminator: "")
        } else {
            Terminal.print(figures.table)
        }
    }
}

/// The results of `samus bench`; durations in seconds.
struct BenchFigures: Encodable {
    struct Times: Encodable {
        let min: Double
        let median: Double
    }

    let model: String
    let sha256: String
    let versions: [String: String]
    /// Device and precision that ran, which can differ from those requested.
    let device: String
    let precision: String
    /// nil means one thread for each core.
    let threads: Int?
    /// From opening the model until the engine is ready.
    let start: Double
    /// From opening the model until the first image is encoded.
    let firstEmbedding: Double
    /// Whether the compiled model was in the cache; nil for engines without a cache.
    let isWarm: Bool?
    let encode: Times
    /// One click; for prompt-free models, the one object.
    let decode: Times
    let decodeClicks64: Times?
    /// Peak memory after the encodings, in 10^6 bytes.
    let peakMegabytes: Double
    /// Throughput of the encoder, in GFLOP/s.
    let encodeGigaflops: Double?
    /// Throughput of large matrix products, in GFLOP/s.
    let limitGigaflops: Double?
    let shareOfLimit: Double?

    /// The results as text.
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
            ("first encoding", seconds(firstEmbedding) + " after the start"),
            ("encode", text(encode)),
            ("decode", text(decode)),
        ]
        if let decodeClicks64 { rows.append(("64 clicks", text(decodeClicks64))) }
        rows.append(("peak memory", String(format: "%.0f MB", peakMegabytes)))
        if let limitGigaflops {
            rows.append(("peak GEMM", String(format: "%.0f GFLOP/s", limitGigaflops)))
        }
        if let encodeGigaflops {
            let share = shareOfLimit.map { String(format: ", %.0f %% of peak GEMM", 100 * $0) }
            rows.append(
                ("encoder", String(format: "%.0f GFLOP/s", encodeGigaflops) + (share ?? "")))
        }
        return rows.map { name, value in
            name.padding(toLength: 17, withPad: " ", startingAt: 0) + value.visibleLine
        }
        .joined(separator: "\n")
    }

    private func text(_ times: Times) -> String {
        "\(seconds(times.median)) median, \(seconds(times.min)) minimum"
    }

    private func seconds(_ value: Double) -> String {
        value < 0.1
            ? String(format: "%.1f ms", 1000 * value) : String(format: "%.2f s", value)
    }
}
