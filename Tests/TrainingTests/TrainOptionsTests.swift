import ArgumentParser
import Testing

@testable import TrainCommands
@testable import Training

@Suite("The options of samus train")
struct TrainOptionsTests {
    /// A value for every option that is given as text.
    private static let values = [
        "data": "D", "sets": "-A,B", "augment": "none", "prompts": "box", "embeddings": "E",
        "validation-prompts": "box", "recipe": "full", "network": "sam", "from": "F",
        "decoder-from": "G", "teacher": "T", "global-blocks": "1", "freeze": "a", "unfreeze": "b",
        "optimizer": "adamw", "schedule": "cosine", "precision": "bf16", "device": "mps",
        "licence": "CC0", "ema": "0.5", "fraction": "0.5", "validation-fraction": "0.5",
        "balance": "0.5", "objects": "pieces", "nothing": "0.2",
        "select": "val/iou", "adapter": "msa", "input-size": "64", "without": "cnn-branch",
    ]

    @Test("every option sets the field of the configuration with its name")
    func complete() throws {
        for field in TrainingConfiguration.fields {
            let isFlag = field.value(in: .default) == .flag(false)
            let value = Self.values[field.key] ?? "3"
            let command = try TrainCommand.parse(
                ["--resume", "R", isFlag ? "--\(field.key)" : "--\(field.key)=\(value)"])
            let given = command.given.entries
            #expect(given.map(\.name) == [field.key])
            var configuration = TrainingConfiguration()
            try configuration.set(command.given)
            #expect(
                field.value(in: configuration) != field.value(in: .default), "--\(field.key)")
        }
    }

    @Test("options that are not given are nil; a given default value is not")
    func given() throws {
        #expect(try TrainCommand.parse(["--resume", "R"]).given.entries == [])
        let command = try TrainCommand.parse(["--resume", "R", "--epochs", "200"])
        #expect(command.given == RunArguments([.init("epochs", .integer(200))]))
    }

    @Test("the help states the default of every option")
    func help() {
        let help = TrainCommand.helpMessage(columns: 1000)
        for field in TrainingConfiguration.fields {
            #expect(help.contains("--\(field.key)"))
        }
        #expect(help.contains("Number of epochs. (default: 200)"))
        #expect(help.contains("Learning rate after the warm-up. (default: 0.0005)"))
    }
}
