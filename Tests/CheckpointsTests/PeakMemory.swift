import Foundation

/// Resident memory of this process in bytes; nil where the kernel does not tell.
enum PeakMemory {
    /// The largest since ``reset()``.
    static var peak: Int? { value(of: "VmHWM:") }
    static var current: Int? { value(of: "VmRSS:") }

    /// Returns freed memory to the system, and makes the peak what is resident then.
    static func reset() {
        // glibc's function, which Swift's module of it leaves out.
        if let trim = dlsym(nil, "malloc_trim") {
            _ = unsafeBitCast(trim, to: (@convention(c) (Int) -> Int32).self)(0)
        }
        try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
    }

    private static func value(of key: String) -> Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix(key) }),
            let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first
        else { return nil }
        return Int(kilobytes).map { $0 * 1024 }
    }
}
