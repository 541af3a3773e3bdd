import Datasets
import Imaging
import SegmentAnything
import Segmentation
import Torch
import TorchEngine

extension Trainer {
    /// The loss of a batch and its parts.
    struct BatchLoss {
        var total: Tensor
        var crossEntropy = 0.0
        var dice = 0.0
        var teacher = 0.0
    }

    /// One prompt, or a prompt and its corrections, whose losses are averaged.
    func loss(of batch: Batch) throws -> BatchLoss {
        let device = network.maskDecoder.outputTokens.device
        let input = { (example: Example) in Batch.image(of: example).to(device) }
        let frozen = try embeddings.map { try $0(batch.examples, input: input) }
        let taught = try teacher?.embeddings(of: batch.examples, on: device)
        // One process may have had more to encode than the others.
        if frozen != nil || taught != nil { try group?.meet() }
        let dtype: DType = settings.isBFloat16 ? .bfloat16 : .float32
        return try withAutocast(to: dtype, on: Device(device.kind)) {
            let embedding = frozen ?? network.encode(batch.images.to(device))
            var loss = try decoded(batch, embedding)
            if let taught, settings.teacherWeight > 0 {
                let distance = meanSquaredError(embedding.to(.float32), taught)
                loss.total = loss.total + distance * settings.teacherWeight
                loss.teacher = distance.item()
            }
            return loss
        }
    }

    private func decoded(_ batch: Batch, _ embedding: Tensor) throws -> BatchLoss {
        let side = 4 * embedding.size(2)
        let targets = batch.targets(side: side).to(embedding.device)
        guard batch.kind != .promptFree else {
            guard let (logits, iou) = network.decodePromptFree(embedding) else {
                preconditionFailure("a network without prompts was refused before")
            }
            return try value(logits, targets, iou)
        }
        var prompts = batch.examples.map(\.prompt)
        var random = batch.random
        var (logits, iou) = decode(embedding, prompts, masks: nil)
        var loss = try value(logits, targets, iou)
        guard case .corrections(let count) = batch.kind else { return loss }
        // With the mask so far as a prompt, as SAM was trained, or with clicks alone.
        let keepsMask = random.happens(0.5)
        var randoms = batch.randoms
        let objects = batch.examples.map {
            $0.inside.resizedNearest(to: Size(height: side, width: side))
        }
        let scale = Double(batch.examples[0].inside.width) / Double(side)
        for _ in 0..<count {
            let found = Self.masks(of: logits)
            for index in prompts.indices {
                let click = PromptSampler.correction(
                    of: found[index], mask: objects[index], using: &randoms[index]
                ).scaled(by: scale)
                prompts[index].foregroundPoints += click.foregroundPoints
                prompts[index].backgroundPoints += click.backgroundPoints
            }
            (logits, iou) = decode(
                embedding, prompts, masks: keepsMask ? logits.detached().to(.float32) : nil)
            let next = try value(logits, targets, iou)
            loss.total = loss.total + next.total
            loss.crossEntropy += next.crossEntropy
            loss.dice += next.dice
        }
        let rounds = Double(count + 1)
        return BatchLoss(
            total: loss.total / rounds, crossEntropy: loss.crossEntropy / rounds,
            dice: loss.dice / rounds)
    }

    private func value(
        _ logits: Tensor, _ targets: Tensor, _ iou: Tensor
    ) throws -> BatchLoss {
        let value = try settings.loss(
            logits: logits, targets: targets, iou: iou, pool: { try self.group?.pool($0) ?? $0 })
        return BatchLoss(
            total: value.total, crossEntropy: value.crossEntropy.item(), dice: value.dice.item())
    }

    /// The masks of prompts of any form: those of one form are decoded together.
    private func decode(
        _ embedding: Tensor, _ prompts: [Prompt], masks: Tensor?
    ) -> (logits: Tensor, iou: Tensor) {
        let batches = prompts.batchesOfOneForm()
        guard batches.count > 1 else {
            return network.decode(
                embedding,
                prompts: PromptTensors(
                    PromptArrays(inInputPixels: prompts), masks: masks, on: embedding.device))
        }
        var logits = [Tensor?](repeating: nil, count: prompts.count)
        var iou = logits
        for places in batches {
            let chosen = Tensor(places).to(embedding.device)
            let tensors = PromptTensors(
                PromptArrays(inInputPixels: places.map { prompts[$0] }),
                masks: masks?.indexed(by: chosen, axis: 0),
                on: embedding.device)
            let found = network.decode(
                embedding.indexed(by: chosen, axis: 0), prompts: tensors)
            for (row, place) in places.enumerated() {
                logits[place] = found.logits[row..<row + 1]
                iou[place] = found.iou[row..<row + 1]
            }
        }
        return (.concatenate(logits.compactMap(\.self)), .concatenate(iou.compactMap(\.self)))
    }

    /// Where logits are above 0, example by example.
    static func masks(of logits: Tensor) -> [Mask] {
        logits.detached().to(.float32).to(.cpu).unbound().map { one in
            let side = one.size(-1)
            return Mask(
                width: side, height: one.size(-2), values: one.floats().map { $0 > 0 ? 1 : 0 })
        }
    }
}
