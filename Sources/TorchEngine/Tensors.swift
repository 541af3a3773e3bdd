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
    /// One prompt as a batch of one, in pixels of the input.
    ///
    /// - Parameters:
    ///   - prompt: in pixels of the picture.
    ///   - geometry: how the picture lies in the input.
    ///   - maskSide: height and width of the logits that the prompt encoder takes.
    ///   - device: where the tensors go.
    init(_ prompt: Prompt, in geometry: InputGeometry, maskSide: Int, device: Device) {
        let clicks = (prompt.points + prompt.negatives).map { geometry.prepare($0) }
        let labels =
            [Float](repeating: 1, count: prompt.points.count)
            + [Float](repeating: 0, count: prompt.negatives.count)
        let box = prompt.box.map { geometry.prepare($0) }
        self.init(
            points: clicks.isEmpty
                ? nil
                : Tensor(
                    clicks.flatMap { [Float($0.x), Float($0.y)] }, shape: [1, clicks.count, 2]
                ).to(device),
            labels: clicks.isEmpty
                ? nil : Tensor(labels, shape: [1, clicks.count]).to(device),
            boxes: box.map { box in
                Tensor([box.x0, box.y0, box.x1, box.y1].map(Float.init), shape: [1, 4]).to(device)
            },
            masks: prompt.mask.map { mask in
                Tensor(geometry.prepare(mask, side: maskSide)).to(device)
            })
    }
}

/// The masks of one prompt from a decoder's output, in the decoder's order.
///
/// - Parameters:
///   - logits: `[M, H, W]`.
///   - iou: `[M]`.
///   - model: its name, for the error.
/// - Returns: a prediction for each mask.
/// - Throws: ``EngineError/notFinite(model:)`` rather than a mask made of NaN.
func predictions(
    logits: Tensor, iou: Tensor, model: String
) throws(EngineError) -> [MaskPrediction] {
    let estimates = iou.floats()
    let planes = logits.unbound().map { Planes($0.unsqueezed(0)) }
    guard planes.allSatisfy({ $0.values.allSatisfy(\.isFinite) }),
        estimates.allSatisfy(\.isFinite)
    else { throw .notFinite(model: model) }
    return zip(planes, estimates).map { MaskPrediction(logits: $0, iouEstimate: $1) }
}
