import Foundation
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The built program.
struct Program {
    /// The exit code and output of a run.
    struct Outcome {
        let code: Int32
        let output: String
        let errors: String
    }

    static let package = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let frame = package.appending(path: "Examples/echo-a4c-frame10.png")

    /// The folder with the built tests and programs.
    static let folder: URL = {
        let executable = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
        return executable.resolvingSymlinksInPath().deletingLastPathComponent()
    }()

    var executable = folder.appending(path: "samus")
    var environment: [String: String] = [:]

    /// Copies a program, or makes a script one, in another process.
    ///
    /// Where this process writes the file itself, a process that another test starts meanwhile inherits
    /// the open file, and the new program cannot be started: "Text file busy".
    static func install(_ source: URL, at place: URL) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["install", "-m", "755", source.path, place.path]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "'install' could not make \(place.path)")
    }

    /// Makes a program of a shell script.
    static func install(script: String, at place: URL) throws {
        let text = place.appendingPathExtension("text")
        try Data(script.utf8).write(to: text)
        try install(text, at: place)
        try FileManager.default.removeItem(at: text)
    }

    /// Runs the program to its end.
    func callAsFunction(_ arguments: String...) throws -> Outcome {
        try start(arguments).outcome()
    }

    /// Starts the program without waiting for it.
    func start(_ arguments: [String]) throws -> Running {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        let running = Running(process: process)
        try process.run()
        return running
    }

    #if canImport(Glibc)
        /// Runs the program to its end without keeping its output.
        ///
        /// - Returns: its peak memory in bytes, and its exit code.
        /// - Throws: when it cannot be started, or is ended by a signal, for example of a trap.
        func measured(_ command: [String]) throws -> (peak: Int, code: Int32) {
            let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            var arguments = ([executable.path] + command).map { strdup($0) } + [nil]
            var settings = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
            defer { (arguments + settings).forEach { free($0) } }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            for descriptor: Int32 in [1, 2] {
                posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
            }
            var child = pid_t()
            try #require(
                posix_spawn(&child, executable.path, &actions, nil, &arguments, &settings) == 0)
            // Not `ru_maxrss` of `wait4`: it begins with the memory of the process that spawns, which is
            // this one with all its tests.
            var (status, peak): (Int32, Int) = (0, 0)
            while waitpid(child, &status, WNOHANG) == 0 {
                peak = max(peak, Self.highWaterMark(of: child) ?? 0)
                usleep(5_000)
            }
            try #require(status & 0x7F == 0, "ended by signal \(status & 0x7F)")
            try #require(peak > 0, "the system does not report the peak memory of a process")
            return (peak, status >> 8)
        }

        /// The peak memory of a running process so far, in bytes.
        private static func highWaterMark(of process: pid_t) -> Int? {
            let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
            let line = text?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            return line?.split(whereSeparator: \.isWhitespace).dropFirst().first
                .flatMap { Int($0) }.map { $0 * 1024 }
        }
    #endif

    final class Running {
        let process: Process
        private let output = Pipe()
        private let errors = Pipe()

        init(process: Process) {
            self.process = process
            process.standardOutput = output
            process.standardError = errors
        }

        func outcome() -> Outcome {
            // Both pipes are read at the same time, so that a full pipe cannot block the program.
            let errorData = Mutex(Data())
            let group = DispatchGroup()
            DispatchQueue.global().async(group: group) { [errors] in
                let data = errors.fileHandleForReading.readDataToEndOfFile()
                errorData.withLock { $0 = data }
            }
            let printed = output.fileHandleForReading.readDataToEndOfFile()
            group.wait()
            process.waitUntilExit()
            return Outcome(
                code: process.terminationStatus, output: String(decoding: printed, as: UTF8.self),
                errors: String(decoding: errorData.withLock { $0 }, as: UTF8.self))
        }
    }
}

/// A folder that is removed when the test ends.
final class Scratch {
    let url: URL

    /// - Parameter inMemory: whether to use a file system in memory where there is one.
    /// - Throws: when the folder cannot be made.
    init(inMemory: Bool = false) throws {
        let memory = URL(filePath: "/dev/shm")
        let root =
            inMemory && FileManager.default.isWritableFile(atPath: memory.path)
            ? memory : FileManager.default.temporaryDirectory
        url = root.appending(path: "samus-\(UUID())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    func path(_ name: String) -> String {
        url.appending(path: name).path
    }

    @discardableResult
    func write(_ data: some Sequence<UInt8>, _ name: String) throws -> String {
        let file = url.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(data).write(to: file)
        return file.path
    }

    /// All files in the folder and below it, including hidden ones, sorted.
    func files(_ name: String = "") -> [String] {
        let root = url.appending(path: name)
        let walk = FileManager.default.enumerator(atPath: root.path)
        return (walk?.allObjects as? [String] ?? []).sorted().filter { name in
            let values = try? root.appending(path: name).resourceValues(forKeys: [.isDirectoryKey])
            return values?.isDirectory != true
        }
    }
}
