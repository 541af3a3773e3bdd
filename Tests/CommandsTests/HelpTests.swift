import Foundation
import Testing

@Suite("The help text of every command is the one in Tests/Fixtures/help")
struct HelpTests {
    /// The commands as typed after `samus`; the help of `data split` is in `samus-data-split.txt`.
    private static let commands = [
        "", "segment", "track", "measure", "heart", "deidentify", "pacs", "pacs query",
        "pacs fetch", "pacs run", "pacs store", "receive", "evaluate", "compare", "reproduce",
        "train",
        "export",
        "data",
        "data check",
        "data split", "data import", "data export", "data preview", "info", "convert", "average",
        "init",
        "bench", "doctor",
        "serve",
    ]

    @Test("samus COMMAND --help prints the text of the fixture", arguments: commands)
    func help(command: String) throws {
        let text = try helpText(of: command)
        let name = (["samus"] + words(command)).joined(separator: "-") + ".txt"
        let file = Program.package.appending(path: "Tests/Fixtures/help/\(name)")
        if ProcessInfo.processInfo.environment["SAMUS_WRITE_HELP"] != nil {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        let expected = try String(contentsOf: file, encoding: .utf8)
        #expect(
            text == expected,
            """
            if the change is intended, run SAMUS_WRITE_HELP=1 swift test --filter HelpTests and \
            commit the difference
            """)
    }

    @Test("every subcommand that samus and samus data list is tested", arguments: ["", "data"])
    func completeness(command: String) throws {
        let section = try helpText(of: command).split(separator: "SUBCOMMANDS:\n")
        try #require(section.count == 2)
        let listed = section[1].split(separator: "\n").compactMap { line in
            line.firstMatch(of: #/^  ([a-z]+)/#).map { String($0.1) }
        }
        try #require(!listed.isEmpty)
        for subcommand in listed {
            let path = (words(command) + [subcommand]).joined(separator: " ")
            #expect(Self.commands.contains(path))
        }
    }

    private func words(_ command: String) -> [String] {
        command.split(separator: " ").map(String.init)
    }

    private func helpText(of command: String) throws -> String {
        var samus = Program()
        // Lines are wrapped at the width of the terminal, which this variable replaces.
        samus.environment["COLUMNS"] = "80"
        let outcome = try samus.start(words(command) + ["--help"]).outcome()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors == "")
        return outcome.output
    }
}
