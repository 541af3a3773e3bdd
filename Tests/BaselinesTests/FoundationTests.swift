import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

@testable import Baselines

@Suite(
    "Foundation models agree with their authors' programs", .serialized,
    .enabled(if: Shared.isPresent, "without ../shared"))
struct FoundationTests {
    @Test(
        "names, shapes and kinds of all tensors, and what the authors train",
        arguments: FoundationCase.all)
    func tensors(one: FoundationCase) throws {
        let golden = try one.golden()
        let network = Initialization.skipped { one.make(one.sizes) }
        try expectTensors(of: network, golden.parameters)
        let recipe = one.architecture == .medSAM ? Recipe.full : .adapter
        network.setTrainable(by: recipe)
        let trained = Set(network.namedParameters().filter(\.parameter.isTrainable).map(\.name))
        let expected = Set(golden.parameters.filter { $0.trained == true }.map(\.name))
        // The optimizer of the Medical SAM Adapter has a prompt encoder that gets no gradients; the
        // program of MedSAM freezes it.
        let rest = trained.symmetricDifference(expected)
        let isPromptEncoderFree = one.folder == "msa" || one.folder == "medsam"
        #expect(
            isPromptEncoderFree
                ? rest.allSatisfy { $0.hasPrefix("prompt_encoder.") } : rest.isEmpty, "\(rest)")
    }

    @Test("names and shapes at full size, and detection from them", arguments: FoundationCase.all)
    func tables(one: FoundationCase) throws {
        for (tag, sizes) in one.tables {
            let table = try BaselineGolden.parameters(one.folder, tag: tag)
            try expectTensors(of: Initialization.skipped { one.make(sizes) }, table)
            let shapes = Dictionary(uniqueKeysWithValues: table.map { ($0.name, $0.shape) })
            let detected = try #require(ModelArchitecture(tensors: shapes))
            #expect(detected == (one.architecture == .medSAM ? .sam : one.architecture))
            let form: SAMTensorForm =
                switch one.architecture {
                case .samed: .samed
                case .medicalSAMAdapter: .msa
                default: .sam
                }
            let found = try SAMConfiguration(
                patchStride: 16, form: form, names: table.map(\.name)
            ) { shapes[$0] }
            #expect(found == sizes, "\(tag)")
        }
    }

    private func expectTensors(
        of network: any SegmentationNetwork, _ table: [BaselineGolden.Parameter]
    ) throws {
        let found = Dictionary(
            uniqueKeysWithValues: network.namedValues().map { name, value in
                (name, "\(value is Buffer ? "buffer" : "parameter") \(value.value.shape)")
            })
        let expected = Dictionary(
            uniqueKeysWithValues: table.map { ($0.name, "\($0.kind) \($0.shape)") })
        #expect(found.count > 100)
        #expect(found == expected)
    }

    @Test("logits and stages of the forward pass", arguments: FoundationCase.all)
    func forward(one: FoundationCase) throws {
        let golden = try one.golden()
        let network = try one.network()
        network.evaluate()
        let grey = try FoundationCase.batch()[0..<1]
        let input = one.input(grey)
        let stored = one.storedScale.map { grey * $0 } ?? input
        expectClose(
            stored.expanded(golden["input"].shape), golden["input"], absolute: 2e-5, "input")
        var results: [Tensor] = []
        let logits = withoutGrad {
            OperatorLog.observing {
                results += $0.results
            } _: {
                one.logits(network, network.encode(input), golden)
            }
        }
        expectClose(logits, golden.logits, absolute: 0, relativeL2: 3e-5, "logits")
        for stage in golden.stages {
            let differences = results.compactMap { result in
                sampled(result, of: stage, golden).map {
                    Difference($0.0.contiguous(), $0.1.contiguous()).relativeL2
                }
            }
            let nearest = try #require(differences.min(), "\(stage): no tensor of its shape")
            #expect(nearest <= 3e-5, "\(stage)")
        }
    }

    /// A result and what is stored of a stage, where their shapes agree.
    ///
    /// Stages in windows hold padding, which is not computed here: of these the first window is
    /// compared, which has none.
    private func sampled(
        _ result: Tensor, of stage: String, _ golden: BaselineGolden
    ) -> (Tensor, Tensor)? {
        let shape = golden.shape(of: stage)
        guard shape.count == 4, shape[0] == 4, shape[1] == 14 else {
            return result.shape == shape
                ? (golden.sample(result, of: stage), golden.stored(stage)) : nil
        }
        guard result.rank == 3 || result.rank == 4, result.size(-1) == shape[3],
            result.size(0) == 1, result.elementCount >= 256 * shape[3]
        else { return nil }
        let tokens = result.reshaped([-1, shape[3]])[0..<256].reshaped([1, 16, 16, -1])
        let window = tokens[.all, 0..<14, 0..<14].expanded([4, -1, -1, -1])
        return (golden.sample(window, of: stage)[0], golden.stored(stage)[0])
    }

    @Test("loss and gradients of a training step", arguments: FoundationCase.all)
    func training(one: FoundationCase) throws {
        let golden = try one.golden()
        let network = try one.network()
        network.setTrainable(by: one.architecture == .medSAM ? .full : .adapter)
        network.train()
        let logits = one.logits(
            network, network.encode(one.input(try FoundationCase.batch())), golden)
        let loss = (logits * logits).mean()
        let expected = golden.training
        #expect(abs(loss.item() / expected.loss - 1) < 1e-5, "\(loss.item()), not \(expected.loss)")
        loss.backward()
        let norms = expected.gradientNorms.compactMapValues(\.self)
        let largest = try #require(norms.values.max())
        var compared = 0
        for (name, parameter) in network.namedParameters() where parameter.isTrainable {
            guard let norm = norms[name] else {
                let isUnknown = one.folder == "medsam" && name.hasPrefix("prompt_encoder.")
                #expect(parameter.grad == nil || isUnknown, "\(name) has a gradient")
                continue
            }
            let gradient = try #require(parameter.grad, "\(name) has no gradient")
            let found = (gradient * gradient).sum().squareRoot().item()
            let allowed = norm > 1e-3 * largest ? 1e-4 * norm : 1e-3 * largest
            #expect(abs(found - norm) <= allowed, "gradient of \(name): \(found), not \(norm)")
            compared += 1
        }
        #expect(compared > 80)
    }

    @Test("SAM-Med2D's masks of every kind of prompt; its single mask is the best candidate")
    func prompts() throws {
        let one = try #require(FoundationCase.all.first { $0.folder == "sammed2d" })
        let golden = try one.golden()
        let network = try #require(try one.network() as? SAMMed2D)
        network.evaluate()
        let (point, label) = (golden["point_xy"], golden["point_label"])
        let (box, mask) = (golden["box_xyxy"], golden["mask_input"])
        let cases = [
            ("point", PromptTensors(points: point, labels: label)),
            ("box", PromptTensors(boxes: box)),
            ("point_and_mask", PromptTensors(points: point, labels: label, masks: mask)),
            ("point_and_box", PromptTensors(points: point, labels: label, boxes: box)),
        ]
        withoutGrad {
            let embedding = network.encode(golden["input"])
            for (name, prompts) in cases {
                let masks = network.decode(embedding, prompts: prompts, multimask: true)
                expectClose(
                    masks.logits, golden["case.\(name).logits"], absolute: 0, relativeL2: 3e-5,
                    name)
                expectClose(
                    masks.iou, golden["case.\(name).iou"], absolute: 0, relativeL2: 3e-5, name)
                let best = network.decode(embedding, prompts: prompts)
                let index = Int(masks.iou.argmax(axis: 1)[0].item())
                expectClose(best.logits, masks.logits[.all, index..<(index + 1)], absolute: 0)
                #expect(best.iou.item() == masks.iou.max().item())
            }
            let masks = network.decode(embedding, prompts: cases[0].1, multimask: true)
            let resized = bilinear(masks.logits, height: 256, width: 256)
            let stored = BaselineGolden.sample(resized, every: [1, 2, 4, 4])
            expectClose(stored, golden["masks256"], absolute: 0, relativeL2: 3e-5, "at 256")
        }
    }

    @Test(
        "the masks of SAMed at the input's resolution; one class is its logit minus the background's"
    )
    func classes() throws {
        let one = try #require(FoundationCase.all.first { $0.folder == "samed" })
        let golden = try one.golden()
        let network = try #require(try one.network() as? SAMed)
        let masks = withoutGrad {
            bilinear(
                network.classMasks(network.encode(golden["input"])).logits, height: 256, width: 256)
        }
        expectClose(
            BaselineGolden.sample(masks, every: [1, 2, 2, 2]), golden["masks"], absolute: 0,
            relativeL2: 3e-5)

        var sizes = one.sizes
        sizes.classes = 1
        sizes.decoder.candidates = 1
        let binary = SAMed(sizes)
        try withoutGrad {
            let embedding = binary.encode(golden["input"])
            let both = binary.classMasks(embedding).logits
            let mask = try #require(binary.decodePromptFree(embedding))
            expectClose(
                sigmoid(mask.logits), both.softmax(axis: 1)[.all, 1..<2], absolute: 1e-6)
            #expect((0...1).contains(mask.iou.item()))
        }
    }
}
