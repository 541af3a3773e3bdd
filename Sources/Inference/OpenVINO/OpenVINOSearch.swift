import Files
import Foundation

/// Where OpenVINO's library may lie.
struct OpenVINOSearch {
    /// A folder with the library, or the library itself; given by whoever starts the program.
    let named: String?
    /// Folders that may have the library.
    let folders: [URL]
    /// What the dynamic linker may find by itself.
    let systemNames: [String]

    #if os(macOS)
        private static let prefix = "libopenvino_c."
        private static let systemNames = ["libopenvino_c.dylib", "libopenvino_c.2641.dylib"]
    #else
        private static let prefix = "libopenvino_c.so"
        private static let systemNames = ["libopenvino_c.so", "libopenvino_c.so.2641"]
    #endif

    /// The search of this process: `SAMUS_OPENVINO` alone when it is set; else `.deps` of the
    /// checkout that the program was built in, the program's own folder, the system.
    ///
    /// - Parameters:
    ///   - environment: variables of the process.
    ///   - program: the folder of the executable.
    init(environment: [String: String], program: URL) {
        guard let named = environment["SAMUS_OPENVINO"], !named.isEmpty else {
            self.named = nil
            folders = Self.folders(from: program)
            systemNames = Self.systemNames
            return
        }
        self.named = named
        folders = []
        systemNames = []
    }

    private static func folders(from program: URL) -> [URL] {
        let checkout = Checkout.around(program).map {
            $0.appendingPathComponent(".deps/openvino/libs")
        }
        let beside = [".", "../lib", "../lib/samus"].map {
            program.appendingPathComponent($0).standardizedFileURL
        }
        return (checkout.map { [$0] } ?? []) + beside
    }

    /// Paths and names to be tried, first to last; those in folders are there.
    var candidates: [String] {
        var candidates: [String] = []
        if let named {
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: named, isDirectory: &isFolder)
            let folder = URL(fileURLWithPath: named)
            if exists && !isFolder.boolValue {
                candidates.append(folder.path)
            } else {
                candidates += [folder, folder.appendingPathComponent("libs")].flatMap(Self.library)
            }
        }
        return candidates + folders.flatMap(Self.library) + systemNames
    }

    /// What was looked at, for an error.
    var looked: [String] {
        (named.map { ["SAMUS_OPENVINO=\($0)"] } ?? []) + folders.map(\.path) + systemNames
    }

    /// The library in a folder, the newest first; wheels have versioned names only.
    private static func library(in folder: URL) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasPrefix(prefix) }.sorted(by: >)
            .map { folder.appendingPathComponent($0).path }
    }
}
