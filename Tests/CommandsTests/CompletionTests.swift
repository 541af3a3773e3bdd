import Testing

@testable import Commands

@Suite("Completion of models in the shell")
struct CompletionTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    @Test("names, bundles, checkpoints and folders are offered, and nothing else")
    func candidates() throws {
        for name in ["a.pth", "a.safetensors", "a.png", ".a.pth", "b.pt", "a.samus/model.json"] {
            try scratch.write([0], name)
        }
        try scratch.write([0], "apart/x.png")
        let root = scratch.path("")
        let folder = root.hasSuffix("/") ? root : root + "/"
        #expect(
            ModelCompletion.candidates(folder + "a")
                == ["a.pth", "a.safetensors", "a.samus", "apart/"].map { folder + $0 })
        #expect(ModelCompletion.candidates("samus-l") == ["samus-lite", "samus-lite-heart"])
        #expect(ModelCompletion.candidates("/nowhere/a") == [])
    }

    @Test("the script of each shell asks the program", arguments: ["bash", "zsh", "fish"])
    func script(shell: String) throws {
        let outcome = try Program()("--generate-completion-script", shell)
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("---completion"))
    }
}
