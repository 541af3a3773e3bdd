import Foundation

/// A program of others that checks DICOM files; tests that need it are skipped where it is missing.
public struct DICOMValidator: Sendable {
    /// Compares an object with the definitions of the standard (Debian: dicom3tools).
    public static let dciodvfy = DICOMValidator("dciodvfy")
    /// Reads a structured report and prints it (Debian: dcmtk).
    public static let dsrdump = DICOMValidator("dsrdump")

    private let path: String?

    private init(_ name: String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        path = folders.map { "\($0)/\(name)" }
            .first(where: FileManager.default.isExecutableFile(atPath:))
    }

    /// Whether both programs are installed.
    public static var areInstalled: Bool { dciodvfy.path != nil && dsrdump.path != nil }
    /// The reason of skipped tests, as in Tests/allowed-skips.txt.
    public static let missing: String =
        "dciodvfy or dsrdump is missing: Debian packages dicom3tools and dcmtk"

    /// Runs the program.
    ///
    /// - Parameter arguments: options and files.
    /// - Returns: the lines of both outputs, and the exit code.
    /// - Throws: when it cannot be started.
    public func callAsFunction(_ arguments: String...) throws -> (lines: [String], code: Int32) {
        let process = Process()
        process.executableURL = URL(filePath: path ?? "/nonexistent")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        return (lines, process.terminationStatus)
    }

    /// What `dciodvfy -new` objects to.
    ///
    /// - Parameter path: a DICOM file.
    /// - Returns: the lines that begin with "Error".
    /// - Throws: when it cannot be started.
    public static func errors(in path: String) throws -> [String] {
        try dciodvfy("-new", path).lines.filter { $0.hasPrefix("Error") }
    }
}
