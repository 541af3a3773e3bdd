import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

@testable import Baselines

/// One after the other: a training step of the largest network needs several GB.
@Suite(
    "Comparison networks agree with their authors' programs", .serialized,
    .enabled(if: Shared.isPresent, "without ../shared"))
struct BaselineTests {
    @Test("names, shapes and kinds of all tensors", arguments: BaselineCase.all)
    func tensors(one: BaselineCase) throws {
        let golden = try one.golden()
        let network = Initialization.skipped { one.make() }
        var found = Dictionary(
            uniqueKeysWithValues: network.namedValues().map { name, value in
                (name, "\(value is Buffer ? "buffer" : "parameter") \(value.value.shape)")
            })
        let expected = Dictionary(
            uniqueKeysWithValues: golden.parameters.map { ($0.name, "\($0.kind) \($0.shape)") })
        // Keras, which has the block of AAU-Net, does not count batches.
        if one.folder == "aaunet" {
            found = found.filter { !$0.key.hasSuffix("num_batches_tracked") }
        }
        let missing = expected.keys.filter { found[$0] == nil }.sorted()
        let surplus = found.keys.filter { expected[$0] == nil }.sorted()
        #expect(missing.isEmpty)
        #expect(surplus.isEmpty)
        for (name, value) in found { #expect(value == expected[name] ?? value, "\(name)") }
    }

    @Test(
        "logits and stages of the forward pass; the decoded masks have the same logits",
        arguments: BaselineCase.all)
    func forward(one: BaselineCase) throws {
        let golden = try one.golden()
        let network = try one.network(golden)
        network.evaluate()
        let shapes = Set(golden.stages.map(golden.shape))
        var candidates: [Tensor] = []
        let logits = withoutGrad {
            OperatorLog.observing { call in
                candidates += call.results.filter { shapes.contains($0.shape) }
            } _: {
                one.outputs(network, golden.input)
            }
        }
        let last = try #require(logits.last)
        expectClose(
            golden.sampleOfLogits(last), golden.logits, absolute: 0,
            relativeL2: one.stageTolerance, "logits")
        for stage in golden.stages {
            // A stage is the result of an operator; another tensor cannot agree by chance.
            let expected = golden.stored(stage)
            let differences = candidates.filter { $0.shape == golden.shape(of: stage) }.map {
                Difference(golden.sample($0, of: stage).contiguous(), expected).relativeL2
            }
            let nearest = try #require(differences.min(), "\(stage): no tensor of its shape")
            #expect(nearest <= one.stageTolerance, "\(stage)")
        }
        let side = golden.input.size(2)
        guard golden.input.size(3) == side, last.size(1) == 1 else { return }
        try withoutGrad {
            let embedding = network.encode(golden.input)
            #expect(embedding.shape == [1, network.embeddingWidth, side / 4, side / 4])
            let masks = try #require(network.decodePromptFree(embedding))
            expectClose(masks.logits, last, absolute: 0, "decoded masks")
            #expect((0...1).contains(masks.iou.item()))
        }
    }

    @Test(
        "loss, gradients and running statistics of a training step",
        arguments: BaselineCase.trained)
    func training(one: BaselineCase) throws {
        let golden = try one.golden()
        let network = try one.network(golden)
        if network.isTrainedChannelsLast { network.useChannelsLast() }
        network.setTrainable(true)
        network.train()
        let outputs = one.outputs(network, try one.batch(golden))
        var loss = Tensor(Float(0))
        for logits in outputs { loss = loss + (logits * logits).mean() }
        let expected = golden.training
        #expect(abs(loss.item() / expected.loss - 1) < 3e-5, "\(loss.item()), not \(expected.loss)")
        loss.backward()
        let norms = expected.gradientNorms.compactMapValues(\.self)
        let largest = try #require(norms.values.max())
        for (name, parameter) in network.namedParameters() {
            guard let norm = norms[name] else {
                #expect(parameter.grad == nil, "\(name) has a gradient")
                continue
            }
            let gradient = try #require(parameter.grad, "\(name) has no gradient")
            let found = (gradient * gradient).sum().squareRoot().item()
            // Smaller norms are rounding noise, such as those of biases in front of a batch norm.
            let allowed =
                norm > 1e-3 * largest ? one.rounding.rawValue * norm : 1e-3 * largest
            #expect(abs(found - norm) <= allowed, "gradient of \(name): \(found), not \(norm)")
        }
        for (name, value) in network.namedValues() {
            guard let norm = expected.runningStatistics[name] else { continue }
            let found = (value.value * value.value).sum().squareRoot().item()
            #expect(abs(found / norm - 1) < 1e-3, "\(name): \(found), not \(norm)")
        }
    }
}

@Suite(
    "The hybrid adaptive attention of AAU-Net agrees with its authors' Keras layer",
    .enabled(if: Shared.isPresent, "without ../shared"))
struct HybridAttentionTests {
    private final class Wrapper: Module {
        let haam = HybridAttention(3, 16)
    }

    @Test("forward, loss and gradients")
    func agrees() throws {
        let golden = try BaselineGolden("aaunet", tag: "-haam")
        let wrapper = Wrapper()
        try wrapper.load(BaselineWeights(for: wrapper))
        wrapper.evaluate()
        let image = golden.input.expanded([-1, 3, -1, -1])
        expectClose(
            withoutGrad { wrapper.haam(image) }, golden.logits, absolute: 0, relativeL2: 3e-5)
    }

    @Test("a batch of one vector is normalized with the running statistics, and gives numbers")
    func batchOfOne() {
        let layer = HybridAttention(3, 8)
        let x = Tensor.uniform([1, 3, 16, 16])
        let y = layer(x)
        #expect(y.isFinite().all().item() == 1)
        (y * y).mean().backward()
        #expect(layer.parameters.allSatisfy { $0.grad != nil })
    }
}
