import Checkpoints
import FileIO
import Foundation

/// A disk cache of compiled models, for a fast start.
///
/// An entry is a folder whose name is the hash of everything that the compiled model depends on: the
/// file's path, size, modification time and SHA-256, OpenVINO's version, the device and the options.
/// The folder contains OpenVINO's file, and `entry.json`, which records that file's size and
/// modification time. If an entry differs from its `entry.json`, the model is compiled again. New
/// entries are written under a temporary name and renamed, so that concurrent programs do not
/// interfere. If the cache fails, the model is compiled without it.
///
/// Anyone who can write to the cache folder can change results.
package struct CompiledModelCache: Sendable {
    /// The folder of the entries.
    package let folder: URL
    /// Largest total size in bytes; the least recently used entries are removed first.
    package let limit: Int

    /// Creates a cache.
    ///
    /// - Parameters:
    ///   - folder: the folder of the entries; created when needed.
    ///   - limit: largest total size in bytes.
    package init(folder: URL, limit: Int = 4 << 30) {
        self.folder = folder
        self.limit = limit
    }

    /// The user's cache: the folder `SAMUS_CACHE`, else `samus` in `XDG_CACHE_HOME` or `~/.cache`.
    ///
    /// - Parameter environment: the process's environment.
    /// - Returns: nil if `SAMUS_CACHE` is empty, which disables the cache, or if there is no home folder.
    package static func standard(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> CompiledModelCache? {
        if let named = environment["SAMUS_CACHE"] {
            guard !named.isEmpty else { return nil }
            return CompiledModelCache(folder: URL(fileURLWithPath: named))
        }
        // The XDG specification requires relative paths to be ignored.
        if let general = environment["XDG_CACHE_HOME"], general.hasPrefix("/") {
            return CompiledModelCache(
                folder: URL(fileURLWithPath: general).appendingPathComponent("samus"))
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return CompiledModelCache(
            folder: URL(fileURLWithPath: home).appendingPathComponent(".cache/samus"))
    }

    /// The number of entries, their size in bytes, and whether new ones can be written.
    package var state: (entries: Int, bytes: Int, isWritable: Bool) {
        let entries = Entry.all(in: folder)
        // The folder is created when needed: what counts is the first folder above that exists.
        var existing = folder
        while existing.path != "/", !FileManager.default.fileExists(atPath: existing.path) {
            existing.deleteLastPathComponent()
        }
        return (
            entries.count, entries.reduce(0) { $0 + $1.bytes },
            FileManager.default.isWritableFile(atPath: existing.path)
        )
    }

    /// Loads a compiled model from the cache, or compiles and stores it.
    ///
    /// - Parameters:
    ///   - file: the model's file.
    ///   - options: device, precision and threads.
    ///   - core: OpenVINO.
    ///   - verify: checks the file's SHA-256; called only before compiling.
    /// - Returns: the model, and whether it came from the cache.
    /// - Throws: errors of `verify`, ``OpenVINOError``.
    func model(
        _ file: ModelFileIdentity, options: RuntimeOptions, core: OpenVINOCore,
        verify: () throws -> Void
    ) throws -> (CompiledModel, isWarm: Bool) {
        let entry = folder.appendingPathComponent(key(of: file, options: options, core: core))
        if Entry.isComplete(entry) {
            let found = try? core.compile(file: file.path, options: options, cache: entry.path)
            // Otherwise, OpenVINO has compiled a file that has not been verified.
            if let found, found.isFromCache == true {
                Entry.touch(entry)
                return (found, true)
            }
        }
        // The entry is missing, damaged or unusable: replace it.
        try? FileManager.default.removeItem(at: entry)
        try verify()
        return (try compile(file, into: entry, options: options, core: core), false)
    }

    private func compile(
        _ file: ModelFileIdentity, into entry: URL, options: RuntimeOptions, core: OpenVINOCore
    ) throws(OpenVINOError) -> CompiledModel {
        guard let partial = makePartialEntry() else {
            return try core.compile(file: file.path, options: options)
        }
        defer { try? FileManager.default.removeItem(at: partial) }
        let model: CompiledModel
        do throws(OpenVINOError) {
            model = try core.compile(file: file.path, options: options, cache: partial.path)
        } catch {
            // The cache may be the cause, for example if the disk is full.
            return try core.compile(file: file.path, options: options)
        }
        if Entry.writeRecord(partial) {
            // Fails if another program has stored the entry in the meantime, which is as good.
            try? FileManager.default.moveItem(at: partial, to: entry)
            removeLeastRecentlyUsed(except: entry)
        }
        return model
    }

    private func key(
        of file: ModelFileIdentity, options: RuntimeOptions, core: OpenVINOCore
    ) -> String {
        var hash = SHA256()
        let device = options.device.rawValue
        let parts =
            [
                "1", file.path, "\(file.bytes)", file.changed, file.sha256, core.library.version,
                device, core.identity(of: device),
            ] + options.properties.flatMap { [$0.key, $0.value] }
        for part in parts {
            hash.update(Array("\(part.utf8.count):\(part)".utf8))
        }
        return String(hash.hexDigest.prefix(32))
    }

    /// Creates a temporary folder; nil if the cache cannot be written to.
    private func makePartialEntry() -> URL? {
        let name = ".\(String(UInt64.random(in: 0 ... .max), radix: 36)).partial"
        let partial = folder.appendingPathComponent(name)
        do {
            try FileManager.default.createDirectory(
                at: partial, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            return partial
        } catch {
            return nil
        }
    }

    /// Removes the least recently used entries above the limit, and old temporary folders.
    func removeLeastRecentlyUsed(except current: URL? = nil) {
        let entries = Entry.all(in: folder).sorted { $0.used > $1.used }
        var total = 0
        for entry in entries {
            let isPartial = entry.url.lastPathComponent.hasPrefix(".")
            let isAbandoned =
                isPartial && entry.used < Date(timeIntervalSinceNow: -3600)
            total += entry.bytes
            let isTooMuch =
                total > limit && !isPartial
                && entry.url.lastPathComponent != current?.lastPathComponent
            if isAbandoned || isTooMuch {
                try? FileManager.default.removeItem(at: entry.url)
                total -= entry.bytes
            }
        }
    }
}

/// Identifies a model's file without reading it.
struct ModelFileIdentity: Equatable, Sendable {
    /// Absolute path, symbolic links resolved.
    let path: String
    let bytes: Int
    /// Modification time, seconds and nanoseconds.
    let changed: String
    /// The SHA-256 stated by the bundle.
    let sha256: String
}

extension CompiledModelCache {
    /// One entry: the folder of a compiled model.
    struct Entry {
        let url: URL
        let bytes: Int
        let used: Date

        /// The content of `entry.json`: size and modification time of each of OpenVINO's files.
        private struct Record: Codable, Equatable {
            var files: [String: [Int]]
        }

        private static let recordName = "entry.json"

        /// Whether the entry's files are those that `entry.json` records.
        static func isComplete(_ entry: URL) -> Bool {
            let path = entry.appendingPathComponent(recordName).path
            guard let text = try? RegularFile.read(path, limit: 1 << 16),
                let record = try? JSON.decode(Record.self, from: text)
            else { return false }
            return !record.files.isEmpty && record == state(of: entry)
        }

        /// Writes `entry.json`.
        ///
        /// - Returns: false if OpenVINO has not stored a file, or `entry.json` cannot be written.
        static func writeRecord(_ entry: URL) -> Bool {
            let record = state(of: entry)
            guard !record.files.isEmpty, let text = try? JSON.encode(record) else { return false }
            let path = entry.appendingPathComponent(recordName).path
            return (try? AtomicFile.write(text, to: path)) != nil
        }

        private static func state(of entry: URL) -> Record {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: entry.path)) ?? []
            var files: [String: [Int]] = [:]
            for name in names where name != recordName {
                var status = stat()
                guard stat(entry.appendingPathComponent(name).path, &status) == 0 else { continue }
                let modified = FileTime(modificationOf: status)
                files[name] = [Int(status.st_size), modified.seconds, modified.nanoseconds]
            }
            return Record(files: files)
        }

        /// Sets the time of last use to now.
        static func touch(_ entry: URL) {
            utimes(entry.path, nil)
        }

        /// All entries of a cache, temporary folders included; other folders are ignored.
        static func all(in folder: URL) -> [Entry] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.filter(isName).compactMap { name in
                let url = folder.appendingPathComponent(name)
                var status = stat()
                guard lstat(url.path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                    return nil
                }
                let sizes = state(of: url).files.values.map { $0[0] }
                let modified = FileTime(modificationOf: status)
                return Entry(
                    url: url, bytes: sizes.reduce(0, +),
                    used: Date(
                        timeIntervalSince1970: Double(modified.seconds)
                            + 1e-9 * Double(modified.nanoseconds)))
            }
        }

        private static func isName(_ name: String) -> Bool {
            name.wholeMatch(of: #/[0-9a-f]{32}|\.[0-9a-z]+\.partial/#) != nil
        }
    }
}
