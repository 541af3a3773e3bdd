import COpenVINO
import FileIO
import Foundation
import Synchronization

/// OpenVINO's shared library, opened at run time.
package final class OpenVINOLibrary: Sendable {
    /// The file, or the name that the dynamic linker resolved.
    package let path: String
    /// OpenVINO's version, for example `2026.4.1-22982-…`.
    package let version: String
    let functions: cov_functions

    /// The library of this process, opened at the first call.
    ///
    /// - Returns: the library.
    /// - Throws: ``OpenVINOError`` if there is no usable library; the next call searches again.
    package static func shared() throws(OpenVINOError) -> OpenVINOLibrary {
        try found.withLock { library throws(OpenVINOError) in
            if let library { return library }
            let opened = try OpenVINOLibrary(
                OpenVINOSearch(
                    environment: ProcessInfo.processInfo.environment,
                    program: ProgramLocation.folder))
            library = opened
            return opened
        }
    }

    private static let found = Mutex<OpenVINOLibrary?>(nil)

    /// Opens the first library that exists.
    ///
    /// A file that cannot be used ends the search with an error; it is not skipped silently.
    init(_ search: OpenVINOSearch) throws(OpenVINOError) {
        for candidate in search.candidates {
            do throws(OpenVINOError) {
                (functions, version) = try Self.open(candidate)
                path = candidate
                return
            } catch {
                // A name that the dynamic linker resolves need not exist.
                if case .libraryUnusable = error, search.systemNames.contains(candidate) {
                    continue
                }
                throw error
            }
        }
        throw .libraryMissing(searched: search.searched)
    }

    private static func open(_ path: String) throws(OpenVINOError) -> (cov_functions, String) {
        var functions = cov_functions()
        var reason = [CChar](repeating: 0, count: 1024)
        let opening = cov_open(path, &functions, &reason, reason.count)
        let message = String(
            decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        switch opening {
        case COV_OPENED: break
        case COV_LACKS_FUNCTION: throw .tooOld(path: path, version: nil, missingFunction: message)
        default: throw .libraryUnusable(path: path, reason: message)
        }
        var version = cov_version()
        guard functions.get_openvino_version(&version) == COV_OK,
            let number = version.build_number
        else { throw .libraryUnusable(path: path, reason: "its version cannot be read") }
        defer { functions.version_free(&version) }
        let text = String(cString: number)
        guard let year = Int(text.prefix(4)), year >= 2026 else {
            throw .tooOld(path: path, version: text, missingFunction: nil)
        }
        return (functions, text)
    }

    /// Throws an error with OpenVINO's message if a call fails.
    ///
    /// - Parameters:
    ///   - doing: the attempted action, as a phrase that follows "cannot".
    ///   - body: the call.
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
        // Leave out the lines that name OpenVINO's source files.
        let lines = String(cString: text).split(separator: "\n").map(String.init)
        let messages = lines.filter { !$0.hasPrefix("Exception from ") }
        return (messages.isEmpty ? lines : messages).prefix(3).joined(separator: " ")
    }

    /// Copies a string that OpenVINO allocated, and frees it.
    func takeString(_ text: UnsafeMutablePointer<CChar>?) -> String {
        guard let text else { return "" }
        defer { functions.free(text) }
        return String(cString: text)
    }
}

/// The paths at which OpenVINO's library is searched.
struct OpenVINOSearch {
    /// The value of `SAMUS_OPENVINO`: the library or its folder.
    let named: String?
    /// Folders to search.
    let folders: [URL]
    /// Names that the dynamic linker resolves.
    let systemNames: [String]

    #if os(macOS)
        private static let prefix = "libopenvino_c."
        private static let systemNames = ["libopenvino_c.dylib", "libopenvino_c.2641.dylib"]
    #else
        private static let prefix = "libopenvino_c.so"
        private static let systemNames = ["libopenvino_c.so", "libopenvino_c.so.2641"]
    #endif

    /// Searches only `SAMUS_OPENVINO` if it is set; else `.deps` of the checkout in which the program
    /// was built, the program's folder, and the system.
    ///
    /// - Parameters:
    ///   - environment: the process's environment.
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
        let checkout = Checkout.containing(program).map {
            $0.appendingPathComponent(".deps/openvino/libs")
        }
        let installed = [".", "../lib", "../lib/samus"].map {
            program.appendingPathComponent($0).standardizedFileURL
        }
        return (checkout.map { [$0] } ?? []) + installed
    }

    /// The existing files, and the names for the dynamic linker, in the order in which they are tried.
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

    /// All searched folders and names, for the error message.
    var searched: [String] {
        (named.map { ["SAMUS_OPENVINO=\($0)"] } ?? []) + folders.map(\.path) + systemNames
    }

    /// The libraries in a folder, newest first; Python wheels have versioned names only.
    private static func library(in folder: URL) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasPrefix(prefix) }.sorted(by: >)
            .map { folder.appendingPathComponent($0).path }
    }
}
