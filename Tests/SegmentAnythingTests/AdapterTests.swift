import Foundation
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

@testable import SegmentAnything

@Suite("Adapters in the blocks of an image encoder")
struct AdapterTests {
    private func sizes(_ adapter: EncoderAdapter?) -> SAMConfiguration {
        var sizes = SAMConfiguration(
            width: 24, depth: 2, heads: 2, globalBlocks: [1], imageSize: 64)
        sizes.windowSize = 3
        sizes.decoder.width = 16
        sizes.decoder.mlpWidth = 16
        sizes.decoder.heads = 2
        sizes.decoder.iouWidth = 16
        sizes.adapter = adapter
        return sizes
    }

    private func image(_ side: Int) -> Tensor {
        .uniform([1, 3, side, side], generator: Generator(seed: 3))
    }

    private static let adapters: [EncoderAdapter] = [.lowRank(3), .bottleneck, .convolution]

    @Test(
        "the recipe trains the adapter only: its weights get gradients, all others none",
        arguments: adapters)
    func trained(adapter: EncoderAdapter) throws {
        let network = Initialization.seeded(1) { SAM(sizes(adapter)) }
        #expect(network.setTrainable(by: .adapter))
        (network.encode(image(64)) * 2).sum().backward()
        var count = 0
        for (name, parameter) in network.namedParameters() {
            let isAdded = EncoderAdapter.baseName(of: name) == nil
            #expect(parameter.isTrainable == isAdded, "\(name)")
            // Gradients do not reach A while B is zero; Depth_Adapter is for volumes.
            let isReached = isAdded && !name.contains("Depth_Adapter")
            #expect((parameter.grad != nil) == isReached, "\(name)")
            count += isAdded ? 1 : 0
        }
        let perBlock = [EncoderAdapter.lowRank(3): 4, .bottleneck: 12, .convolution: 6]
        #expect(count == perBlock[adapter].map { 2 * $0 })
        #expect(SAM(sizes(nil)).trainedParameters(by: .adapter) == nil)
    }

    @Test("weights of the network without an adapter are taken, and LoRA changes nothing at first")
    func start() throws {
        let plain = Initialization.seeded(1) { SAM(sizes(nil)) }
        for adapter in Self.adapters {
            let adapted = Initialization.seeded(2) { SAM(sizes(adapter)) }
            let transfer = try adapted.transferWeights(from: plain.stateDictionary())
            #expect(transfer.new.allSatisfy { EncoderAdapter.baseName(of: $0) == nil })
            #expect(transfer.copied.count == plain.namedValues().count)
            #expect(transfer.resized.isEmpty && transfer.unused.isEmpty)
            let (one, other) = withoutGrad { (adapted.encode(image(64)), plain.encode(image(64))) }
            if adapter == .lowRank(3) {
                expectClose(one, other, absolute: 0, "LoRA starts with zeros")
            } else {
                #expect((one - other).abs().max().item() > 1e-3)
            }
        }
    }

    @Test("position tables are resized for another input; a tensor that is missing is named")
    func resized() throws {
        let plain = Initialization.seeded(1) { SAM(sizes(nil)) }
        var larger = sizes(.convolution)
        larger.imageSize = 128
        let network = Initialization.seeded(2) { SAM(larger) }
        var state = plain.stateDictionary()
        let transfer = try network.transferWeights(from: state)
        #expect(
            transfer.resized == [
                "image_encoder.pos_embed", "image_encoder.blocks.1.attn.rel_pos_h",
                "image_encoder.blocks.1.attn.rel_pos_w",
            ])
        let name = "image_encoder.neck.0.weight"
        state[name] = nil
        let error = #expect(throws: ModuleLoadError.self) {
            try network.transferWeights(from: state)
        }
        #expect(error?.missing == [name])
    }

    @Test("merged LoRA gives the same embeddings as the unmerged network")
    func merged() throws {
        let network = Initialization.seeded(1) { SAM(sizes(.lowRank(3))) }
        try network.load(FormulaWeights(for: network))
        let plain = SAM(sizes(nil))
        try plain.load(network.mergedStateDictionary())
        let (one, other) = withoutGrad { (network.encode(image(64)), plain.encode(image(64))) }
        expectClose(other, one, absolute: 0, relativeL2: 2e-6)
        let base = SAM(sizes(nil))
        try base.transferBase(from: network)
        let without = withoutGrad { base.encode(image(64)) }
        #expect((without - one).abs().max().item() > 1e-2, "LoRA must matter here")
    }

    @Test("LoRA of LiteMedSAM is added to queries and values of each head, and to no key")
    func byHead() throws {
        let layer = LowRankQueryValue(width: 12, rank: 2, order: .byHead(3))
        try layer.load(FormulaWeights(for: layer))
        let x = Tensor.uniform([2, 5, 12], generator: Generator(seed: 4))
        let parameters = Dictionary(
            uniqueKeysWithValues: layer.namedParameters().map { ($0.name, $0.parameter.value) })
        func product(_ kind: String) throws -> Tensor {
            let (down, up) = (
                try #require(parameters["linear_a_\(kind).weight"]),
                try #require(parameters["linear_b_\(kind).weight"])
            )
            return x.matmul(down.transposed(0, 1)).matmul(up.transposed(0, 1))
                .reshaped([2, 5, 3, 4])
        }
        try withoutGrad {
            let difference = (layer(x) - layer.qkv(x)).reshaped([2, 5, 3, 3, 4])
            expectClose(difference[.all, .all, .all, 0], try product("q"), absolute: 1e-6)
            #expect(difference[.all, .all, .all, 1].abs().max().item() == 0)
            expectClose(difference[.all, .all, .all, 2], try product("v"), absolute: 1e-6)
            let bias = try #require(parameters["qkv.bias"])
            let merged = linear(x, weight: layer.mergedWeight, bias: bias)
            expectClose(merged, layer(x), absolute: 2e-6)
        }
    }
}

extension SAM {
    /// Copies the weights that both networks have, without those of adapters.
    fileprivate func transferBase(from adapted: SAM) throws {
        var state = StateDictionary()
        for (name, value) in adapted.namedValues() {
            if let base = EncoderAdapter.baseName(of: name) { state[base] = value.value.detached() }
        }
        try load(state)
    }
}
