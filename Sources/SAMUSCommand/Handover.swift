import ArgumentParser
import Foundation

/// The way from `samus`, which has no libtorch, to `samus-train` beside it, which has.
enum Handover {
    /// Replaces this process by `samus-train` with the same arguments.
    ///
    /// Its output, exit code and signals are then this program's. Comes back only when that cannot
    /// be done.
    ///
    /// - Throws: ``Failure/unavailable``, with the command that builds it.
    static func toTrain() throws -> Never {
        let path = trainPath
        guard isPossible else {
            throw Failure.unavailable.because(
                "this needs libtorch, and so 'samus-train' beside 'samus', which is not built: "
                    + "run 'make build' in the checkout (looked at \(path))")
        }
        // libtorch's threads wait for work by spinning, which on a machine that does anything else
        // makes two threads slower than one. OpenMP reads this before the program begins.
        setenv("OMP_WAIT_POLICY", "PASSIVE", 0)
        let arguments = [path] + CommandLine.arguments.dropFirst()
        var pointers = arguments.map { strdup($0) } + [nil]
        execv(path, &pointers)
        throw Failure.unavailable.because(
            "'\(path)' cannot be started: \(String(cString: strerror(errno)))")
    }

    /// Whether `samus-train` is there.
    static var isPossible: Bool { FileManager.default.isExecutableFile(atPath: trainPath) }

    private static var trainPath: String {
        ProgramFile.folder.appendingPathComponent("samus-train").path
    }
}

/// Where this program lies.
enum ProgramFile {
    /// The folder of the executable, symbolic links followed.
    static var folder: URL {
        let path = Bundle.main.executablePath ?? CommandLine.arguments.first ?? "samus"
        return URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent()
    }
}
