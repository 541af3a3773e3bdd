import TestSupport
import Testing
import Torch

@testable import TorchNN

@Suite("Initial weights")
struct InitializationTests {
    @Test("weights of linear layers and convolutions are uniform over PyTorch's interval")
    func bounds() {
        // 1 / sqrt(fan-in), where PyTorch counts output channels for a transposed convolution.
        expectEven(Linear(64, 300).parameters, bound: 1 / 8)
        expectEven(Conv2d(8, 300, kernel: 4, groups: 2).parameters, bound: 1 / 8)
        expectEven(ConvTranspose2d(300, 16, kernel: 2).parameters, bound: 1 / 8)
    }

    @Test("embeddings are normally distributed")
    func normal() {
        let values = Embedding(400, 50).table.detached()
        let mean = values.mean().item()
        let deviation = (values * values).mean().squareRoot().item()
        #expect(abs(mean) < 0.05)
        #expect(abs(deviation - 1) < 0.05)
    }

    @Test("norms start as the identity")
    func norms() {
        let x = Tensor.normal([4, 3, 5, 5])
        let norm = BatchNorm2d(3)
        #expect(
            norm.namedValues().map { $0.value.value.floats() } == [
                [1, 1, 1], [0, 0, 0], [0, 0, 0], [1, 1, 1], [0],
            ])
        norm.evaluate()
        let difference = (norm(x) - x).abs().max().item()
        #expect(difference < 1e-4)
    }

    @Test("skipped weights have their shapes and are trainable")
    func skipped() {
        let layer = Initialization.skipped { Linear(20, 10) }
        #expect(layer.weight.value.shape == [10, 20])
        #expect(layer.trainable.count == 2)
        #expect(Linear(4, 4).weight.value.floats().contains { $0 != 0 })
    }

    #if compiler(>=6.2)
        // In a separate process, because all tests share memory and the default generator.
        @Test(
            "skipped weights take no memory and no random numbers",
            .enabled(if: residentMemory() != nil, "needs /proc"))
        func skippedCostsNothing() async {
            await #expect(processExitsWith: .success) {
                Generator.seedDefault(1)
                let expected = Tensor.uniform([8]).floats()
                Generator.seedDefault(1)
                let before = try #require(residentMemory())
                // 200 MB.
                let layer = Initialization.skipped { Linear(10_000, 5000) }
                try #require(try #require(residentMemory()) - before < 20 << 20)
                try #require(Tensor.uniform([8]).floats() == expected)
                try #require(layer.weight.value.shape == [5000, 10_000])
            }
        }
    #endif

    private func expectEven(
        _ parameters: [Parameter], bound: Double,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for values in parameters.map({ $0.value.detached() }) {
            let largest = values.abs().max().item()
            #expect(largest <= bound, sourceLocation: sourceLocation)
            // Small tensors, such as a bias of 16 elements, may not reach the ends of the interval.
            guard values.elementCount >= 300 else { continue }
            #expect(largest > 0.98 * bound, sourceLocation: sourceLocation)
            let deviation = (values * values).mean().squareRoot().item()
            #expect(
                abs(deviation / bound - 1 / 3.0.squareRoot()) < 0.06,
                sourceLocation: sourceLocation)
        }
    }
}
