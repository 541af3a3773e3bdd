import Baselines
import Foundation
import Imaging
import Inference
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchEngine
import TorchNN

@testable import Export

/// A network with the operators of H2Former, TransUNet and AAU-Net that smaller networks lack.
private final class OperatorNetwork: Module, TaskNetwork {
    let conv = Conv2d(1, 8, kernel: 3, stride: 2, padding: 2, dilation: 2)
    let groups = GroupNorm(4, 8)
    let sequence = Conv1d(1, 1, kernel: 3, padding: 1, bias: false)
    let vectors = BatchNorm2d(8, epsilon: 1e-3)
    let outputs: Int
    let head: Conv2d

    init(outputs: Int = 1) {
        self.outputs = outputs
        head = Conv2d(8, outputs, kernel: 1)
    }

    static var architecture: ModelArchitecture { .uNet }
    static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        OperatorNetwork()
    }

    var inputSize: Int { 64 }

    func logits(_ images: Tensor) -> Tensor {
        let map = relu(groups(conv(images)))
        let means = vectors(map.mean(axes: [2, 3]))
        let weights = sigmoid(sequence(means.unsqueezed(1))).transposed(1, 2).unsqueezed(3)
        let shifted = (map * weights).rolled(by: [-3, 5], axes: [2, 3])
        let smaller = maxPool2d(shifted, size: 3, stride: 2).padded([0, 1, 0, 1])
        return head(nearest(smaller, height: 64, width: 64))
    }
}

@Suite(
    "A bundle of a task-specific network gives the same results on OpenVINO as on libtorch",
    .serialized, .enabled(if: Runtime.isInstalled, Runtime.reason))
struct TaskNetworkTests {
    /// The networks with the least work; together with ``OperatorNetwork`` they have every operator.
    private static let networks: [ModelArchitecture] = [
        .caNet, .ceNet, .transFuse, .swinUNet, .missFormer,
    ]

    private func exporter(_ architecture: ModelArchitecture) throws -> Exporter {
        let configuration = try #require(architecture.defaultConfiguration)
        let network = Initialization.skipped { NetworkRegistry.make(architecture, configuration) }
        return try exporter(network, architecture)
    }

    private func exporter(
        _ network: any SegmentationNetwork, _ architecture: ModelArchitecture,
        classes: [ClassLabel]? = nil
    ) throws -> Exporter {
        try network.load(BaselineWeights(for: network))
        return try Exporter(
            network, inputSize: 4 * network.embeddingSize,
            model: ModelDescription(
                name: "task", architecture: architecture,
                network: .init(
                    encoder: "task", inputSize: 4 * network.embeddingSize, candidates: 0,
                    parameters: 1),
                sha256: String(repeating: "0", count: 64), licence: nil, classes: classes),
            program: "tests")
    }

    @Test("the mask without a prompt, its IoU estimate, and no prompt", arguments: networks)
    func agrees(architecture: ModelArchitecture) throws {
        try expectAgreement(try exporter(architecture), side: 256)
    }

    @Test("operators that only large networks have")
    func operators() throws {
        try expectAgreement(try exporter(OperatorNetwork(), .uNet), side: 64)
    }

    @Test("all classes in one pass, with their estimates; model.json lists them")
    func classes() throws {
        let labels = [ClassLabel(value: 1, name: "left ventricle"), ClassLabel(value: 3)]
        let exporter = try exporter(OperatorNetwork(outputs: 3), .uNet, classes: labels)
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "task.samus")
        try exporter.writeBundle(named: "task", precision: .float32, to: url.path)
        let bundle = try ModelBundle(url)
        #expect(bundle.manifest.classes == ["left ventricle", "class 3"])
        #expect(bundle.manifest.classValues == [1, 3])
        #expect(bundle.model.classes == labels)
        let image = smoothImage(width: 300, height: 260)
        let engine = try BundleEngine(bundle, cache: nil)
        let (one, other) = (try engine.encode(image), try exporter.engine.encode(image))
        let (found, expected) = (try one.predictClasses(), try other.predictClasses())
        #expect(found.logits.channels == 3 && found.logits.height == 64)
        let largest =
            zip(found.logits.values, expected.logits.values)
            .map { abs($0 - $1) }.max() ?? 1
        #expect(largest < 1e-4)
        for (estimate, reference) in zip(found.iouEstimates, expected.iouEstimates) {
            #expect(abs(estimate - reference) < 1e-4)
        }
        let masks = try zip(one.segmentClasses(), other.segmentClasses()).map { ($0.mask, $1.mask) }
        #expect(masks.count == 2 && masks[0].0.size == image.size)
        for (mask, reference) in masks {
            let different = zip(mask.values, reference.values).count { $0 != $1 }
            #expect(different < 10)
        }
        #expect(!zip(masks[0].0.values, masks[1].0.values).contains { $0 == 1 && $1 == 1 })
        #expect(throws: EngineError.severalClasses(model: "task")) {
            _ = try one.predictPromptFree()
        }
        #expect(throws: EngineError.severalClasses(model: "task")) {
            _ = try other.predictPromptFree()
        }
    }

    private func expectAgreement(_ exporter: Exporter, side: Int) throws {
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "task.samus")
        try exporter.writeBundle(named: "task", precision: .float32, to: url.path)
        let image = smoothImage(width: 300, height: 260)
        let found = try BundleEngine(ModelBundle(url), cache: nil).encode(image)
        let (one, other) = (
            try found.predictPromptFree(), try exporter.engine.encode(image).predictPromptFree()
        )
        #expect(one.logits.size == Size(height: side, width: side))
        let difference = zip(one.logits.values, other.logits.values)
            .reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        let length = other.logits.values.reduce(0.0) { $0 + Double($1 * $1) }
        #expect((difference / length).squareRoot() < 2e-5)
        #expect(abs(one.iouEstimate - other.iouEstimate) < 1e-4)
        let prompt = try Prompt(foregroundPoints: [PixelPoint(x: 9, y: 9)])
            .checked(for: image.size)
        #expect(throws: ModelBundleError.noPrompts(model: "task")) {
            _ = try found.predict([prompt], multimask: false)
        }
    }

    @Test("an annotation tool is refused a network that takes no prompts")
    func tool() throws {
        let exporter = try exporter(.caNet)
        #expect(throws: ExportError.takesNoPrompts(network: "CA-Net")) {
            try exporter.check(.anyLabeling)
        }
    }
}
