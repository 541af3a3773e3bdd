import Dispatch
import Foundation
import Synchronization

/// Gives pages of files back to the system while a model is made ready.
///
/// OpenVINO maps the file of a compiled model and copies its weights, rearranged for the processor,
/// when they are first used: both would lie in memory at a time, twice the size of the model. Pages of
/// a mapping that nobody can write to are the file's own; dropped ones come back from the file, should
/// they be read again. Only Linux tells a process its mappings.
final class FilePages: Sendable {
    /// Milliseconds from one look to the next: a model of 500 MB is read in about 500.
    private static let pause = 30
    /// Mappings below this size are left alone.
    private static let least = 4 << 20

    private let isDone = Atomic(false)
    private let folders: [String]

    /// Starts to give back the pages of files below some folders, until ``stop()``.
    ///
    /// - Parameter folders: with links followed.
    init(below folders: [URL]) {
        self.folders = folders.map { $0.resolvingSymlinksInPath().path + "/" }
        #if os(Linux)
            DispatchQueue.global(qos: .utility).async { [self] in
                while !isDone.load(ordering: .relaxed) {
                    release()
                    usleep(UInt32(Self.pause * 1000))
                }
                release()
            }
        #endif
    }

    deinit {
        stop()
    }

    /// Ends it, after a last time.
    func stop() {
        isDone.store(true, ordering: .relaxed)
    }

    #if os(Linux)
        private func release() {
            for mapping in Mapping.all
            where !mapping.isWritable && mapping.count >= Self.least
                && folders.contains(where: mapping.path.hasPrefix)
            {
                // A mapping that went in the meantime is an error of the call, which changes nothing.
                madvise(
                    UnsafeMutableRawPointer(bitPattern: mapping.start), mapping.count,
                    MADV_DONTNEED)
            }
        }
    #endif
}

/// A line of `/proc/self/maps`: `start-end perms offset device inode path`.
struct Mapping: Equatable {
    let start: UInt
    let count: Int
    let isWritable: Bool
    let path: String

    init?(_ line: Substring) {
        let parts = line.split(separator: " ", maxSplits: 5)
        guard parts.count == 6 else { return nil }
        let ends = parts[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[1] > ends[0] else { return nil }
        start = ends[0]
        count = Int(ends[1] - ends[0])
        isWritable = parts[1].contains("w")
        path = String(parts[5].drop { $0 == " " })
    }

    /// Those of this process.
    ///
    /// The system gives the list a page at a time, so that a file read in one
    /// piece has only its beginning.
    static var all: [Mapping] {
        guard let file = fopen("/proc/self/maps", "r") else { return [] }
        defer { fclose(file) }
        var mappings: [Mapping] = []
        var line = [CChar](repeating: 0, count: Int(PATH_MAX) + 128)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(
                decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if let mapping = Mapping(text.drop { $0 == " " }.prefix { $0 != "\n" }) {
                mappings.append(mapping)
            }
        }
        return mappings
    }
}
