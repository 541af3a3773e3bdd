import Foundation

/// The processor of this machine, as far as speed and precision depend on it.
public struct Processor: Equatable, Sendable {
    /// The manufacturer's name, as `AMD EPYC 9J14`.
    public let name: String
    /// Names of its instruction sets, as the Linux kernel writes them.
    public let features: Set<String>

    /// The processor of this machine.
    public static let current = Processor(
        description: (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "")

    /// Reads the description of a processor.
    ///
    /// - Parameter description: text of `/proc/cpuinfo`; without a known line the processor has no
    ///   features.
    public init(description: String) {
        var values: [String: String] = [:]
        for line in description.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let key = parts[0].trimmingCharacters(in: .whitespaces)
            if values[key] == nil { values[key] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        name = values["model name"] ?? "unknown processor"
        let list = values["flags"] ?? values["Features"] ?? ""
        features = Set(list.split(separator: " ").map(String.init))
    }

    /// Whether it multiplies bfloat16 numbers; without it programs convert each number.
    public var hasBFloat16: Bool {
        #if os(macOS)
            true
        #else
            !features.isDisjoint(with: ["avx512_bf16", "amx_bf16", "bf16"])
        #endif
    }
}
