import Checkpoints
import Foundation
import Torch

/// Seconds that a closure takes.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    return (ContinuousClock.now - start) / .seconds(1)
}

/// A figure of `/proc/self/status` in bytes, for example `VmRSS` or `VmHWM` (the peak); -1 where
/// the system does not report it.
func processMemory(_ key: String) -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix(key + ":") }
    let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first
    return kilobytes.flatMap { Int($0) }.map { $0 * 1024 } ?? -1
}

/// Loading a checkpoint once in a new process; the Swift side of `bench.py checkpoints`.
enum CheckpointBench {
    /// Reads and checks a file and copies all tensors out of it.
    ///
    /// - Parameter path: the file.
    /// - Returns: a line of seconds, bytes of all tensors, and bytes by which the peak of memory
    ///   exceeds that before.
    /// - Throws: `CheckpointError` when it cannot be read.
    static func load(_ path: String) throws -> String {
        // libtorch's own memory comes with the first tensor.
        _ = Tensor.zeros([1]) + 1
        let before = processMemory("VmRSS")
        var tensors: [Tensor] = []
        let seconds = try seconds {
            let checkpoint = try Checkpoint.read(path)
            tensors = try checkpoint.names.compactMap { name in
                try checkpoint[name].map { try Tensor($0) }
            }
        }
        let bytes = tensors.reduce(0) { $0 + $1.elementCount * $1.dtype.byteCount }
        return "\(seconds) \(bytes) \(processMemory("VmHWM") - before)"
    }
}
