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

    /// The parts of the loss of one decoding, one element each, without a graph.
    struct Parts {
        let crossEntropy: Tensor
        let dice: Tensor
    }

    /// The weighted sum, with its graph for the backward pass.
    var total: Tensor
    /// The parts of each decoding.
    var parts: [Parts]
    /// The distance to the teacher's embedding; nil without a teacher.
    var teacher: Tensor?

    /// All numbers, read from the device in one copy; it waits for the forward pass.
    func values() -> Values {
        let parts = parts.flatMap { [$0.crossEntropy, $0.dice] }
        let numbers = Tensor.items([total] + parts + (teacher.map { [$0] } ?? []))
        let count = Double(self.parts.count)
        let entropies = stride(from: 1, through: parts.count, by: 2).map { numbers[$0] }
        let dices = stride(from: 2, through: parts.count, by: 2).map { numbers[$0] }
        return Values(
            value: numbers[0], crossEntropy: entropies.reduce(0, +) / count,
            dice: dices.reduce(0, +) / count,
            teacher: teacher == nil ? 0 : numbers[numbers.count - 1])
    }
}

/// What training minimizes: the loss of the masks that the network decodes from a batch's prompts,
/// and the distance to the teacher's embedding.
struct TrainingObjective {
    let network: any SegmentationNetwork
    /// The frozen image encoder with its cache; nil where the encoder is trained.
    let encoder: CachedEncoder?
    private let loss: SegmentationLoss
    /// The loss of several classes; nil where one object is trained.
    private let classLoss: ClassLoss?
    private let dtype: DType
    private let teacher: Teacher?
    private let teacherWeight: Double
    private let group: DistributedTraining?

    init(
        network: any SegmentationNetwork, configuration: TrainingConfiguration,
        encoder: CachedEncoder?, teacher: Teacher?, group: DistributedTraining?
    ) {
        self.network = network
        self.encoder = encoder
        self.teacher = teacher
        self.group = group
        loss = SegmentationLoss(configuration)
        classLoss = configuration.classes.map { _ in
            ClassLoss(isDicePerImage: configuration.dicePerImage)
        }
        dtype = configuration.precision.dtype
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
        let device = network.device
        let frozen = try encoder?(batch.examples) { $0.inputTensor.uploaded(to: device) }
        let target = try teacher?.embeddings(of: batch.examples, on: device)
        // One process may have had more images to encode than the others.
        if frozen != nil || target != nil { try group?.meet() }
        return try withAutocast(to: dtype, on: Device(device.kind)) {
            if let network = network as? any DeeplySupervisedNetwork, target == nil {
                return try supervisedLoss(
                    batch, network.supervisedMasks(batch.images.uploaded(to: device)))
            }
            let embedding = frozen ?? network.encode(batch.images.uploaded(to: device))
            var loss = try decodingLoss(batch, embedding)
            if let target, teacherWeight > 0 {
                let distance = meanSquaredError(embedding.to(.float32), target)
                loss.total = loss.total + distance * teacherWeight
                loss.teacher = distance.detached()
            }
            return loss
        }
    }

    /// The loss of one prompt, or the mean over a prompt and its corrections.
    private func decodingLoss(_ batch: Batch, _ embedding: Tensor) throws -> BatchLoss {
        if case .interactive(let most) = batch.strategy {
            return try interactiveLoss(batch, embedding, most: most)
        }
        guard batch.strategy != .promptFree else {
            guard let masks = network.decodePromptFree(embedding) else {
                preconditionFailure("Trainer.check refuses networks that need a prompt")
            }
            return try promptFreeLoss(batch, masks)
        }
        let side = 4 * embedding.size(2)
        let targets = batch.targets(side: side).uploaded(to: embedding.device)
        var prompts = batch.examples.map(\.prompt)
        var random = batch.random
        var decoded = decode(embedding, prompts, masks: nil)
        var loss = try maskLoss(decoded, targets)
        guard case .corrections(let count) = batch.strategy else { return loss }
        // Every second batch shows the mask so far as a prompt, as SAM's training does.
        let usesMaskPrompt = random.happens(0.5)
        var randoms = batch.randoms
        let objects = batch.examples.map {
            $0.object.resizedNearest(to: Size(height: side, width: side))
        }
        let scale = Double(batch.examples[0].object.width) / Double(side)
        for _ in 0..<count {
            let predictions = masks(of: decoded.logits)
            for index in prompts.indices {
                let click = PromptSampler.correction(
                    of: predictions[index], mask: objects[index], using: &randoms[index])
                prompts[index].add(click.scaled(by: scale))
            }
            decoded = decode(
                embedding, prompts,
                masks: usesMaskPrompt ? decoded.logits.detached().to(.float32) : nil)
            loss.add(try maskLoss(decoded, targets))
        }
        return loss.divided(by: Double(count + 1))
    }

    /// The mean loss over a prompt and up to `most` corrections of the largest error, each with the
    /// mask so far as a prompt, at the input's resolution.
    private func interactiveLoss(
        _ batch: Batch, _ embedding: Tensor, most: Int
    ) throws -> BatchLoss {
        var random = batch.random
        var randoms = batch.randoms
        let count = random.below(most + 1)
        let side = batch.examples[0].object.width
        let targets = batch.targets(side: side).uploaded(to: embedding.device)
        func fullSize(_ masks: DecodedMasks) -> DecodedMasks {
            DecodedMasks(
                logits: bilinear(masks.logits.to(.float32), height: side, width: side),
                iou: masks.iou, presence: masks.presence)
        }
        var prompts = batch.examples.map(\.prompt)
        var decoded = decode(embedding, prompts, masks: nil)
        var full = fullSize(decoded)
        var loss = try maskLoss(full, targets)
        for _ in 0..<count {
            let predictions = masks(of: full.logits)
            for (index, example) in batch.examples.enumerated() {
                prompts[index].add(
                    PromptSampler.correctionOfLargestError(
                        in: predictions[index].cleared(outside: example.extent),
                        mask: example.object, using: &randoms[index]))
            }
            decoded = decode(embedding, prompts, masks: decoded.logits.detached().to(.float32))
            full = fullSize(decoded)
            loss.add(try maskLoss(full, targets))
        }
        return loss.divided(by: Double(count + 1))
    }

    /// The weighted sum of the losses of several maps of the same images.
    private func supervisedLoss(
        _ batch: Batch, _ maps: [(masks: DecodedMasks, weight: Double)]
    ) throws -> BatchLoss {
        var losses = try maps.map { masks, weight in
            var loss = try promptFreeLoss(batch, masks)
            loss.total = loss.total * weight
            return loss
        }
        var sum = losses.removeFirst()
        for next in losses { sum.add(next) }
        return sum
    }

    /// The loss of masks without a prompt: of one object, or of background and classes.
    private func promptFreeLoss(_ batch: Batch, _ masks: DecodedMasks) throws -> BatchLoss {
        let device = masks.logits.device
        guard let classLoss else {
            let targets = batch.targets(side: masks.logits.size(2)).uploaded(to: device)
            return try maskLoss(masks, targets)
        }
        let targets = batch.classTargets(channels: masks.logits.size(1)).uploaded(to: device)
        let value = try classLoss(
            logits: masks.logits, targets: targets, pool: { try group?.pool($0) ?? $0 })
        return BatchLoss(
            total: value.total,
            parts: [.init(crossEntropy: value.crossEntropy, dice: value.dice)])
    }

    private func maskLoss(_ masks: DecodedMasks, _ targets: Tensor) throws -> BatchLoss {
        let value = try loss(
            logits: masks.logits, targets: targets, iou: masks.iou, presence: masks.presence,
            pool: { try group?.pool($0) ?? $0 })
        return BatchLoss(
            total: value.total,
            parts: [.init(crossEntropy: value.crossEntropy, dice: value.dice)])
    }

    /// Decodes prompts of any form; those of one form are decoded together.
    private func decode(
        _ embedding: Tensor, _ prompts: [Prompt], masks: Tensor?
    ) -> DecodedMasks {
        guard let network = network as? any PromptableNetwork else {
            preconditionFailure("Trainer.check refuses prompts for a network that takes none")
        }
        let groups = prompts.batchesOfOneForm()
        guard groups.count > 1 else {
            return network.decode(
                embedding,
                prompts: PromptTensors(
                    PromptArrays(inInputPixels: prompts), masks: masks, on: embedding.device))
        }
        var parts = [DecodedMasks?](repeating: nil, count: prompts.count)
        for indices in groups {
            let selected = Tensor(indices).to(embedding.device)
            let decoded = network.decode(
                embedding.indexed(by: selected, axis: 0),
                prompts: PromptTensors(
                    PromptArrays(inInputPixels: indices.map { prompts[$0] }),
                    masks: masks?.indexed(by: selected, axis: 0), on: embedding.device))
            for (row, index) in indices.enumerated() {
                parts[index] = DecodedMasks(
                    logits: decoded.logits[row..<row + 1], iou: decoded.iou[row..<row + 1],
                    presence: decoded.presence.map { $0[row..<row + 1] })
            }
        }
        let all = parts.compactMap(\.self)
        let presence = all.compactMap(\.presence)
        return DecodedMasks(
            logits: .concatenate(all.map(\.logits)), iou: .concatenate(all.map(\.iou)),
            presence: presence.isEmpty ? nil : .concatenate(presence))
    }
}

extension BatchLoss {
    /// Adds the loss of another decoding of the same batch.
    mutating func add(_ next: BatchLoss) {
        total = total + next.total
        parts += next.parts
    }

    /// The mean of several decodings.
    func divided(by count: Double) -> BatchLoss {
        var mean = self
        mean.total = total / count
        return mean
    }
}

extension Prompt {
    /// Adds the points of a correction.
    mutating func add(_ correction: Prompt) {
        foregroundPoints += correction.foregroundPoints
        backgroundPoints += correction.backgroundPoints
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
        positiveWeight = configuration.positiveWeight
        focal = configuration.focal
        iouEstimate = configuration.effectiveIoULoss
    }
}

extension TrainingConfiguration {
    /// Weight of the IoU estimate's loss, by the recipe where none is given.
    var effectiveIoULoss: Double {
        iouLoss ?? (recipe == .decoder || recipe == .full || recipe == .adapter ? 0.1 : 0)
    }
}
