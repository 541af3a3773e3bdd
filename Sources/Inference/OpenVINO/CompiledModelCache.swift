import Checkpoints
import FileIO
import Foundation

/// Compiled models on the disk, so that a second start is fast.
///
/// An entry is a folder named by the hash of all that its content depends on: the model's path,
/// size, time of change and SHA-256, OpenVINO's version, the processor, and the options. In it lie
/// OpenVINO's own file, and `entry.json`, which says that the entry is whole and how that file was
/// when it was written. An entry that is not as it says is made again. New entries are made under
/// another name and renamed: two programs at a time do not meet. What goes wrong here never fails a
/// run: it then goes without.
///
/// Who can write the user's cache folder can change results, as with the user's programs.
public struct CompiledModelCache: Sendable {
    /// Where the entries are.
    public let folder: URL
    /// Bytes of all entries together; the longest unused go first.
    public let limit: Int

    /// A cache.
    ///
    /// - Parameters:
    ///   - folder: made when it is needed.
    ///   - limit: bytes of all entries together.
    public init(folder: URL, limit: Int = 4 << 30) {
        self.folder = folder
        self.limit = limit
    }

    /// The cache of this user: `SAMUS_CACHE`, else `samus` in `XDG_CACHE_HOME` or `~/.cache`.
    ///
    /// - Parameter environment: variables of the process.
    /// - Returns: nil where `SAMUS_CACHE` is empty, which switches it off, or there is no home.
    public static func standard(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> CompiledModelCache? {
        if let named = environment["SAMUS_CACHE"] {
            guard !named.isEmpty else { return nil }
            return CompiledModelCache(folder: URL(fileURLWithPath: named))
        }
        // The specification wants paths that are not absolute to be passed over.
        if let general = environment["XDG_CACHE_HOME"], general.hasPrefix("/") {
            return CompiledModelCache(
                folder: URL(fileURLWithPath: general).appendingPathComponent("samus"))
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return CompiledModelCache(
            folder: URL(fileURLWithPath: home).appendingPathComponent(".cache/samus"))
    }

    /// A compiled model, out of the cache where it is there.
    ///
    /// - Parameters:
    ///   - file: the model's file.
    ///   - options: how it will run.
    ///   - core: what compiles.
    ///   - verify: reads the file and throws where it is not the one it should be; called before
    ///     it is compiled, not when the compiled model was here.
    /// - Returns: the model, and whether it was here.
    /// - Throws: what `verify` throws, ``OpenVINOError``.
    func model(
        _ file: ModelFileIdentity, options: RuntimeOptions, core: OpenVINOCore,
        verify: () throws -> Void
    ) throws -> (CompiledModel, isWarm: Bool) {
        let entry = folder.appendingPathComponent(key(of: file, options: options, core: core))
        if Entry.isWhole(entry) {
            let found = try? core.compile(file: file.path, options: options, cache: entry.path)
            // Not taken from the entry means not verified.
            if let found, found.isFromCache == true {
                Entry.touch(entry)
                return (found, true)
            }
        }
        // Not whole, or it was not taken: else it would be in the new one's way.
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
            // It may have been the cache, as on a full disk.
            return try core.compile(file: file.path, options: options)
        }
        if Entry.seal(partial) {
            // Fails where another program was faster: its entry is as good.
            try? FileManager.default.moveItem(at: partial, to: entry)
            removeOld(but: entry)
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
                device, core.kind(of: device),
            ] + options.properties.flatMap { [$0.key, $0.value] }
        for part in parts {
            hash.update(Array("\(part.utf8.count):\(part)".utf8))
        }
        return String(hash.hexDigest.prefix(32))
    }

    /// nil where nothing can be written.
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

    /// Removes the longest unused entries beyond the limit, and what a killed program left behind.
    private func removeOld(but kept: URL) {
        let entries = Entry.all(in: folder).sorted { $0.used > $1.used }
        var total = 0
        for entry in entries {
            let isPartial = entry.url.lastPathComponent.hasPrefix(".")
            let isAbandoned =
                isPartial && entry.used < Date(timeIntervalSinceNow: -3600)
            total += entry.bytes
            let isTooMuch =
                total > limit && !isPartial
                && entry.url.lastPathComponent != kept.lastPathComponent
            if isAbandoned || isTooMuch {
                try? FileManager.default.removeItem(at: entry.url)
                total -= entry.bytes
            }
        }
    }
}

/// What tells a model's file from another without reading it.
struct ModelFileIdentity: Equatable, Sendable {
    /// Absolute, links followed.
    let path: String
    let bytes: Int
    /// Seconds and nanoseconds of its last change.
    let changed: String
    /// What its bundle says.
    let sha256: String
}

extension CompiledModelCache {
    /// The folder of one compiled model.
    struct Entry {
        let url: URL
        let bytes: Int
        let used: Date

        /// What `entry.json` says of OpenVINO's files: their sizes and times of change.
        private struct Seal: Codable, Equatable {
            var files: [String: [Int]]
        }

        private static let sealName = "entry.json"

        /// Whether the entry is as it was sealed.
        static func isWhole(_ entry: URL) -> Bool {
            let path = entry.appendingPathComponent(sealName).path
            guard let text = try? RegularFile.read(path, limit: 1 << 16),
                let sealed = try? JSON.decode(Seal.self, from: text)
            else { return false }
            return !sealed.files.isEmpty && sealed == state(of: entry)
        }

        /// Says that a folder is whole.
        ///
        /// - Returns: false where OpenVINO has put nothing there, or it cannot be said.
        static func seal(_ entry: URL) -> Bool {
            let seal = state(of: entry)
            guard !seal.files.isEmpty, let text = try? JSON.encode(seal) else {
                return false
            }
            let path = entry.appendingPathComponent(sealName).path
            return (try? AtomicFile.write(text, to: path)) != nil
        }

        private static func state(of entry: URL) -> Seal {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: entry.path)) ?? []
            var files: [String: [Int]] = [:]
            for name in names where name != sealName {
                var status = stat()
                guard stat(entry.appendingPathComponent(name).path, &status) == 0 else { continue }
                let modified = FileTime(modificationOf: status)
                files[name] = [Int(status.st_size), modified.seconds, modified.nanoseconds]
            }
            return Seal(files: files)
        }

        /// Notes that it was used now.
        static func touch(_ entry: URL) {
            utimes(entry.path, nil)
        }

        /// The entries of a cache, unfinished ones too; other folders are not its own.
        static func all(in folder: URL) -> [Entry] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.filter(isName).compactMap { name in
                let url = folder.appendingPathComponent(name)
                var status = stat()
                guard lstat(url.path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                    return nil
                }
                let sizes = state(of: url).files.values.map { $0[0] }
                return Entry(
                    url: url, bytes: sizes.reduce(0, +),
                    used: Date(
                        timeIntervalSince1970: Double(FileTime(modificationOf: status).seconds)))
            }
        }

        private static func isName(_ name: String) -> Bool {
            name.wholeMatch(of: #/[0-9a-f]{32}|\.[0-9a-z]+\.partial/#) != nil
        }
    }
}
