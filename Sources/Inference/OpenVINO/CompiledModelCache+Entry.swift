import Files
import Foundation

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
            guard let data = FileManager.default.contents(atPath: path), data.count < 1 << 16,
                let sealed = try? JSONDecoder().decode(Seal.self, from: data)
            else { return false }
            return !sealed.files.isEmpty && sealed == state(of: entry)
        }

        /// Says that a folder is whole.
        ///
        /// - Returns: false where OpenVINO has put nothing there, or it cannot be said.
        static func seal(_ entry: URL) -> Bool {
            let seal = state(of: entry)
            guard !seal.files.isEmpty, let data = try? JSONEncoder().encode(seal) else {
                return false
            }
            let path = entry.appendingPathComponent(sealName).path
            return (try? AtomicFile.write(data, to: path)) != nil
        }

        private static func state(of entry: URL) -> Seal {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: entry.path)) ?? []
            var files: [String: [Int]] = [:]
            for name in names where name != sealName {
                var status = stat()
                guard stat(entry.appendingPathComponent(name).path, &status) == 0 else { continue }
                files[name] = [Int(status.st_size)] + status.changed
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
                    used: Date(timeIntervalSince1970: Double(status.changed[0])))
            }
        }

        private static func isName(_ name: String) -> Bool {
            name.wholeMatch(of: #/[0-9a-f]{32}|\.[0-9a-z]+\.partial/#) != nil
        }
    }
}

extension stat {
    /// Seconds and nanoseconds of the last change.
    var changed: [Int] {
        #if os(Linux)
            [st_mtim.tv_sec, st_mtim.tv_nsec]
        #else
            [st_mtimespec.tv_sec, st_mtimespec.tv_nsec]
        #endif
    }
}
