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

    /// The instruction sets that the speed of matrix products depends on.
    public static let notable = [
        "sse4_2", "avx", "avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16",
        "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimddp", "fphp", "i8mm",
        "bf16", "sve",
    ]

    /// The instruction sets of ``notable`` that it has.
    public var notableFeatures: [String] { Self.notable.filter(features.contains) }

    /// Whether it multiplies bfloat16 numbers; without it programs convert each number.
    public var hasBFloat16: Bool {
        #if os(macOS)
            true
        #else
            !features.isDisjoint(with: ["avx512_bf16", "amx_bf16", "bf16"])
        #endif
    }

    /// Whether it sums products of 8-bit integers in one instruction; without it a model in 8-bit
    /// integers can be slower than in float32.
    public var hasIntegerDotProduct: Bool {
        #if os(macOS)
            true
        #else
            !features.isDisjoint(with: ["avx512_vnni", "avx_vnni", "amx_int8", "asimddp"])
        #endif
    }
}

/// The memory of this machine, in bytes.
public struct SystemMemory: Equatable, Sendable {
    /// Installed memory.
    public let total: Int
    /// What programs can still take; nil where the system does not say.
    public let available: Int?
    /// The limit of the container or service that this process runs in; nil without one.
    public let limit: Int?

    /// The memory of this machine.
    public static var current: SystemMemory {
        func read(_ path: String) -> String {
            (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        }
        return SystemMemory(
            description: read("/proc/meminfo"), limit: read("/sys/fs/cgroup/memory.max"))
    }

    /// Reads the kernel's descriptions.
    ///
    /// - Parameters:
    ///   - description: text of `/proc/meminfo`; if it is empty, the total is Foundation's.
    ///   - limit: text of the control group's `memory.max`: a number of bytes, or `max`.
    public init(description: String, limit: String) {
        func bytes(_ key: String) -> Int? {
            let line = description.split(separator: "\n").first { $0.hasPrefix(key + ":") }
            let number = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            return number.flatMap { $0 < Int.max >> 10 ? $0 << 10 : nil }
        }
        total = bytes("MemTotal") ?? Int(clamping: ProcessInfo.processInfo.physicalMemory)
        available = bytes("MemAvailable")
        self.limit = Int(limit.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
