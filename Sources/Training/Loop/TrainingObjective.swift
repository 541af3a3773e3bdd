import Datasets
import Imaging
import SegmentAnything
import Segmentation
import Torch
import TorchEngine

/// The loss of a batch and its parts.
struct BatchLoss {
    /// Numbers for logs.
    struct Values {
        var value = 0.0
        var crossEntropy = 0.0
        var dice = 0.0
        var teacher = 0.0
    }

    /// The weighted sum, with its graph for the backward pass.
    var total: Tensor
    /// Parts as numbers; `value` is that of ``total``.
    var values: Values
}

/// What training minimizes: the loss of the masks that the network decodes from a batch's prompts,
/// and the distance to the teacher's embedding.
struct TrainingObjective {
    let network: any PromptableNetwork
    /// The frozen image encoder with its cache; nil where the encoder is trained.
    let encoder: CachedEncoder?
    private let loss: SegmentationLoss
    private let dtype: DType
    private let teacher: Teacher?
    private let teacherWeight: Double
    private let group: DistributedTraining?

    init(
        network: any PromptableNetwork, configuration: TrainingConfiguration,
        encoder: CachedEncoder?, teacher: Teacher?, group: DistributedTraining?
    ) {
        self.network = network
        self.encoder = encoder
        self.teacher = teacher
        self.group = group
        loss = SegmentationLoss(configuration)
        dtype = configuration.precision == .bf16 ? .bfloat16 : .float32
        teacherWeight = configuration.teacherWeight
    }

    /// Encodes the batch, decodes its prompts and computes the loss.
    ///
    /// - Parameter batch: this process's part.
    /// - Returns: the loss of this process's part; sums pooled over a batch are those of all
    ///   processes.
    /// - Throws: `CheckpointError` when the embedding cache cannot be written, `ProcessGroupError`
    ///   when another process is lost.
    func callAsFunction(_ batch: Batch) throws -> BatchLoss {
        let device = network.maskDecoder.outputTokens.device
        let frozen = try encoder?(batch.examples) { $0.inputTensor.to(device) }
        let target = try teacher?.embeddings(of: batch.examples, on: device)
        // One process may have had more images to encode than the others.
        if frozen != nil || target != nil { try group?.meet() }
        return try withAutocast(to: dtype, on: Device(device.kind)) {
            let embedding = frozen ?? network.encode(batch.images.to(device))
            var loss = try decodingLoss(batch, embedding)
            if let target, teacherWeight > 0 {
                let distance = meanSquaredError(embedding.to(.float32), target)
                loss.total = loss.total + distance * teacherWeight
                loss.values.teacher = distance.item()
            }
            loss.values.value = loss.total.item()
            return loss
        }
    }

    /// The loss of one prompt, or the mean over a prompt and its corrections.
    private func decodingLoss(_ batch: Batch, _ embedding: Tensor) throws -> BatchLoss {
        let side = 4 * embedding.size(2)
        let targets = batch.targets(side: side).to(embedding.device)
        guard batch.strategy != .promptFree else {
            guard let (logits, iou) = network.decodePromptFree(embedding) else {
                preconditionFailure("Trainer.check refuses networks that need a prompt")
            }
            return try maskLoss(logits, targets, iou)
        }
        var prompts = batch.examples.map(\.prompt)
        var random = batch.random
        var (logits, iou) = decode(embedding, prompts, masks: nil)
        var loss = try maskLoss(logits, targets, iou)
        guard case .corrections(let count) = batch.strategy else { return loss }
        // Every second batch shows the mask so far as a prompt, as SAM's training does.
        let usesMaskPrompt = random.happens(0.5)
        var randoms = batch.randoms
        let objects = batch.examples.map {
            $0.object.resizedNearest(to: Size(height: side, width: side))
        }
        let scale = Double(batch.examples[0].object.width) / Double(side)
        for _ in 0..<count {
            let predictions = masks(of: logits)
            for index in prompts.indices {
                let click = PromptSampler.correction(
                    of: predictions[index], mask: objects[index], using: &randoms[index]
                ).scaled(by: scale)
                prompts[index].foregroundPoints += click.foregroundPoints
                prompts[index].backgroundPoints += click.backgroundPoints
            }
            (logits, iou) = decode(
                embedding, prompts, masks: usesMaskPrompt ? logits.detached().to(.float32) : nil)
            let next = try maskLoss(logits, targets, iou)
            loss.total = loss.total + next.total
            loss.values.crossEntropy += next.values.crossEntropy
            loss.values.dice += next.values.dice
        }
        let rounds = Double(count + 1)
        loss.total = loss.total / rounds
        loss.values.crossEntropy /= rounds
        loss.values.dice /= rounds
        return loss
    }

    private func maskLoss(_ logits: Tensor, _ targets: Tensor, _ iou: Tensor) throws -> BatchLoss {
        let value = try loss(
            logits: logits, targets: targets, iou: iou, pool: { try group?.pool($0) ?? $0 })
        return BatchLoss(
            total: value.total,
            values: .init(crossEntropy: value.crossEntropy.item(), dice: value.dice.item()))
    }

    /// Decodes prompts of any form; those of one form are decoded together.
    private func decode(
        _ embedding: Tensor, _ prompts: [Prompt], masks: Tensor?
    ) -> (logits: Tensor, iou: Tensor) {
        let groups = prompts.batchesOfOneForm()
        guard groups.count > 1 else {
            return network.decode(
                embedding,
                prompts: PromptTensors(
                    PromptArrays(inInputPixels: prompts), masks: masks, on: embedding.device))
        }
        var logits = [Tensor?](repeating: nil, count: prompts.count)
        var iou = logits
        for indices in groups {
            let selected = Tensor(indices).to(embedding.device)
            let decoded = network.decode(
                embedding.indexed(by: selected, axis: 0),
                prompts: PromptTensors(
                    PromptArrays(inInputPixels: indices.map { prompts[$0] }),
                    masks: masks?.indexed(by: selected, axis: 0), on: embedding.device))
            for (row, index) in indices.enumerated() {
                logits[index] = decoded.logits[row..<row + 1]
                iou[index] = decoded.iou[row..<row + 1]
            }
        }
        return (.concatenate(logits.compactMap(\.self)), .concatenate(iou.compactMap(\.self)))
    }
}

/// Pixels with logits above 0.
///
/// - Parameter logits: `[B, 1, H, W]` or `[B, H, W]`.
/// - Returns: B masks.
func masks(of logits: Tensor) -> [Mask] {
    logits.detached().to(.float32).to(.cpu).unbound().map { one in
        Mask(
            width: one.size(-1), height: one.size(-2),
            values: one.floats().map { $0 > 0 ? 1 : 0 })
    }
}

extension SegmentationLoss {
    /// The loss that a configuration describes.
    init(_ configuration: TrainingConfiguration) {
        self.init()
        isDicePerImage = configuration.dicePerImage
        focal = configuration.focal
        iouEstimate = configuration.effectiveIoULoss
    }
}

extension TrainingConfiguration {
    /// Weight of the IoU estimate's loss, by the recipe where none is given.
    var effectiveIoULoss: Double {
        iouLoss ?? (recipe == .decoder || recipe == .full ? 0.1 : 0)
    }
}
