import TestSupport
import Testing
import Torch

@testable import TorchNN

/// A module with every kind of member that reflection must find.
private class Block: Module {
    let fc1 = Linear(2, 3)
    let queryKeyValue = Linear(2, 2, bias: false)
    let layers: [Module] = [ReLU(), Linear(1, 1)]
    let norms: [LayerNorm] = [LayerNorm(2), LayerNorm(3)]
    let tokens: [Parameter] = [Parameter(constant: 0, [1]), Parameter(constant: 0, [2])]
    let present: Linear? = Linear(1, 1, bias: false)
    let absent: Linear? = nil
    let neck = Sequential(Linear(1, 2), GELU(), Linear(2, 1, bias: false))
    let positions = Buffer(constant: 0, [4])
    let width = 7
    let names = ["a", "b"]

    override class var checkpointNames: [String: String] {
        ["fc1": "D_fc1", "positions": "pos_embed"]
    }
}

private final class LargerBlock: Block {
    let head = Parameter(constant: 1, [2])

    override class var checkpointNames: [String: String] {
        super.checkpointNames.merging(["head": "out"]) { $1 }
    }
}

@Suite("Modules")
struct ModuleTests {
    @Test("names are PyTorch's, those of the superclass first")
    func names() {
        let expected = [
            "tokens.0", "tokens.1", "pos_embed", "D_fc1.weight", "D_fc1.bias",
            "query_key_value.weight", "layers.1.weight", "layers.1.bias", "norms.0.weight",
            "norms.0.bias", "norms.1.weight", "norms.1.bias", "present.weight", "neck.0.weight",
            "neck.0.bias", "neck.2.weight",
        ]
        #expect(Block().namedValues().map(\.name).sorted() == expected.sorted())
        #expect(
            LargerBlock().namedValues().map(\.name).sorted() == (expected + ["out"]).sorted())
    }

    @Test("submodules are visited with their names, parents first")
    func visits() {
        var found: [String] = []
        Block().visit { name, _ in found.append(name) }
        #expect(
            found == [
                "", "D_fc1", "query_key_value", "layers.0", "layers.1", "norms.0", "norms.1",
                "present", "neck", "neck.0", "neck.1", "neck.2",
            ])
    }

    @Test("parameters are trainable, buffers are not; names select what is frozen")
    func freezing() {
        let block = LargerBlock()
        #expect(block.parameters.count == block.namedValues().count - 1)
        #expect(block.trainable.count == block.parameters.count)
        block.setTrainable(false)
        block.setTrainable(true) { $0.hasPrefix("neck.") }
        #expect(
            block.namedParameters().filter(\.parameter.isTrainable).map(\.name)
                == ["neck.0.weight", "neck.0.bias", "neck.2.weight"])
    }

    @Test("training mode reaches every submodule")
    func modes() {
        let block = Block()
        let modes = {
            var found: Set<Bool> = []
            block.visit { found.insert($1.isTraining) }
            return found
        }
        #expect(modes() == [true])
        block.evaluate()
        #expect(modes() == [false])
        block.train()
        #expect(modes() == [true])
    }

    @Test("zeroGrad removes gradients")
    func zeroGrad() {
        let layer = Linear(2, 1)
        layer(Tensor.ones([1, 2])).sum().backward()
        #expect(layer.parameters.allSatisfy { $0.grad != nil })
        layer.zeroGrad()
        #expect(layer.parameters.allSatisfy { $0.grad == nil })
    }

    @Test("move converts floating point tensors only and keeps parameters frozen")
    func moves() {
        let norm = BatchNorm2d(2)
        norm.setTrainable(false) { $0 == "bias" }
        norm.move(to: .cpu, dtype: .bfloat16)
        let types = norm.namedValues().map { "\($0.name) \($0.value.value.dtype)" }
        #expect(
            types == [
                "weight bfloat16", "bias bfloat16", "running_mean bfloat16",
                "running_var bfloat16", "num_batches_tracked int64",
            ])
        #expect(norm.namedParameters().map(\.parameter.isTrainable) == [true, false])
    }
}
