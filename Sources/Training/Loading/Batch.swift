import Imaging
import SegmentAnything
import Segmentation
import Torch
import Ultrasound

/// The examples of one step, all pointed at in the same way.
struct Batch: Sendable {
    let examples: [Example]
    let kind: PromptMix.Kind
    /// Of the batch: what is drawn for all of it while it runs.
    let random: SampleRandom
    /// Of each example: what is drawn for it while the batch runs.
    let randoms: [SampleRandom]

    var names: [String] { examples.map(\.sample.id) }

    /// The input of all, `[B, C, S, S]`.
    var pictures: Tensor { .concatenate(examples.map(Self.picture(of:))) }

    /// The input of one, `[1, C, S, S]`.
    static func picture(of example: Example) -> Tensor {
        let input = example.input
        return Tensor(input.values, shape: [1, input.channels, input.height, input.width])
    }

    /// The objects, 0 or 1, `[B, 1, side, side]`, by the nearest pixel.
    func targets(side: Int) -> Tensor {
        let values = examples.flatMap { example in
            example.inside.resizedNearest(to: Size(height: side, width: side)).values
                .map(Float.init)
        }
        return Tensor(values, shape: [examples.count, 1, side, side])
    }
}

extension PromptTensors {
    /// Prompts in pixels of the input: all with as many clicks, all or none with a box.
    ///
    /// - Parameters:
    ///   - prompts: of all examples.
    ///   - masks: logits of an earlier mask, `[B, 1, 4 H, 4 W]`.
    ///   - device: where the tensors go.
    init(_ prompts: [Prompt], masks: Tensor? = nil, on device: Device) {
        let forms = Set(prompts.map(\.form))
        precondition(forms.count == 1, "prompts of one form")
        let count = forms.first?.clicks ?? 0
        let points = prompts.flatMap { prompt in
            (prompt.points + prompt.negatives).flatMap { [Float($0.x), Float($0.y)] }
        }
        let labels = prompts.flatMap { prompt in
            prompt.points.map { _ in Float(1) } + prompt.negatives.map { _ in 0 }
        }
        let boxes = prompts.compactMap(\.box).flatMap {
            [$0.x0, $0.y0, $0.x1, $0.y1].map(Float.init)
        }
        self.init(
            points: count == 0
                ? nil : Tensor(points, shape: [prompts.count, count, 2]).to(device),
            labels: count == 0 ? nil : Tensor(labels, shape: [prompts.count, count]).to(device),
            boxes: boxes.isEmpty ? nil : Tensor(boxes, shape: [prompts.count, 4]).to(device),
            masks: masks)
    }
}
