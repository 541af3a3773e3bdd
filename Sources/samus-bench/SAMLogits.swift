import Checkpoints
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// What SAM's ViT-B computes, for Tools/parity/test_sam.py, which has masks from `samus segment` but
/// no logits.
enum SAMLogits {
    /// Decodes the prompts of a file, each to one mask and to candidates.
    ///
    /// - Parameters:
    ///   - weights: of ViT-B.
    ///   - input: `input`, the prepared image, and for each prompt set NAME what it has of
    ///     `NAME.points`, `NAME.labels` and `NAME.boxes`.
    ///   - output: gets `embedding`, and `NAME.single.logits`, `NAME.single.iou`,
    ///     `NAME.multi.logits` and `NAME.multi.iou`.
    /// - Throws: `CheckpointError` when a file cannot be read or written, `ModuleLoadError` when the
    ///   weights do not fit.
    static func write(weights: String, input: String, output: String) throws {
        let network = Initialization.skipped { SAM(.base(imageSize: 1024)) }
        try network.load(Checkpoint.read(weights))
        network.setTrainable(false)
        network.evaluate()
        let given = try Checkpoint.read(input)
        func tensor(_ name: String) throws -> Tensor? { try given[name].map { try Tensor($0) } }
        guard let image = try tensor("input") else {
            preconditionFailure("no tensor 'input' in \(input)")
        }
        let embedding = withoutGrad { network.encode(image) }
        var results = [(name: "embedding", tensor: StoredTensor(embedding))]
        let names = Set(given.names.compactMap { $0.split(separator: ".").first }.map(String.init))
        for name in names.subtracting(["input"]).sorted() {
            let prompts = PromptTensors(
                points: try tensor("\(name).points"), labels: try tensor("\(name).labels"),
                boxes: try tensor("\(name).boxes"))
            for (multimask, kind) in [(false, "single"), (true, "multi")] {
                let (logits, iou) = withoutGrad {
                    network.decode(embedding, prompts: prompts, multimask: multimask)
                }
                results.append(("\(name).\(kind).logits", StoredTensor(logits)))
                results.append(("\(name).\(kind).iou", StoredTensor(iou)))
            }
        }
        try Safetensors.write(results, to: output)
    }
}
