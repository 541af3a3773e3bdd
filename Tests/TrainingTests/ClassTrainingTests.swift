import Baselines
import Datasets
import Foundation
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

@testable import Training

/// Training on several classes at once: the classes of the data, the loss, and a small network.
@Suite("Training on several classes at once")
struct ClassTrainingTests {
    private func configuration(_ sets: String?, _ classes: String?) -> TrainingConfiguration {
        var configuration = TrainingConfiguration()
        configuration.data = Shared.package.appending(path: "Tests/Fixtures/study").path
        configuration.sets = sets
        configuration.classes = classes
        return configuration
    }

    @Test("an image is one training sample; the validation has one of each class")
    func selection() throws {
        for classes in ["all", "2,1"] {
            let selection = try SampleSelection(configuration("Ring", classes))
            #expect(selection.classes?.map(\.value) == [1, 2])
            #expect(selection.train.count == 8)
            #expect(Set(selection.train.map(\.image)).count == 8)
            let validation = selection.validation
            #expect(validation.count == 2 * Set(validation.map(\.image)).count)
            #expect(Set(validation.map(\.label)) == [1, 2])
        }
        #expect(try SampleSelection(configuration("Ring", nil)).classes == nil)
    }

    @Test(
        "what does not fit is refused",
        arguments: [
            ("Ring", "1"), ("Ring", "1,3"), ("Ring", "1,1"), ("Ring", "1,x"), ("Ring", "none"),
            ("Disc", "all"), ("Ring,Disc", "all"), ("Ring#1,Ring#2,Disc", "all"),
        ])
    func refused(sets: String, classes: String) {
        #expect(throws: TrainingError.self) { try SampleSelection(configuration(sets, classes)) }
    }

    @Test("only task-specific networks take classes, with the loss of several classes")
    func networks() throws {
        let plain = configuration("Ring", "all")
        try plain.checkClasses(for: .uNet)
        for architecture in [ModelArchitecture.samus, .autoSAMUS, .samed, .liteMedSAM] {
            #expect(throws: TrainingError.self) { try plain.checkClasses(for: architecture) }
        }
        var pieces = plain
        pieces.objects = .pieces
        var focal = plain
        focal.focal = 1
        for wrong in [pieces, focal] {
            #expect(throws: TrainingError.self) { try wrong.checkClasses(for: .uNet) }
        }
    }

    @Test("names of classes come from classes.csv")
    func names() throws {
        try withTemporaryFolder { folder in
            let data = try DrawnData(at: URL(filePath: folder + "/data"))
            try data.write("class,name\n1,bright\n2,\"dark, small\"\n", "Pairs/classes.csv")
            try data.write("Pairs/p\nPairs/q\n", "MainPatient/train-Pairs.txt")
            var configuration = configuration("Pairs", "all")
            configuration.data = data.root.path
            let classes = try SampleSelection(configuration).classes
            #expect(classes?.text == "1 bright, 2 dark, small")
            try data.write("class,name\n1\n", "Pairs/classes.csv")
            #expect(throws: DatasetError.self) { try SampleSelection(configuration) }
        }
    }

    @Test("the loss is the mean of cross entropy and Dice over background and classes")
    func loss() throws {
        // Two pixels, three channels.
        let logits: [[Double]] = [[1, 0, -1], [0.5, 2, 0]]
        let classes = [0, 1]
        let p = logits.map { row in
            let sum = row.map(exp).reduce(0, +)
            return row.map { exp($0) / sum }
        }
        let entropy = -(log(p[0][0]) + log(p[1][1])) / 2
        let dice = (0..<3).map { channel in
            let t = classes.map { $0 == channel ? 1.0 : 0 }
            let overlap = p[0][channel] * t[0] + p[1][channel] * t[1]
            let sum = p.reduce(0) { $0 + $1[channel] * $1[channel] } + t[0] + t[1]
            return 1 - (2 * overlap + 1e-5) / (sum + 1e-5)
        }
        let targets = (0..<3).flatMap { channel in
            classes.map { $0 == channel ? Float(1) : 0 }
        }
        let value = ClassLoss()(
            logits: Tensor(
                (0..<3).flatMap { channel in logits.map { Float($0[channel]) } },
                shape: [1, 3, 1, 2]),
            targets: Tensor(targets, shape: [1, 3, 1, 2]))
        #expect(abs(value.crossEntropy.item() - entropy) < 1e-6)
        #expect(abs(value.dice.item() - dice.reduce(0, +) / 3) < 1e-6)
        #expect(abs(value.total.item() - (entropy + dice.reduce(0, +) / 3) / 2) < 1e-6)
        // The third class is absent and does not matter where its probability is 0.
        let sure = ClassLoss()(
            logits: Tensor([Float(50), -50, -50, 50, -50, -50], shape: [1, 3, 1, 2]),
            targets: Tensor(targets, shape: [1, 3, 1, 2]))
        #expect(sure.total.item() < 1e-6)
    }

    @Test("the Dice of two processes is that of their images together")
    func pooled() throws {
        let logits = Tensor(
            (0..<24).map { Float(($0 * 7) % 11) / 4 - 1 }, shape: [2, 3, 2, 2])
        let classes = Tensor([0, 1, 2, 1, 0, 0, 2, 2].map(Float.init), shape: [2, 1, 2, 2])
        let targets = Tensor.concatenate((0..<3).map { (classes .== $0).to(.float32) }, axis: 1)
        let whole = ClassLoss()(logits: logits, targets: targets).dice.item() as Double
        var parts: [Tensor] = []
        for rank in 0..<2 {
            _ = ClassLoss()(logits: logits[rank..<rank + 1], targets: targets[rank..<rank + 1]) {
                parts.append($0)
                return $0
            }
        }
        let sum = parts[0] + parts[1]
        for rank in 0..<2 {
            let own = ClassLoss()(
                logits: logits[rank..<rank + 1], targets: targets[rank..<rank + 1]
            ) { _ in sum }
            #expect(abs(own.dice.item() - whole) < 1e-6)
        }
    }

    @Test("a small U-Net learns two classes: the loss falls, and the validation finds both")
    func learns() throws {
        var configuration = configuration("Ring", "all")
        configuration.recipe = .full
        configuration.network = .uNet
        configuration.batch = 4
        configuration.epochs = 12
        configuration.learningRate = 1e-2
        configuration.augment = "none"
        let selection = try SampleSelection(configuration)
        let transform = ExampleTransform(
            inputSize: 64, preprocessing: .samus, classes: selection.classes?.map(\.value),
            seed: 0, augment: { _, _ in }, read: { try $0.read() })
        let network = Initialization.seeded(1) { TinyUNet(outputs: 3) }
        let mix = try PromptMix("prompt-free")
        let batches = TrainingBatches(
            samples: selection.train, transform: transform, prompts: mix, size: 4)
        let trainer = try Trainer(
            network, architecture: .uNet, configuration: configuration, batches: batches,
            validation: Validation(
                samples: selection.validation, strategies: [.promptFree], transform: transform,
                network: network, encoder: nil, dtype: .float32, workers: 1, group: nil),
            encoder: nil, teacher: nil, group: nil, checkpoint: nil)
        let observer = LossObserver()
        #expect(try trainer.fit(observer: observer) == .finished)
        #expect(observer.losses.count == 24)
        let (first, last) = (observer.losses.prefix(2), observer.losses.suffix(2))
        #expect(last.reduce(0, +) < 0.6 * first.reduce(0, +), "\(observer.losses)")
        let dice = try #require(observer.dice)
        #expect(dice.keys.sorted() == ["Ring#1", "Ring#2"])
        #expect(dice.values.allSatisfy { $0 > 0.5 }, "\(dice)")
    }
}

/// Remembers the losses of all steps, and the last validation.
private final class LossObserver: TrainingObserver {
    var losses: [Double] = []
    var dice: [String: Double]?

    func stepDidEnd(_ step: StepReport, _ trainer: Trainer) throws {
        losses.append(step.loss)
    }

    func validationDidEnd(
        _ result: Validation.Result, isBest: Bool, _ trainer: Trainer
    ) throws {
        dice = result.dice
    }
}

/// A U-Net of two resolutions for images of 64 x 64 pixels.
private final class TinyUNet: Module, TaskNetwork {
    let outer: Sequential
    let inner: Sequential
    let joined: Sequential
    let head: Conv2d
    let outputs: Int

    init(outputs: Int) {
        outer = Sequential(Conv2d(1, 8, kernel: 3, padding: 1), BatchNorm2d(8), ReLU())
        inner = Sequential(
            MaxPool2d(4), Conv2d(8, 16, kernel: 3, padding: 1), BatchNorm2d(16), ReLU(),
            Upsample(4))
        joined = Sequential(Conv2d(24, 8, kernel: 3, padding: 1), BatchNorm2d(8), ReLU())
        head = Conv2d(8, outputs, kernel: 1)
        self.outputs = outputs
    }

    static var architecture: ModelArchitecture { .uNet }
    static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        TinyUNet(outputs: configuration.outputs)
    }

    var inputSize: Int { 64 }

    func logits(_ images: Tensor) -> Tensor {
        let skip = outer(images)
        return head(joined(.concatenate([skip, inner(skip)], axis: 1)))
    }
}
