import Foundation

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
