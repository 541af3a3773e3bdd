import Imaging
import SegmentAnything
import Segmentation
import Torch

extension Tensor {
    /// A batch of one, `[1, C, H, W]`.
    init(_ planes: Planes) {
        self.init(planes.values, shape: [1, planes.channels, planes.height, planes.width])
    }
}

extension Planes {
    /// The planes of a tensor `[C, H, W]`.
    init(_ tensor: Tensor) {
        let shape = tensor.shape
        self.init(channels: shape[0], height: shape[1], width: shape[2], values: tensor.floats())
    }
}

extension PromptTensors {
    /// Prompts of one form, in pixels of the input.
    ///
    /// - Parameters:
    ///   - prompts: in pixels of the picture; all with as many clicks, all or none with a box, all
    ///     or none with a mask.
    ///   - geometry: how the picture lies in the input.
    ///   - maskSide: height and width of the logits that the prompt encoder takes.
    ///   - device: where the tensors go.
    init(_ prompts: [Prompt], in geometry: InputGeometry, maskSide: Int, device: Device) {
        let clicks = prompts.map { ($0.points + $0.negatives).map(geometry.prepare) }
        let labels = prompts.map { prompt in
            [Float](repeating: 1, count: prompt.points.count)
                + [Float](repeating: 0, count: prompt.negatives.count)
        }
        let boxes = prompts.compactMap { $0.box.map(geometry.prepare) }
        let masks = prompts.compactMap { $0.mask.map { geometry.prepare($0, side: maskSide) } }
        let shape = [prompts.count, clicks.first?.count ?? 0]
        let hasClicks = shape[1] > 0
        self.init(
            points: hasClicks
                ? Tensor(
                    clicks.joined().flatMap { [Float($0.x), Float($0.y)] }, shape: shape + [2]
                ).to(device) : nil,
            labels: hasClicks ? Tensor(Array(labels.joined()), shape: shape).to(device) : nil,
            boxes: boxes.isEmpty
                ? nil
                : Tensor(
                    boxes.flatMap { [$0.x0, $0.y0, $0.x1, $0.y1].map(Float.init) },
                    shape: [boxes.count, 4]
                ).to(device),
            masks: masks.isEmpty
                ? nil : Tensor.concatenate(masks.map { Tensor($0) }).to(device))
    }
}

/// The masks of a decoder's output, prompt by prompt.
///
/// - Parameters:
///   - logits: `[B, M, H, W]`.
///   - iou: `[B, M]`.
///   - model: its name, for the error.
/// - Returns: M predictions for each prompt.
/// - Throws: ``EngineError/notFinite(model:)`` rather than a mask made of NaN.
func predictions(
    logits: Tensor, iou: Tensor, model: String
) throws(EngineError) -> [[MaskPrediction]] {
    guard logits.isFinite().all().item() == 1, iou.isFinite().all().item() == 1 else {
        throw .notFinite(model: model)
    }
    return zip(logits.unbound(), iou.unbound()).map { logits, iou in
        zip(logits.unbound(), iou.floats()).map {
            MaskPrediction(logits: Planes($0.unsqueezed(0)), iouEstimate: $1)
        }
    }
}
