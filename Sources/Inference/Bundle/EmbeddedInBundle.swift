import Imaging
import Segmentation

/// A picture that a bundle's encoder has seen.
struct EmbeddedInBundle: EmbeddedImage {
    let engine: BundleEngine
    let geometry: InputGeometry
    let embedding: FloatTensor

    func predict(_ prompts: [Prompt.Checked], multimask: Bool) throws -> [[MaskPrediction]] {
        precondition(prompts.allSatisfy { $0.size == size }, "prompts for a picture of \(size)")
        guard let decoder = engine.decoder else {
            throw ModelBundleError.takesNoPrompts(model: engine.model.name)
        }
        return try prompts.predictedTogether(atMost: engine.promptsPerPass) { alike in
            let tensors = PromptTensors(
                alike, in: geometry, maskSide: 4 * engine.manifest.embedding.side)
            let candidates = engine.manifest.candidates
            return try predictions(
                decoder.run(tensors.inputs(embedding), outputs: [Tensors.logits, Tensors.iou]),
                prompts: alike.count, masks: 1 + candidates,
                taken: multimask ? 1...candidates : 0...0)
        }
    }

    func predictUnprompted() throws -> MaskPrediction {
        guard let automatic = engine.automatic else {
            throw EngineError.needsPrompt(model: engine.model.name)
        }
        return try predictions(
            automatic.run(
                [Tensors.embeddings: embedding], outputs: [Tensors.logits, Tensors.iou]),
            prompts: 1, masks: 1, taken: 0...0)[0][0]
    }

    /// The masks of a decoder's output, prompt by prompt.
    private func predictions(
        _ outputs: [FloatTensor], prompts: Int, masks: Int, taken: ClosedRange<Int>
    ) throws -> [[MaskPrediction]] {
        let side = 4 * engine.manifest.embedding.side
        let (logits, iou) = (outputs[0], outputs[1])
        for (output, name, expected) in [
            (logits, Tensors.logits, [prompts, masks, side, side]),
            (iou, Tensors.iou, [prompts, masks]),
        ] where output.shape != expected {
            throw OpenVINOError.otherShape(port: name, expected: expected, found: output.shape)
        }
        let area = side * side
        return try (0..<prompts).map { prompt in
            try taken.map { mask in
                let place = prompt * masks + mask
                let plane = Array(logits.values[place * area..<(place + 1) * area])
                // Rather than a mask made of NaN.
                guard plane.allSatisfy(\.isFinite), iou.values[place].isFinite else {
                    throw EngineError.notFinite(model: engine.model.name)
                }
                return MaskPrediction(
                    logits: Planes(channels: 1, height: side, width: side, values: plane),
                    iouEstimate: iou.values[place])
            }
        }
    }
}
