import Foundation
import Ultrasound

/// The files of an evaluation.
struct EvaluationFiles {
    let folder: URL
    private let prompts: [LabelPrompt]

    /// - Parameters:
    ///   - folder: where they go.
    ///   - prompts: how masks are asked for; none where they come from files.
    init(folder: String, prompts: [LabelPrompt]) {
        self.folder = URL(fileURLWithPath: folder)
        self.prompts = prompts
    }

    var table: URL { folder.appendingPathComponent("per_case.csv") }
    var markdown: URL { folder.appendingPathComponent("report.md") }
    var json: URL { folder.appendingPathComponent("report.json") }

    /// The sheet of a prompt's cases; nil where masks come from files.
    func sheet(_ prompt: LabelPrompt?) -> URL {
        let name = (prompt?.description ?? "given").replacing(":", with: "-")
            .replacing("%", with: "")
        return folder.appendingPathComponent("cases_\(name).png")
    }

    /// How masks were asked for: one sheet each.
    var sheets: [LabelPrompt?] { prompts.isEmpty ? [nil] : prompts.map { $0 } }

    private var all: [URL] { [table, markdown, json] + sheets.map(sheet) }

    /// Makes the folder, and refuses to replace what is in it.
    ///
    /// - Parameter force: whether an older report may be replaced.
    /// - Throws: an exit code, its reason said.
    func check(force: Bool) throws {
        try OutputFolder(url: folder, files: all).check(force: force)
    }
}
