import Checkpoints
import Foundation
import Segmentation
import TestSupport
import Testing
import Torch
import TorchEngine
import TorchNN

@testable import Baselines

/// Task-specific networks with an output channel for the background and for each class.
@Suite("Task-specific networks segment several classes at once", .serialized)
struct ClassTests {
    private static let architectures = ModelArchitecture.all.filter(\.takesClasses)

    private func network(
        _ architecture: ModelArchitecture, classes: Int
    ) throws -> any TaskNetwork {
        let sizes = try #require(
            architecture.defaultConfiguration?.segmenting(classes: classes))
        let network = Initialization.skipped { NetworkRegistry.make(architecture, sizes) }
        return try #require(network as? any TaskNetwork)
    }

    @Test("the checkpoint of every network shows the number of classes", arguments: architectures)
    func detected(architecture: ModelArchitecture) throws {
        let network = try network(architecture, classes: 3)
        #expect(network.outputs == 4 && network.embeddingWidth == 64)
        // The head alone: the other tensors are as in a network of one object.
        let head = network.namedValues().filter { $0.value.value.shape.first == 4 }
        let path = FileManager.default.temporaryDirectory
            .appending(path: "\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        func configuration(_ metadata: [String: String]) throws -> Checkpoint {
            try Safetensors.write(
                head.map { ($0.name, StoredTensor($0.value.value)) }, metadata: metadata, to: path)
            return try Checkpoint.read(path)
        }
        let plain = try configuration([:])
        let sizes = try plain.configuration(of: architecture)
        #expect(sizes.outputs == 4 && sizes.classes == 3)
        #expect(try plain.classes(of: sizes)?.map(\.name) == ["class 1", "class 2", "class 3"])
        let labels = [1, 2, 4].map { ClassLabel(value: $0, name: "name \($0)") }
        let text = try #require(labels.metadata)
        #expect(try configuration([ClassLabel.metadataKey: text]).classes(of: sizes) == labels)
        let two = try #require(Array(labels.prefix(2)).metadata)
        #expect(throws: ConfigurationError.classes(stated: two, outputs: 4)) {
            try configuration([ClassLabel.metadataKey: two]).classes(of: sizes)
        }
    }

    @Test("masks are the packed logits, with the IoU that their probabilities say")
    func masks() throws {
        let network = try network(.caNet, classes: 2)
        try network.load(BaselineWeights(for: network))
        network.evaluate()
        var random = SystemRandomNumberGenerator()
        let pixels = (0..<256 * 256).map { _ in Float.random(in: 0..<1, using: &random) }
        let images = Tensor(pixels, shape: [1, 1, 256, 256])
        try withoutGrad {
            let logits = network.logits(images)
            let masks = try #require(network.decodePromptFree(network.encode(images)))
            #expect(masks.logits.shape == [1, 3, 256, 256])
            #expect((masks.logits - logits).abs().max().item() == 0)
            let inside = logits.softmax(axis: 1)
            let classes = logits.argmax(axis: 1)
            for channel in 0..<3 {
                let mask = (classes .== channel).to(.float32)
                let soft = inside[.all, channel]
                let overlap: Double = (soft * mask).sum().item()
                let union: Double = (soft + mask - soft * mask).sum().item()
                #expect(abs(masks.iou[0, channel].item() - overlap / union) < 1e-4)
            }
        }
    }

    @Test("two channels, background and object, are one object: their difference")
    func background() throws {
        let one = CENet(outputs: 2)
        one.evaluate()
        let images = Tensor.full([1, 1, 256, 256], 0.5)
        try withoutGrad {
            let logits = one.logits(images)
            let masks = try #require(one.decodePromptFree(one.encode(images)))
            let expected = logits[.all, 1..<2] - logits[.all, 0..<1]
            #expect((masks.logits - expected).abs().max().item() == 0)
        }
    }

    @Test("TransFuse is trained through three maps with the authors' weights")
    func supervision() throws {
        let network = TransFuse(dropout: 0)
        network.evaluate()
        let images = Tensor.full([1, 1, 256, 256], 0.5)
        withoutGrad {
            let maps = network.supervisedMasks(images)
            #expect(maps.map(\.weight) == [0.5, 0.3, 0.2])
            #expect((maps[0].masks.logits - network.logits(images)).abs().max().item() < 1e-5)
            #expect((maps[1].masks.logits - maps[2].masks.logits).abs().max().item() > 1e-3)
        }
    }
}
