import TestSupport
import Testing
import Torch
import TorchNN

@Suite("Adam and AdamW follow PyTorch's fused optimizers")
struct AdamTests {
    @Test(
        "five steps, the last two at another learning rate",
        arguments: [
            ("adam-0.0", WeightDecay.inGradient(0)), ("adam-0.1", .inGradient(0.1)),
            ("adamw-0.0", .decoupled(0)), ("adamw-0.1", .decoupled(0.1)),
        ])
    func trajectory(name: String, decay: WeightDecay) throws {
        // The section's name has a dot of its own.
        let golden = try Golden("torch/adam").section(name)
        let weights = golden.list("start").map { Parameter($0) }
        let optimizer = Adam(
            weights, learningRate: 0.05, betas: (0.8, 0.99), epsilon: 1e-7, weightDecay: decay)
        for step in 0..<5 {
            for (weight, gradient) in zip(weights, golden.list("gradient.\(step)")) {
                weight.value.setGrad(gradient)
            }
            if step == 3 {
                optimizer.learningRate = 0.01
            }
            optimizer.step()
            let expected = golden.list("after.\(step)")
            #expect(expected.count == weights.count)
            for (weight, expected) in zip(weights, expected) {
                expectClose(weight.value, expected, "\(name) after step \(step)")
            }
        }
    }

    @Test("parameters without a gradient stay as they are")
    func skipsParametersWithoutGradient() {
        let still = Parameter(constant: 1, [2])
        let moved = Parameter(constant: 1, [2])
        moved.value.setGrad(.ones([2]))
        let optimizer = Adam([still, moved], learningRate: 0.1, weightDecay: .decoupled(0.1))
        optimizer.step()
        #expect(still.value.floats() == [1, 1])
        #expect(moved.value.floats().allSatisfy { $0 < 0.95 })
        #expect(still.isTrainable && moved.isTrainable)
    }

    @Test("a small network learns")
    func learns() {
        let stream = Generator(seed: 5)
        let x = Tensor.normal([64, 4], generator: stream)
        let target = x.sum(axes: [1], keepingAxes: true).tanh()
        let network = Sequential(Linear(4, 16), GELU(), Linear(16, 1))
        let optimizer = Adam(network.trainable, learningRate: 0.02)
        var losses: [Double] = []
        for _ in 0..<100 {
            network.zeroGrad()
            let loss = meanSquaredError(network(x), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        }
        #expect(losses[99] < 0.1 * losses[0])
    }
}
