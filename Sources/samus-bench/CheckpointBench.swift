import Checkpoints
import Foundation
import Torch
import TorchNN

/// Loads a checkpoint once, for Benchmarks/checkpoints, which looks at time and peak memory.
enum CheckpointBench {
    /// Reads and checks a file and copies all tensors out of it.
    ///
    /// - Parameter path: the file.
    /// - Returns: a line of seconds, bytes of all tensors, and bytes by which the process has grown
    ///   at its peak.
    /// - Throws: `CheckpointError` when it cannot be read.
    static func load(_ path: String) throws -> String {
        // libtorch's own memory comes with the first tensor, and is not the file's.
        _ = Tensor.zeros([1]) + 1
        let before = status("VmRSS:")
        let start = ContinuousClock.now
        let checkpoint = try Checkpoint.read(path)
        let tensors = try checkpoint.names.compactMap { name in
            try checkpoint[name].map { try Tensor($0) }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let bytes = tensors.reduce(0) { $0 + $1.elementCount * $1.dtype.byteCount }
        return "\(seconds) \(bytes) \(status("VmHWM:") - before)"
    }

    /// A figure of this process in bytes; -1 where the system does not tell.
    static func status(_ key: String) -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(key) }
        let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first
        return kilobytes.flatMap { Int($0) }.map { $0 * 1024 } ?? -1
    }
}
