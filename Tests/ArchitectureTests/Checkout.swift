import Foundation

/// The files of this checkout.
enum Checkout {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// Names of the folders in Sources: one for each target.
    static func targets() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "Sources").path)
            .filter { !$0.hasPrefix(".") }.sorted()
    }

    /// All files below a folder, in order.
    static func files(under folder: String) -> [URL] {
        let walk = FileManager.default.enumerator(
            at: root.appending(path: folder), includingPropertiesForKeys: [.isRegularFileKey],
            options: [.skipsHiddenFiles])
        let urls = (walk?.allObjects as? [URL]) ?? []
        return urls.filter {
            (try? $0.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true
        }
        .sorted { $0.path < $1.path }
    }

    /// Paths that git tracks or would track; nil outside a git checkout, such as in an archive.
    static func trackedPaths() -> [String]? {
        let git = Process()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = [
            "git", "-C", root.path, "ls-files", "-z", "--cached", "--others", "--exclude-standard",
        ]
        let output = Pipe()
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil else { return nil }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { return nil }
        return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Tracked files without a NUL byte, with their contents.
    static func trackedTexts() -> [(path: String, bytes: Data)] {
        (trackedPaths() ?? []).compactMap { path in
            guard let bytes = try? Data(contentsOf: root.appending(path: path)),
                !bytes.prefix(8192).contains(0)
            else { return nil }
            return (path, bytes)
        }
    }
}
