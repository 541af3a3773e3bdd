import TestSupport
import Testing
import Torch
import TorchNN

@Suite("Adam and AdamW follow PyTorch's fused optimizers")
struct AdamTests {
    @Test(
        "five steps agree, the last two at another learning rate",
        arguments: [
            ("adam-0.0", WeightDecay.inGradient(0)), ("adam-0.1", .inGradient(0.1)),
            ("adamw-0.0", .decoupled(0)), ("adamw-0.1", .decoupled(0.1)),
        ])
    func trajectory(name: String, decay: WeightDecay) throws {
        // The section's name contains a dot.
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

    @Test("parameters without a gradient do not change")
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

    @Test("a gradient with other strides is paired by index")
    func gradientsInAnotherOrder() {
        let numbers = Tensor([Float(1), -2, 3, -4, 5, -6], shape: [2, 3])
        let shapes: [(Tensor) -> Tensor] = [
            { $0 }, { $0.transposed(0, 1).contiguous().transposed(0, 1) },
            { $0[.all, 0..<1].expanded([2, 3]) },
        ]
        for shape in shapes {
            let gradient = shape(numbers)
            let found = Parameter(constant: 0, [2, 3])
            let expected = Parameter(constant: 0, [2, 3])
            found.value.setGrad(gradient)
            expected.value.setGrad(gradient.contiguous())
            Adam([found], learningRate: 0.1).step()
            Adam([expected], learningRate: 0.1).step()
            #expect(found.value.floats() == expected.value.floats())
            // Adam's first step has the opposite sign of the gradient.
            #expect(found.value.floats().map { $0 < 0 } == gradient.floats().map { $0 > 0 })
        }
        let columns = Parameter(Tensor.zeros([3, 2]).transposed(0, 1))
        columns.value.setGrad(numbers)
        Adam([columns], learningRate: 0.1).step()
        #expect(columns.value.floats().map { $0 < 0 } == numbers.floats().map { $0 > 0 })
    }

    #if compiler(>=6.2)
        @Test("parameters with gaps and moments of another layout are refused")
        func refusals() async {
            await expectWords(
                "Adam cannot change Tensor(float32, [2], cpu) with strides [2]",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let gaps = Parameter(Tensor.zeros([2, 2])[.all, 0])
                    gaps.value.setGrad(.ones([2]))
                    Adam([gaps]).step()
                })
            await expectWords(
                "Adam has moments for Tensor(float32, [1, 4], cpu), and the layout of",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let layer = Linear(4, 1, bias: false)
                    let optimizer = Adam(layer.parameters)
                    layer.parameters[0].value.setGrad(.ones([1, 4]))
                    optimizer.step()
                    layer.move(to: .cpu, dtype: .float64)
                    layer.parameters[0].value.setGrad(.ones([1, 4], dtype: .float64))
                    optimizer.step()
                })
        }
    #endif

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
