import Imaging
import Segmentation
import Testing

@testable import Inference

@Suite(
    "Networks of a bundle, called with tensors",
    .enabled(if: Runtime.isInstalled, Runtime.reason))
struct TensorNetworkTests {
    @Test("encoder and decoder give the logits of onnxruntime")
    func golden() throws {
        let fixture = try Fixture(Fixture.clicks)
        let engine = try fixture.engine()
        let manifest = engine.manifest
        let geometry = InputGeometry(
            original: fixture.image.size, inputSize: manifest.input.size,
            preprocessing: manifest.input.preprocessing)
        let planes = geometry.prepare(fixture.image)
        let encoder = try #require(engine.networks.first { $0.role == .encoder })
        let input = FloatTensor(
            planes.values, shape: [1, planes.channels, planes.height, planes.width])
        let embedding = try engine.run(
            encoder, encoder.complete([encoder.inputs[0].name: input]))[0]

        let decoder = try #require(engine.networks.first { $0.role == .decoder })
        let maskSide = 4 * manifest.embedding.side
        let prompts = PromptArrays(
            try fixture.prompts("click").map(\.prompt), in: geometry, maskSide: maskSide)
        var inputs = prompts.decoderInputs(embedding, maskSide: maskSide)
        // Left out: no mask.
        inputs[TensorNames.mask] = nil
        inputs[TensorNames.hasMask] = nil
        let outputs = try engine.run(decoder, decoder.complete(inputs))
        #expect(decoder.outputs.prefix(2).map(\.name) == [TensorNames.logits, TensorNames.iou])
        #expect(difference(outputs[0].values, try fixture.values("click.logits")) < 1e-4)
        #expect(difference(outputs[1].values, try fixture.values("click.iou")) < 1e-4)
    }

    @Test("a bundle without prompts has a decoder of its own")
    func promptFree() throws {
        let engine = try Fixture(Fixture.promptFree).engine()
        let roles = engine.networks.map(\.role)
        #expect(roles.first == .encoder)
        #expect(roles.contains(.promptFreeDecoder))
    }

    @Test("prompts of different numbers are refused")
    func prompts() throws {
        let network = try #require(
            Fixture(Fixture.clicks).engine().networks.first { $0.role == .decoder })
        let side = try #require(network.inputs[0].shape[2])
        let width = try #require(network.inputs[0].shape[1])
        func inputs(embeddings: Int, prompts: Int, points: Int) -> [String: FloatTensor] {
            func zeros(_ shape: [Int]) -> FloatTensor {
                FloatTensor([Float](repeating: 0, count: shape.reduce(1, *)), shape: shape)
            }
            return [
                TensorNames.embeddings: zeros([embeddings, width, side, side]),
                TensorNames.coordinates: zeros([prompts, points, 2]),
                TensorNames.labels: zeros([prompts, points]),
            ]
        }
        #expect(throws: Never.self) {
            try network.complete(inputs(embeddings: 1, prompts: 3, points: 2))
        }
        for wrong in [
            inputs(embeddings: 2, prompts: 3, points: 2),
            inputs(embeddings: 1, prompts: 65, points: 1),
            inputs(embeddings: 1, prompts: 1, points: 257),
            inputs(embeddings: 1, prompts: 0, points: 2),
        ] {
            #expect(throws: TensorError.self) { try network.complete(wrong) }
        }
    }
}
