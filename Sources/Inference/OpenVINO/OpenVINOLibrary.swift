import COpenVINO
import FileIO
import Foundation
import Synchronization

/// OpenVINO's library, opened.
public final class OpenVINOLibrary: Sendable {
    /// The file, or the name that the dynamic linker found it by.
    public let path: String
    /// OpenVINO's words: `2026.4.1-22982-…`.
    public let version: String
    let functions: cov_functions

    /// The library that this process uses, opened when it is first asked for.
    ///
    /// - Returns: the library.
    /// - Throws: ``OpenVINOError`` where none can be used; looked for again each time.
    public static func shared() throws(OpenVINOError) -> OpenVINOLibrary {
        try found.withLock { library throws(OpenVINOError) in
            if let library { return library }
            let executable = Foundation.Bundle.main.executablePath ?? CommandLine.arguments[0]
            let opened = try OpenVINOLibrary(
                OpenVINOSearch(
                    environment: ProcessInfo.processInfo.environment,
                    program: URL(fileURLWithPath: executable).resolvingSymlinksInPath()
                        .deletingLastPathComponent()))
            library = opened
            return opened
        }
    }

    private static let found = Mutex<OpenVINOLibrary?>(nil)

    /// Opens the first library that there is.
    ///
    /// A file that is no OpenVINO ends the search: whoever put it there meant it.
    init(_ search: OpenVINOSearch) throws(OpenVINOError) {
        for candidate in search.candidates {
            do throws(OpenVINOError) {
                (functions, version) = try Self.open(candidate)
                path = candidate
                return
            } catch {
                // The system's names need not exist.
                if case .libraryUnusable = error, search.systemNames.contains(candidate) {
                    continue
                }
                throw error
            }
        }
        throw .libraryMissing(looked: search.looked)
    }

    private static func open(_ path: String) throws(OpenVINOError) -> (cov_functions, String) {
        var functions = cov_functions()
        var reason = [CChar](repeating: 0, count: 1024)
        let opening = cov_open(path, &functions, &reason, reason.count)
        let words = String(
            decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        switch opening {
        case COV_OPENED: break
        case COV_LACKS_FUNCTION: throw .tooOld(path: path, version: nil, lacking: words)
        default: throw .libraryUnusable(path: path, reason: words)
        }
        var version = cov_version()
        guard functions.get_openvino_version(&version) == COV_OK,
            let number = version.build_number
        else { throw .libraryUnusable(path: path, reason: "it does not tell its version") }
        defer { functions.version_free(&version) }
        let text = String(cString: number)
        guard let year = Int(text.prefix(4)), year >= 2026 else {
            throw .tooOld(path: path, version: text, lacking: nil)
        }
        return (functions, text)
    }

    /// Turns a status into an error with OpenVINO's own words.
    ///
    /// - Parameters:
    ///   - doing: what was tried, in words that follow "cannot".
    ///   - body: a call.
    /// - Throws: ``OpenVINOError/failed(doing:message:)``.
    func check(
        _ doing: @autoclosure () -> String, _ body: (cov_functions) -> cov_status
    ) throws(OpenVINOError) {
        let status = body(functions)
        guard status != COV_OK else { return }
        throw .failed(doing: doing(), message: message(of: status))
    }

    private func message(of status: cov_status) -> String {
        guard let text = functions.get_last_err_msg() else {
            return functions.get_error_info(status).map { String(cString: $0) }
                ?? "status \(status)"
        }
        defer { functions.free(text) }
        // Where in OpenVINO's sources it happened helps nobody here.
        let lines = String(cString: text).split(separator: "\n").map(String.init)
        let told = lines.filter { !$0.hasPrefix("Exception from ") }
        return (told.isEmpty ? lines : told).prefix(3).joined(separator: " ")
    }

    /// A text that OpenVINO made, given back to it.
    func taken(_ text: UnsafeMutablePointer<CChar>?) -> String {
        guard let text else { return "" }
        defer { functions.free(text) }
        return String(cString: text)
    }
}

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
