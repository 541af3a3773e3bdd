import Foundation
import TestSupport
import Testing

@Suite("Control characters of files and names reach neither the terminal nor Markdown")
struct ControlCharacterTests {
    private let scratch: Scratch
    private let samus = Program()
    /// Moves the cursor, sets the window's title, reverses the direction of text.
    private static let hostile = "m\u{1B}[2J\u{1B}]0;pwned\u{7}\u{9B}31m\u{202E}"

    init() throws {
        scratch = try Scratch()
    }

    private func expectHarmless(_ text: String, _ what: String) {
        let bad = text.unicodeScalars.filter { scalar in
            let category = scalar.properties.generalCategory
            return scalar != "\n" && scalar != "\t" && (category == .control || category == .format)
        }
        #expect(bad.isEmpty, "\(what): \(bad.map(\.value))")
    }

    @Test("evaluate and compare: names of models and datasets in a report")
    func reports() throws {
        let drawn = try DrawnData(at: scratch.url.appending(path: "data"))
        let arguments = ["evaluate", "--data", drawn.root.path, "--model", "filled-box", "-o"]
        #expect(try samus.start(arguments + [scratch.path("out")]).outcome().code == 0)
        let url = scratch.url.appending(path: "out/report.json")
        let escaped = try String(
            decoding: JSONEncoder().encode(Self.hostile), as: UTF8.self
        ).dropFirst().dropLast()
        let report = try String(contentsOf: url, encoding: .utf8)
            .replacing("Discs", with: escaped).replacing("filled-box", with: escaped)
        try Data(report.utf8).write(to: url)
        let compared = try samus("compare", url.path, url.path, "-o", scratch.path("compared"))
        #expect(compared.code == 0, "\(compared.errors)")
        expectHarmless(compared.output + compared.errors, "output")
        #expect(compared.output.contains("\\u{1b}]0;pwned"))
        let markdown = try String(
            contentsOf: scratch.url.appending(path: "compared/comparison.md"), encoding: .utf8)
        expectHarmless(markdown, "comparison.md")
    }

    @Test("a report of masks in a folder with a hostile name")
    func folderName() throws {
        let drawn = try DrawnData(at: scratch.url.appending(path: "data"))
        let masks = scratch.path("masks\(Self.hostile)")
        try FileManager.default.copyItem(
            atPath: drawn.path("Discs/label"), toPath: masks)
        let outcome = try samus(
            "evaluate", "--data", drawn.root.path, "--split", "test-Discs", "--predictions", masks,
            "-o", scratch.path("out"))
        expectHarmless(outcome.output + outcome.errors, "output")
        let report = try String(
            contentsOf: scratch.url.appending(path: "out/report.md"), encoding: .utf8)
        expectHarmless(report, "report.md")
        #expect(report.contains("pwned"))
    }

    @Test("wrong arguments, folders of train and data that do not exist")
    func arguments() throws {
        for arguments in [
            ["segment", "a.png", "--\(Self.hostile)"], ["info", Self.hostile], [Self.hostile],
            ["train", "--data", Self.hostile, "--network", "samus", "--recipe", "full"],
            ["train", "--resume", Self.hostile], ["data", "check", Self.hostile, "--json"],
            ["data", "preview", "x", "--augment", Self.hostile],
            ["export", Self.hostile, "\(Self.hostile).samus"],
        ] {
            let outcome = try samus.start(arguments).outcome()
            #expect(outcome.code != 0)
            expectHarmless(outcome.output + outcome.errors, "\(arguments[0])")
            #expect(!outcome.errors.contains("CommandError("), "\(outcome.errors)")
        }
    }
}
