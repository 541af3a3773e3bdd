import FileIO
import Foundation

/// Runs another program to its end, with its output in a file.
struct ChildProgram {
    /// How it ended.
    struct Outcome: Equatable {
        /// The exit code; 128 and the signal's number for a signal.
        var code: Int
        var seconds: Double
        /// Peak memory in bytes.
        var peakMemory: Int
    }

    private static let pollInterval: useconds_t = 100_000

    let executable: String
    let arguments: [String]
    /// Output and errors are appended to this file.
    let log: String
    /// A lock that the child holds too, so that nobody else takes it if this process is killed.
    let lock: FileLock

    /// Starts the program and waits.
    ///
    /// - Parameter whileRunning: called about ten times a second; true asks the program once, by
    ///   SIGTERM, to finish its step and end.
    /// - Returns: how it ended.
    /// - Throws: ``ExitError`` when it cannot be started.
    func run(whileRunning: () -> Bool) throws -> Outcome {
        let start = ContinuousClock.now
        let child = try spawn()
        var isStopping = false
        var status: Int32 = 0
        var usage = rusage()
        while true {
            let ended = wait4(child, &status, WNOHANG, &usage)
            if ended == child { break }
            if ended < 0, errno != EINTR {
                throw ExitError(.unavailable, "a job was lost: \(String(cString: strerror(errno)))")
            }
            if whileRunning(), !isStopping {
                isStopping = true
                kill(child, SIGTERM)
            }
            usleep(Self.pollInterval)
        }
        let signal = Int(status & 0x7F)
        #if canImport(Darwin)
            let unit = 1
        #else
            let unit = 1024
        #endif
        return Outcome(
            code: signal == 0 ? Int(status >> 8 & 0xFF) : 128 + signal,
            seconds: (ContinuousClock.now - start).inSeconds,
            peakMemory: Int(usage.ru_maxrss) * unit)
    }

    private func spawn() throws -> pid_t {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o666)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        posix_spawn_file_actions_adddup2(&actions, lock.descriptor, 3)
        // A group of its own, so that Ctrl-C reaches it once, through this process.
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
        posix_spawnattr_setpgroup(&attributes, 0)
        // This process ignores both signals (Interruption); a child that inherited that would lose
        // a SIGTERM that comes before it has its own handler.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        var words = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var child = pid_t()
        let code = posix_spawn(&child, executable, &actions, &attributes, &words, environ)
        guard code == 0 else {
            throw ExitError(
                .unavailable,
                "'\(executable)' cannot be started: \(String(cString: strerror(code)))")
        }
        return child
    }
}
