import TestSupport
import Testing
import Torch

@testable import TorchNN

@Suite("Folding a batch norm into its convolution")
struct FoldingTests {
    let input = Tensor.normal([2, 4, 6, 5], generator: Generator(seed: 3))

    private func folded() -> ConvBatchNorm {
        let block = ConvBatchNorm(4, 6)
        block.evaluate()
        block.fold()
        #expect(withoutGrad { block.isFolded })
        return block
    }

    /// Whether the block gives the same result as an unfolded block with equal weights.
    private func expectCurrent(_ block: ConvBatchNorm, _ note: String) throws {
        let plain = ConvBatchNorm(4, 6)
        try plain.load(block.stateDictionary())
        plain.evaluate()
        withoutGrad { expectClose(block(input), plain(input), absolute: 1e-5, note) }
    }

    @Test("folding agrees with PyTorch's unfolded layers to 1e-5", arguments: ["", "-grouped"])
    func agrees(kind: String) throws {
        let golden = try LayerTests.modules.get().section("conv-batch-norm\(kind)")
        let block =
            kind.isEmpty
            ? ConvBatchNorm(4, 6, kernel: 3, stride: 2, padding: 1)
            : ConvBatchNorm(4, 8, kernel: 3, padding: 1, groups: 4)
        try block.load(golden.weights)
        block.evaluate()
        block.foldBatchNorms()
        withoutGrad {
            #expect(block.isFolded)
            expectClose(block(golden["input.0"]), golden["output.0"], absolute: 1e-5)
        }
    }

    @Test("folding is not used with gradients: both layers are trained")
    func gradients() throws {
        let block = folded()
        block(input).sum().backward()
        #expect(block.parameters.allSatisfy { $0.grad != nil })
        let before = block.convolution.weight.value.floats()
        Adam(block.trainable, learningRate: 0.1).step()
        #expect(block.convolution.weight.value.floats() != before)
        try expectCurrent(block, "after a step in inference mode")
    }

    @Test("folded weights are discarded when the weights change")
    func stale() throws {
        let other = ConvBatchNorm(4, 6)
        let changes: [(String, (ConvBatchNorm) throws -> Void)] = [
            ("loaded", { try $0.load(other.stateDictionary()) }),
            (
                "the convolution alone loaded",
                { block in
                    try block.convolution.load(other.convolution.stateDictionary())
                }
            ),
            (
                "written in place",
                { block in
                    withoutGrad { block.norm.weight.value.fill(with: 0.5) }
                }
            ),
            ("statistics written in place", { $0.norm.runningMean.value.fill(with: 1) }),
            (
                "a batch seen in training",
                { block in
                    block.train()
                    _ = block(Tensor.normal([2, 4, 6, 5], generator: Generator(seed: 4)))
                    block.evaluate()
                }
            ),
        ]
        for (note, change) in changes {
            let block = folded()
            try change(block)
            #expect(withoutGrad { !block.isFolded }, "\(note)")
            try expectCurrent(block, note)
        }
    }

    @Test("folding is not used when only the norm is in training mode")
    func normTraining() {
        let block = folded()
        block.norm.train()
        #expect(withoutGrad { !block.isFolded })
    }

    @Test("folded weights are discarded when the module changes type")
    func moved() {
        let block = folded()
        block.move(to: .cpu, dtype: .float64)
        withoutGrad { #expect(block(input.to(.float64)).dtype == .float64) }
    }
}
