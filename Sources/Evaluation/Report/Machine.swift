import Foundation

/// The computer that something ran on, as reports name it.
public struct Machine: Codable, Equatable, Sendable {
    /// The processor's name.
    public var processor: String
    /// Processors that the program may use.
    public var cores: Int
    /// Bytes of memory.
    public var memory: Int
    /// The system and its version.
    public var system: String
    /// The computer's name on the network.
    public var host: String

    /// This computer.
    ///
    /// - Returns: its figures; `unknown` where the system does not tell.
    public static func current() -> Machine {
        let information = ProcessInfo.processInfo
        return Machine(
            processor: processorName() ?? "unknown", cores: information.activeProcessorCount,
            memory: Int(clamping: information.physicalMemory), system: systemName(),
            host: information.hostName)
    }

    /// Processor, cores and system on one line, for a report of times.
    public var title: String { "\(processor), \(cores) cores, \(system)" }

    private static func processorName() -> String? {
        #if os(Linux)
            let keys = ["model name", "Hardware", "CPU part"]
            let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
            for key in keys {
                for line in lines.split(separator: "\n") where line.hasPrefix(key) {
                    return line.split(separator: ":", maxSplits: 1).last?
                        .trimmingCharacters(in: .whitespaces)
                }
            }
            return nil
        #else
            var bytes = [CChar](repeating: 0, count: 256)
            var count = bytes.count
            guard sysctlbyname("machdep.cpu.brand_string", &bytes, &count, nil, 0) == 0 else {
                return nil
            }
            return String(
                decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #endif
    }

    private static func systemName() -> String {
        let version = ProcessInfo.processInfo.operatingSystemVersionString
        #if os(Linux)
            let release = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)) ?? ""
            let name = release.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }
            let kernel = try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
            let system =
                name?.dropFirst("PRETTY_NAME=".count)
                .trimmingCharacters(in: CharacterSet(charactersIn: "\"")) ?? version
            let linux = kernel?.trimmingCharacters(in: .whitespacesAndNewlines)
            return system + (linux.map { ", Linux \($0)" } ?? "")
        #else
            return "macOS \(version)"
        #endif
    }
}
