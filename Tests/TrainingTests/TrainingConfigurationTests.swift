import FileIO
import Foundation
import Testing

@testable import Training

@Suite("What to do if the memory is not sufficient for a training step")
struct MemoryAdviceTests {
    @Test("the advice names batch, size and only options that help")
    func advice() {
        var configuration = TrainingConfiguration()
        configuration.batch = 8
        #expect(
            TrainingSession.memoryAdvice(configuration, inputSize: 256, canCheckpoint: true)
                == "a step has batch 8 of 256x256 pixels: use a smaller --batch (and --accumulate "
                + "for the same step), or --checkpoint-activations, or --precision bf16")
        configuration.batch = 1
        configuration.precision = .bf16
        #expect(
            TrainingSession.memoryAdvice(configuration, inputSize: 512, canCheckpoint: true)
                == "a step has batch 1 of 512x512 pixels: use --checkpoint-activations")
        configuration.checkpointActivations = true
        #expect(
            TrainingSession.memoryAdvice(configuration, inputSize: 512, canCheckpoint: true)
                == "a step has batch 1 of 512x512 pixels")
    }
}

@Suite("The training configuration")
struct TrainingConfigurationTests {
    /// A configuration in which every option has another value than its default.
    private static let changed: TrainingConfiguration = {
        var configuration = TrainingConfiguration()
        configuration.data = "/data/us 30k: a #1"
        configuration.sets = "no"
        configuration.fraction = 0.5
        configuration.balance = 0.5
        configuration.objects = .pieces
        configuration.classes = "1,2"
        configuration.nothing = 0.2
        configuration.augment = "1e3"
        configuration.prompts = "click,box"
        configuration.variants = 0
        configuration.embeddings = "2024-01-01"
        configuration.embeddingsLimit = 1.0 / 3
        configuration.imageCache = 2
        configuration.validationPrompts = "fixed"
        configuration.validationFraction = 0.25
        configuration.select = "val/iou"
        configuration.recipe = .full
        configuration.network = .autoSAMUS
        configuration.adapter = .samMed2D
        configuration.loraRank = 8
        configuration.inputSize = 512
        configuration.from = "~"
        configuration.decoderFrom = "012"
        configuration.teacher = "1:30"
        configuration.teacherWeight = 0
        configuration.width = 192
        configuration.depth = 4
        configuration.heads = 3
        configuration.globalBlocks = "2"
        configuration.without = "cnn-branch"
        configuration.freeze = "two\nlines \"quoted\" é"
        configuration.unfreeze = "mask_decoder."
        configuration.epochs = 2
        configuration.batch = 1
        configuration.accumulate = 4
        configuration.optimizer = .adamw
        configuration.learningRate = 1e-300
        configuration.schedule = .cosine
        configuration.warmUp = 10
        configuration.weightDecay = 0.1
        configuration.clip = 1
        configuration.ema = 0.999
        configuration.dicePerImage = true
        configuration.focal = 0.5
        configuration.positiveWeight = 1
        configuration.iouLoss = 1
        configuration.precision = .bf16
        configuration.seed = .max
        configuration.divergence = 0
        configuration.patience = 3
        configuration.timeLimit = 1.5
        configuration.saveEvery = 0
        configuration.threads = 3
        configuration.workers = 1
        configuration.deterministic = true
        configuration.checkpointActivations = true
        configuration.device = .mps
        configuration.licence = "CC0"
        return configuration
    }()

    @Test("auto is bf16 on a processor that has it, else f32; other precisions are themselves")
    func automaticPrecision() {
        let expected: PrecisionName = Processor.current.hasBFloat16 ? .bf16 : .f32
        #expect(PrecisionName.auto.chosen(on: .cpu) == expected)
        #expect(PrecisionName.auto.chosen(on: .cuda) == .f32)
        #expect(PrecisionName.f16.chosen(on: .cuda) == .f16)
        #expect(PrecisionName.f32.chosen(on: .cpu) == .f32)
    }

    @Test("the configuration has one field for every property")
    func complete() {
        let fields = TrainingConfiguration.fields
        #expect(fields.count == Mirror(reflecting: TrainingConfiguration()).children.count)
        #expect(Set(fields.map(\.key)).count == fields.count)
        let unchanged = fields.filter { $0.value(in: Self.changed) == $0.value(in: .default) }
        #expect(unchanged.map(\.key) == [], "the test must change every option")
    }

    @Test("the configuration is equal after writing and reading as args.yaml and as JSON")
    func roundTrip() throws {
        for configuration in [Self.changed, .default] {
            try withTemporaryFolder { folder in
                try configuration.arguments.write(to: folder + "/args.yaml")
                var read = TrainingConfiguration()
                try read.set(RunArguments.read(folder + "/args.yaml"))
                #expect(read == configuration)
            }
            let json = try JSONEncoder().encode(configuration)
            #expect(
                try JSONDecoder().decode(TrainingConfiguration.self, from: json) == configuration)
        }
    }

    @Test("on resume, options that affect the result cannot change, and the others can")
    func resuming() throws {
        for field in TrainingConfiguration.fields {
            var configuration = TrainingConfiguration()
            let change = RunArguments([.init(field.key, field.value(in: Self.changed))])
            if field.affectsResult {
                #expect(throws: TrainingError.self, "\(field.key)") {
                    try configuration.change(change)
                }
                #expect(configuration == .default)
            } else {
                try configuration.change(change)
                #expect(field.value(in: configuration) == field.value(in: Self.changed))
            }
        }
    }

    @Test("on resume, precision auto is the precision that the run has")
    func resumingWithAutomaticPrecision() throws {
        for precision in [PrecisionName.f32, .bf16] {
            var configuration = TrainingConfiguration()
            configuration.precision = precision
            try configuration.change(RunArguments([.init("precision", .text("auto"))]))
            #expect(configuration.precision == precision)
        }
    }

    @Test("keys of former versions are read; unknown keys and wrong types are refused")
    func formerKeys() throws {
        var configuration = TrainingConfiguration()
        try configuration.set(
            RunArguments([
                .init("picture-cache", .number(2)), .init("dice-per-picture", .flag(true)),
                .init("validate", .text("click,none")), .init("keep-every", .integer(1)),
                .init("weight-decay", .null), .init("seed", .text("7")),
            ]))
        #expect(configuration.imageCache == 2 && configuration.dicePerImage)
        #expect(configuration.validationPrompts == "click,none" && configuration.saveEvery == 1)
        #expect(configuration.weightDecay == nil && configuration.seed == 7)
        for (key, value) in [("epoch", RunArgument.integer(3)), ("epochs", .text("many"))] {
            #expect(throws: TrainingError.self) {
                try configuration.set(RunArguments([.init(key, value)]))
            }
        }
    }

    @Test(
        "a value out of range is refused with the name of the option",
        arguments: [
            ("epochs", RunArgument.integer(0)), ("fraction", .number(0)), ("ema", .number(1)),
            ("clip", .number(0)), ("learning-rate", .number(.infinity)), ("patience", .integer(0)),
            ("divergence", .number(-1)), ("embeddings-limit", .number(.infinity)),
            ("variants", .integer(1001)), ("workers", .integer(0)), ("warm-up", .integer(-1)),
        ])
    func ranges(key: String, value: RunArgument) throws {
        var configuration = TrainingConfiguration()
        try configuration.check()
        try configuration.set(RunArguments([.init(key, value)]))
        let error = #expect(throws: TrainingError.self) { try configuration.check() }
        #expect(error?.description.contains("--\(key)") == true)
    }
}

@Suite("The identity of a run")
struct RunIdentityTests {
    private func identity(
        _ configuration: TrainingConfiguration = .default, samples: String = "f1",
        processes: Int = 1
    ) -> RunIdentity {
        RunIdentity(
            configuration, weights: ["a.pth": "sha"], teacher: nil, samples: samples,
            processes: processes)
    }

    @Test("an identity agrees with its own text, and differences are named")
    func differences() throws {
        let stated = try identity().json
        let none = RunArguments([])
        #expect(identity().differences(from: stated, arguments: none) == [])
        var other = TrainingConfiguration()
        other.learningRate = 1e-3
        other.workers = 9
        #expect(
            identity(other).differences(from: stated, arguments: none)
                == ["learning-rate is 0.001, was 0.0005"])
        #expect(identity(samples: "f2").differences(from: stated, arguments: none).count == 1)
        #expect(identity(processes: 2).differences(from: stated, arguments: none).count == 1)
        #expect(!identity().differences(from: nil, arguments: none).isEmpty)
    }

    /// The text is that of version 0.1.0 for `args.yaml` with these options.
    @Test("an identity agrees with the text of checkpoints of version 0.1")
    func former() {
        let arguments = RunArguments([
            .init("data", .text("ROOT")), .init("sets", .null), .init("fraction", .number(1)),
            .init("augment", .text("authors")), .init("picture-cache", .number(1)),
            .init("dice-per-picture", .flag(false)), .init("epochs", .integer(2)),
            .init("seed", .text("0")), .init("keep-every", .number(0)),
        ])
        let stated =
            "sets=none fraction=number(1.0) augment=text(\"authors\") dice-per-picture=flag(false) "
            + "epochs=integer(2) seed=text(\"0\") SAMUS {\"width\":16} started from a.pth "
            + "a.pth=sha samples=f1"
        #expect(identity().differences(from: stated, arguments: arguments) == [])
        #expect(!identity(samples: "f2").differences(from: stated, arguments: arguments).isEmpty)
        #expect(!identity(processes: 2).differences(from: stated, arguments: arguments).isEmpty)
        let edited = RunArguments([.init("sets", .text("BUSI"))])
        #expect(!identity().differences(from: stated, arguments: edited).isEmpty)
    }
}
