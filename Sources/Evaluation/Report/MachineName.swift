import Foundation

/// The computer's name in a report of times.
enum MachineName {
    /// Processor, number of cores and system.
    static var current: String {
        let process = ProcessInfo.processInfo
        let processor = processorName ?? "unknown processor"
        return "\(processor), \(process.activeProcessorCount) cores, "
            + process.operatingSystemVersionString
    }

    private static var processorName: String? {
        #if os(Linux)
            let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
            return line?.split(separator: ":", maxSplits: 1).last
                .map { $0.trimmingCharacters(in: .whitespaces) }
        #else
            var bytes = [UInt8](repeating: 0, count: 256)
            var count = bytes.count
            guard sysctlbyname("machdep.cpu.brand_string", &bytes, &count, nil, 0) == 0 else {
                return nil
            }
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        #endif
    }
}
