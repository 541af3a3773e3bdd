import Foundation

/// A library that fails or kills the program at one of its renames; compiled from
/// `Tests/Fixtures/preload/renames.c`.
struct Preload {
    /// What happens at the rename.
    enum Action: String, CaseIterable {
        case kill, fail
        /// That rename and all later ones fail.
        case failOn = "fail-on"
    }

    private let library: URL

    /// Whether this machine can compile and preload the library.
    static var isAvailable: Bool {
        #if os(Linux)
            FileManager.default.isExecutableFile(atPath: compiler)
        #else
            false
        #endif
    }

    private static let compiler = "/usr/bin/cc"

    /// - Parameter scratch: where the library is written.
    /// - Throws: when it cannot be compiled.
    init(in scratch: Scratch) throws {
        library = scratch.url.appending(path: "renames.so")
        let source = Program.package.appending(path: "Tests/Fixtures/preload/renames.c")
        let outcome = try Program(executable: URL(filePath: Self.compiler))(
            "-shared", "-fPIC", "-O1", "-o", library.path, source.path, "-ldl")
        guard outcome.code == 0 else { throw CompilationError(words: outcome.errors) }
    }

    private struct CompilationError: Error {
        let words: String
    }

    /// The program with the library.
    ///
    /// - Parameters:
    ///   - action: what happens.
    ///   - number: at which rename, from 1.
    ///   - exchanges: whether the file system seems able to exchange names.
    /// - Returns: the program to run.
    func samus(_ action: Action, at number: Int, exchanges: Bool = true) -> Program {
        Program(environment: [
            "LD_PRELOAD": library.path, "RENAME_AT": "\(number)",
            "RENAME_ACTION": action.rawValue, "RENAME_EXCHANGE": exchanges ? "1" : "0",
        ])
    }
}
