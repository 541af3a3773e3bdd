import TestSupport
import Testing
import Torch

@testable import TorchNN

@Suite("Folding a batch norm into its convolution")
struct FoldingTests {
    let input = Tensor.normal([2, 4, 6, 5], generator: Generator(seed: 3))

    @Test("gives PyTorch's unfolded result, to 1e-5", arguments: ["", "-grouped"])
    func agrees(kind: String) throws {
        let golden = try LayerTests.modules.get().section("conv-batch-norm\(kind)")
        let block =
            kind.isEmpty
            ? ConvBatchNorm(4, 6, kernel: 3, stride: 2, padding: 1)
            : ConvBatchNorm(4, 8, kernel: 3, padding: 1, groups: 4)
        try block.load(golden.weights)
        block.evaluate()
        block.foldBatchNorms()
        #expect(block.isFolded)
        expectClose(block(golden["input.0"]), golden["output.0"], absolute: 1e-5)
    }

    @Test("is forgotten by training")
    func forgottenByTraining() {
        let block = ConvBatchNorm(4, 6)
        block.evaluate()
        block.fold()
        let folded = block(input).floats()
        block.train()
        #expect(block(input).floats() != folded)
        block.evaluate()
        #expect(!block.isFolded)
        // The statistics of the batch above count now.
        #expect(block(input).floats() != folded)
    }

    @Test("is forgotten by loading other weights")
    func forgottenByLoading() throws {
        let first = ConvBatchNorm(4, 6)
        let second = ConvBatchNorm(4, 6)
        for block in [first, second] { block.evaluate() }
        second.fold()
        try second.load(first.stateDictionary())
        #expect(!second.isFolded)
        #expect(second(input).floats() == first(input).floats())
    }

    @Test("is forgotten by a move to another type")
    func forgottenByMoving() {
        let block = ConvBatchNorm(4, 6)
        block.evaluate()
        block.fold()
        block.move(to: .cpu, dtype: .float64)
        #expect(block(input.to(.float64)).dtype == .float64)
    }
}
