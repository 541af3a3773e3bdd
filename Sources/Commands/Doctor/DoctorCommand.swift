import ArgumentParser
import FileIO
import Foundation

/// `samus doctor`: what this machine has, what is missing, and which precision is fastest here.
public struct DoctorCommand: ParsableCommand {
    /// The name and the help text.
    public static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Show what this machine has, what is missing, and which precision is fastest.",
        discussion: """
            Lists the processor's instruction sets, memory, OpenVINO and libtorch with their \
            devices, the cache and the installed models. Then it encodes an image repeatedly for \
            about ten seconds in each precision that the processor computes in, and names the \
            fastest; 'samus segment --precision auto' chooses in the same way.

            With --json, the report has no path and no name of a user or machine: attach it to a \
            bug report.

            The exit code is 69 if 'samus segment' cannot work here.
            """)

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Flag(help: "Do not measure.")
    var quick = false

    /// The command, to be filled by the parser.
    public init() {}

    /// Examines the machine and prints the report.
    public func run() throws {
        let report = Examination(measures: !quick).report()
        if json {
            let text = try JSON.encode(report, formatVersion: 1, style: .indented)
            Terminal.print(json: String(decoding: text, as: UTF8.self), terminator: "")
        } else {
            Terminal.print(report.text)
        }
        guard report.problems.isEmpty else { throw ExitError(.unavailable) }
    }
}
