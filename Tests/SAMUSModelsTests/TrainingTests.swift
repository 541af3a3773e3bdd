import Foundation
import SAMUSModels
import SegmentAnything
import TestSupport
import Testing
import Torch
import TorchNN

/// Results of training in the SAMUS authors' program.
private struct Trajectory: Decodable {
    struct Step: Decodable {
        let loss: Double
        let gradNorm: Double
    }

    let lr: Double
    let steps: [Step]
    let gradNormsStep0: [String: Double]
    let bce: Double
    let diceLoss: Double
    let finalLoss: Double

    static func read(_ file: URL) throws -> Trajectory {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .custom { path in
            // Names of parameters are keys too and must not be converted.
            let name = path[path.count - 1].stringValue
            let known = [
                "grad_norm": "gradNorm", "grad_norms_step0": "gradNormsStep0",
                "dice_loss": "diceLoss", "final_loss": "finalLoss",
            ]
            return Name(stringValue: known[name] ?? name)
        }
        return try decoder.decode(Trajectory.self, from: Data(contentsOf: file))
    }

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

@Suite("SAMUS trains as its authors' program does")
struct TrainingTests {
    private let batch: Golden
    private let expected: Trajectory
    private let network: SAMUS

    init() throws {
        batch = try Golden(authors: "samus-tiny-training/batch-and-first-gradients")
        expected = try Trajectory.read(
            Tiny.folder.appending(path: "samus-tiny-training/trajectory.json"))
        network = try Tiny.network()
        network.train()
        network.setTrainable(by: .samus)
    }

    @Test("the gradients of the first step agree")
    func gradients() throws {
        network.zeroGrad()
        let loss = loss()
        loss.backward()
        #expect(abs(loss.item() - expected.steps[0].loss) < 1e-5)
        let (entropy, dice) = withoutGrad { parts() }
        #expect(abs(entropy.item() - expected.bce) < 1e-5)
        #expect(abs(dice.item() - expected.diceLoss) < 1e-5)
        var found: [String: Tensor] = [:]
        for (name, parameter) in network.namedParameters() {
            found[name] = parameter.grad
        }
        let golden = batch.section("grad")
        #expect(golden.names.count == 47)
        for name in golden.names {
            let gradient = try #require(found[name], "\(name)")
            // The bias of the keys shifts all scores of a softmax equally, so its gradient is
            // rounding noise.
            expectClose(
                gradient, golden[name], absolute: name.hasSuffix("k.bias") ? 1e-8 : 0,
                relativeL2: 1e-4, name)
        }
        #expect(Set(found.keys) == Set(expected.gradNormsStep0.keys))
        for (name, norm) in expected.gradNormsStep0 where norm > 1e-9 {
            let gradient = try #require(found[name], "\(name)")
            #expect(abs(length([gradient]) - norm) <= 1e-4 * norm, "\(name)")
        }
    }

    @Test("losses and weights agree over six steps of Adam")
    func steps() {
        let optimizer = Adam(network.trainable, learningRate: expected.lr)
        for (index, step) in expected.steps.enumerated() {
            network.zeroGrad()
            let loss = loss()
            loss.backward()
            let found = length(network.trainable.compactMap(\.grad))
            #expect(abs(loss.item() - step.loss) <= 1e-4 * step.loss, "step \(index)")
            #expect(
                abs(found - step.gradNorm) <= (index == 0 ? 1e-4 : 1e-3) * step.gradNorm,
                "step \(index): \(found), \(step.gradNorm)")
            optimizer.step()
        }
        #expect(abs(loss().item() - expected.finalLoss) <= 1e-4 * expected.finalLoss)
    }

    @Test(
        "activation checkpointing gives the same gradients",
        arguments: [DType.float32, .bfloat16])
    func checkpointing(precision: DType) throws {
        func gradients(checkpointed: Bool) -> [String: Tensor] {
            network.checkpointsActivations = checkpointed
            network.zeroGrad()
            loss(in: precision).backward()
            return network.namedParameters().reduce(into: [:]) { $0[$1.name] = $1.parameter.grad }
        }
        let stored = gradients(checkpointed: false)
        let recomputed = gradients(checkpointed: true)
        #expect(Set(recomputed.keys) == Set(stored.keys) && stored.count > 47)
        for (name, gradient) in stored {
            let found = try #require(recomputed[name], "\(name)")
            // The sums may differ, because threads add in another order.
            expectClose(found, gradient, absolute: 1e-9, relativeL2: 1e-6, name)
        }
    }

    /// `0.2 BCE + 0.8 Dice`.
    private func loss(in precision: DType = .float32) -> Tensor {
        let (entropy, dice) = parts(in: precision)
        return entropy * 0.2 + dice * 0.8
    }

    /// Positive pixels have weight 2 in BCE; Dice is pooled over the batch.
    private func parts(in precision: DType = .float32) -> (entropy: Tensor, dice: Tensor) {
        let prompts = PromptTensors(
            points: batch["points"], labels: batch["labels"].to(.float32))
        let logits = withAutocast(to: precision) {
            network.decode(network.encode(batch["input.image"]), prompts: prompts).logits
        }.to(.float32)
        let target = batch["target.low_mask"].to(.float32)
        let entropy = binaryCrossEntropy(
            logits: logits, targets: target, positiveWeight: Tensor(Float(2)))
        let inside = sigmoid(logits)
        let overlap = (inside * target).sum() * 2 + 1e-5
        let dice = overlap / ((inside * inside).sum() + (target * target).sum() + 1e-5)
        return (entropy, 1 - dice)
    }

    private func length(_ tensors: [Tensor]) -> Double {
        tensors.reduce(0) { $0 + ($1 * $1).sum().item() }.squareRoot()
    }
}
