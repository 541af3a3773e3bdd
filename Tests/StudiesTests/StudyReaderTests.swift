import Datasets
import Foundation
import TestSupport
import Testing

@testable import Studies

@Suite("A study file is read strictly")
struct StudyReaderTests {
    static let smallest = """
        study: small
        data:
          sets: [Disc]
        """

    private func study(_ text: String) throws -> Study {
        try Study(StudyNode(text: text, file: "s.yaml"))
    }

    @Test("every study of the repository is read", arguments: ["smoke", "public-small", "us30k"])
    func repository(name: String) throws {
        let path = Shared.package.appending(path: "Studies/\(name).yaml").path
        let study = try Study.read(path)
        #expect(study.name == name)
        #expect(study.models.count { $0.isBaseline } == 2)
    }

    @Test("the smallest study has the baselines and the defaults")
    func defaults() throws {
        let study = try study(Self.smallest)
        #expect(study.models.map(\.model) == ["filled-box", "ellipse"])
        #expect(study.targets == [StudyTarget(dataset: "Disc")])
        #expect(study.evaluation == StudyEvaluation())
        #expect(study.training.budget == .epochs(200))
        #expect(study.results.metrics == [.dice, .hd95, .assd, .samusHD])
    }

    @Test("values are read with their types")
    func values() throws {
        let study = try study(
            Self.smallest + """

                networks:
                  A:
                    network: canet
                    options: {batch: 4, dice-per-image: true, deterministic: false}
                    budget: {minutes: 1.5}
                training:
                  budget: {steps: 30}
                  seeds: [1, 2]
                evaluation: {protocols: task-specific, split: val, limit: 3, resolution: native}
                """)
        let network = try #require(study.networks.first)
        #expect(network.architecture == .caNet && network.prompts == [.promptFree])
        #expect(network.options.flatMap(\.arguments) == ["--batch", "4", "--dice-per-image"])
        #expect(network.budget == .minutes(1.5) && network.recipe == "full")
        #expect(study.training.seeds == [1, 2])
        #expect(study.evaluation.split == .val && study.evaluation.limit == 3)
        #expect(study.evaluation.resolution == .native)
    }

    struct Mistake: CustomTestStringConvertible, Sendable {
        let text: String
        let message: String
        var testDescription: String { message }

        init(_ added: String, _ message: String) {
            text = StudyReaderTests.smallest + "\n" + added
            self.message = message
        }

        init(whole: String, _ message: String) {
            (text, self.message) = (whole, message)
        }
    }

    static let mistakes = [
        Mistake("colour: red", "'s.yaml', line 4: there is no key 'colour'"),
        Mistake(whole: "study: a", "line 1: 'data' is missing"),
        Mistake(whole: "study: a\ndata: {root: x}", "line 2, data: 'sets' is missing"),
        Mistake(whole: "study: ../a\ndata: {sets: [B]}", "line 1, study: '../a': letters"),
        Mistake(whole: "- 1", "lines 'key: value' are needed"),
        Mistake(whole: "", "it is empty"),
        Mistake(whole: "a: [", "it is not YAML"),
        Mistake(whole: "study: a\ndata: {sets: [B, B]}", "line 2, data.sets: 'B' occurs twice"),
        Mistake(
            whole: "study: a\ndata: {sets: [B, 'B#1']}", "'B' is there whole and by a class"),
        Mistake(whole: "study: a\ndata: {sets: ['B#x']}", "data.sets[0]: 'B#x': a dataset such as"),
        Mistake(whole: "study: a\ndata: {sets: ['../B']}", "data.sets[0]: '../B'"),
        Mistake(
            whole: "study: a\ndata: {sets: [B, C], test-only: D}", "'D' is not in data.sets"),
        Mistake(
            whole: "study: a\ndata: {sets: [B, C], test-only: B}",
            "test-only names 'B', which evaluation.held-out does not test"),
        Mistake("training: {seeds: [1, 1]}", "training.seeds: '1' occurs twice"),
        Mistake("training: {seeds: [-1]}", "training.seeds[0]: '-1': a whole number from 0"),
        Mistake("training: {budget: {epochs: 1, steps: 2}}", "one of epochs, steps and minutes"),
        Mistake("training: {budget: {epochs: many}}", "training.budget.epochs: 'many': a whole"),
        Mistake("training: {fractions: [1.5]}", "'1.5': a number above 0, at most 1"),
        Mistake("training: {options: {epochs: 3}}", "the study gives --epochs itself"),
        Mistake(
            "networks: {A: {network: samus, options: {teacher: a.pth}}}",
            "options.teacher: --teacher is not supported in a study"),
        Mistake(
            "models: {A: {model: x, prompts: ['corrections:2', 'corrections:4']}}",
            "line 4, models.A.prompts[1]: 'corrections:4': one corrections:N is enough"),
        Mistake("training: {options: {'--batch': 3}}", "'--batch' is no option"),
        Mistake("training: {options: {batch: [3]}}", "options.batch: a text on one line"),
        Mistake("results: {metrics: [dise]}", "results.metrics[0]: 'dise' is no metric"),
        Mistake("results: {metrics: [area_error]}", "'area_error' is no metric"),
        Mistake("results: {sheets: 51}", "'51': a whole number from 0 to 50"),
        Mistake("evaluation: {held-out: [[Disc]]}", "held-out is for the protocol generalization"),
        Mistake("evaluation: {protocols: generalization}", "needs held-out"),
        Mistake(
            "evaluation: {protocols: generalization, held-out: [[Disc]]}",
            "held-out leaves no dataset"),
        Mistake(
            "evaluation: {protocols: generalization, held-out: [[X]]}",
            "held-out names 'X', which data.sets does not have"),
        Mistake("networks: {A: {network: resnet}}", "networks.A.network: 'resnet' is no network"),
        Mistake("networks: {A: {recipe: full}}", "networks.A: 'network' is missing"),
        Mistake(
            "networks: {A: {network: canet, prompts: box}}", "CA-Net takes no prompt, but 'box'"),
        Mistake(
            "networks: {A: {network: samus, prompts: prompt-free}}", "SAMUS needs a prompt"),
        Mistake("networks: {A: {network: canet, prompts: hint}}", "'hint' is no prompt"),
        Mistake(
            "networks: {A: {network: canet, budget: {steps: 9}}}",
            "a budget of steps needs the option batch, which A does not have"),
        Mistake(
            "networks: {A: {network: canet, protocols: universal}}",
            "A has the protocol universal, which evaluation.protocols does not have"),
        Mistake(
            "networks: {A: {network: canet, published: {universal: {Disc: 80.1}}}}",
            "published.universal.Disc: '80.1': a number above 0, at most 1"),
        Mistake("models: {A: {model: filled-box, prompts: fixed}}", "needs a box, not 'fixed'"),
        Mistake("models: {filled box: {model: x}}", "'filled box' occurs twice"),
        Mistake("networks:\n  A: {network: canet}\n  A: {network: unet}", "it is not YAML"),
    ]

    @Test("each mistake is named with its line and key", arguments: mistakes)
    func mistake(_ mistake: Mistake) throws {
        let error = #expect(throws: StudyError.self) { try study(mistake.text) }
        #expect(
            error.map { "\($0)".contains(mistake.message) } == true, "\(String(describing: error))")
    }

    @Test("groups may hold out every dataset, if each group leaves one for its training")
    func leaveOneOut() throws {
        let text = """
            study: a
            data: {sets: [A, B]}
            evaluation: {protocols: generalization, held-out: [[A], [B]]}
            """
        #expect(try study(text).evaluation.heldOut == [["A"], ["B"]])
        #expect(throws: StudyError.self) {
            try study(text.replacing("sets: [A, B]", with: "sets: [A, B], test-only: A"))
        }
    }

    @Test("aliases at the keys of mappings are refused before they are expanded")
    func aliasKeys() throws {
        var text = "a0: &a0 {x: 1}\n"
        for level in 1..<40 {
            text += "a\(level): &a\(level) {? [*a\(level - 1), *a\(level - 1)] : 1}\n"
        }
        let error = #expect(throws: StudyError.self) { try study(text) }
        #expect("\(try #require(error))".contains("78 aliases '*name'; at most 10 are read"))
    }

    @Test("a YAML reference that repeats a list many times is refused, not expanded")
    func references() throws {
        var text = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            text +=
                "a\(level): &a\(level) ["
                + (0..<10).map { _ in "*a\(level - 1)" }
                .joined(separator: ", ") + "]\n"
        }
        #expect(throws: StudyError.self) { try study(text) }
    }

    @Test("a file that is missing, too large or not text is refused")
    func files() throws {
        #expect(throws: StudyError.unreadable(path: "/none.yaml", reason: "there is no such file"))
        { try Study.read("/none.yaml") }
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data([0xFF, 0xFE, 0x00]).write(to: file)
        #expect(throws: StudyError.self) { try Study.read(file.path) }
        try Data(count: 2 << 20).write(to: file)
        #expect(throws: StudyError.self) { try Study.read(file.path) }
    }
}
