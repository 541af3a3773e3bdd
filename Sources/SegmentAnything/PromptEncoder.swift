import Foundation
import Torch
import TorchNN

/// Prompts as tensors, in pixels of the model's input; B prompt sets are encoded at once.
public struct PromptTensors {
    /// Clicks (x, y), `[B, P, 2]`.
    public var points: Tensor?
    /// Labels of the points, `[B, P]`: 1 foreground, 0 background, -1 padding.
    public var labels: Tensor?
    /// Boxes (x0, y0, x1, y1), `[B, 4]`.
    public var boxes: Tensor?
    /// Logits of an earlier mask, `[B, 1, 4 H, 4 W]` for an embedding of H x W.
    public var masks: Tensor?

    /// A set of prompts.
    ///
    /// - Parameters:
    ///   - points: clicks (x, y), `[B, P, 2]`; goes with `labels`.
    ///   - labels: 1, 0 or -1, `[B, P]`.
    ///   - boxes: (x0, y0, x1, y1), `[B, 4]`.
    ///   - masks: logits, `[B, 1, 4 H, 4 W]`.
    public init(
        points: Tensor? = nil, labels: Tensor? = nil, boxes: Tensor? = nil, masks: Tensor? = nil
    ) {
        precondition((points == nil) == (labels == nil), "points and labels go together")
        self.points = points
        self.labels = labels
        self.boxes = boxes
        self.masks = masks
    }

    var batch: Int {
        (points ?? boxes ?? masks)?.size(0) ?? 1
    }
}

/// SAM's prompt encoder: clicks and boxes to tokens, a mask to an image of features.
public final class PromptEncoder: Module {
    let peLayer: RandomPositionEncoding
    let pointEmbeddings: [Embedding]
    let notAPointEmbed: Embedding
    let maskDownscaling: Sequential
    let noMaskEmbed: Embedding
    let width: Int
    let inputSize: Int
    let embeddingSize: Int

    /// Height and width of the image embedding.
    public var gridSize: Int { embeddingSize }

    /// - Parameters:
    ///   - width: width of tokens and embedding, D.
    ///   - inputSize: height and width of the model's input in pixels.
    ///   - embeddingSize: height and width of the image embedding.
    ///   - maskChannels: channels inside the mask's convolutions.
    public init(width: Int = 256, inputSize: Int, embeddingSize: Int, maskChannels: Int = 16) {
        self.width = width
        self.inputSize = inputSize
        self.embeddingSize = embeddingSize
        peLayer = RandomPositionEncoding(features: width / 2)
        // Background point, foreground point, upper left and lower right corner of a box.
        pointEmbeddings = (0..<4).map { _ in Embedding(1, width) }
        notAPointEmbed = Embedding(1, width)
        maskDownscaling = Sequential(
            Conv2d(1, maskChannels / 4, kernel: 2, stride: 2),
            LayerNorm2d(maskChannels / 4),
            GELU(),
            Conv2d(maskChannels / 4, maskChannels, kernel: 2, stride: 2),
            LayerNorm2d(maskChannels),
            GELU(),
            Conv2d(maskChannels, width, kernel: 1))
        noMaskEmbed = Embedding(1, width)
    }

    /// Encodes B sets of prompts.
    ///
    /// - Parameter prompts: in pixels of the model's input.
    /// - Returns: `sparse`, `[B, T, D]`, a token for each click and corner (T may be 0), and
    ///   `dense`, `[B, D, H, W]`, to be added to the image embedding.
    public func callAsFunction(_ prompts: PromptTensors) -> (sparse: Tensor, dense: Tensor) {
        var tokens: [Tensor] = []
        if let points = prompts.points, let labels = prompts.labels {
            // Without a box one padding point is appended, as in segment-anything.
            tokens.append(encode(points, labels, padding: prompts.boxes == nil))
        }
        if let boxes = prompts.boxes {
            tokens.append(encode(boxes))
        }
        let sparse =
            tokens.isEmpty
            ? Tensor.empty([prompts.batch, 0, width], device: noMaskEmbed.table.device)
            : .concatenate(tokens, axis: 1)
        let shape = [prompts.batch, width, embeddingSize, embeddingSize]
        let dense =
            prompts.masks.map { maskDownscaling($0) }
            ?? noMaskEmbed.table.reshaped([1, -1, 1, 1]).expanded(shape)
        return (sparse, dense)
    }

    /// The encoding of the embedding's cells, `[1, D, H, W]`; it does not depend on the prompts.
    public func densePositions() -> Tensor {
        peLayer.grid(height: embeddingSize, width: embeddingSize)
    }

    private func encode(_ points: Tensor, _ labels: Tensor, padding: Bool) -> Tensor {
        var positions = (points + 0.5) / inputSize
        var labels = labels
        if padding {
            positions = .concatenate([positions, positions[.all, 0..<1].zerosLike()], axis: 1)
            labels = .concatenate([labels, labels[.all, 0..<1].zerosLike() - 1], axis: 1)
        }
        return tokens(at: positions, labels, kinds: 0...1)
    }

    /// Tokens of positions in 0..1 by label; `kinds` are the labels that occur besides -1.
    private func tokens(
        at positions: Tensor, _ labels: Tensor, kinds: ClosedRange<Int>
    ) -> Tensor {
        let labelled = labels.unsqueezed(-1)
        let nothing = labelled .== -1
        var tokens = Tensor.where(nothing, notAPointEmbed.table, peLayer(positions))
        for kind in kinds {
            let embedding = pointEmbeddings[kind].table
            tokens = Tensor.where(labelled .== kind, tokens + embedding, tokens)
        }
        return tokens
    }

    /// Encodes B sets of prompts in the form of an exported decoder: labelled points, and a mask with
    /// a flag.
    ///
    /// - Parameters:
    ///   - points: (x, y) in pixels of the model's input, `[B, P, 2]`.
    ///   - labels: `[B, P]`: 1 foreground, 0 background, 2 and 3 a box's upper left
    ///     and lower right corner, -1 padding. Points without a box need one more with label -1.
    ///   - mask: logits of an earlier mask, `[1, 1, 4 H, 4 W]` or `[B, 1, 4 H, 4 W]`.
    ///   - hasMask: 1 to use the mask, 0 to ignore it, `[1]`.
    /// - Returns: `sparse`, `[B, P, D]`, and `dense`, `[B, D, H, W]`.
    public func uniform(
        points: Tensor, labels: Tensor, mask: Tensor, hasMask: Tensor
    ) -> (sparse: Tensor, dense: Tensor) {
        let sparse = tokens(at: (points + 0.5) / inputSize, labels, kinds: 0...3)
        let without = noMaskEmbed.table.reshaped([1, -1, 1, 1])
        let dense = without + (maskDownscaling(mask) - without) * hasMask.reshaped([1, 1, 1, 1])
        return (sparse, dense.expanded([points.size(0), -1, -1, -1]))
    }

    private func encode(_ boxes: Tensor) -> Tensor {
        let corners = (boxes.reshaped([-1, 2, 2]) + 0.5) / inputSize
        let kinds = Tensor.concatenate([pointEmbeddings[2].table, pointEmbeddings[3].table])
        return peLayer(corners) + kinds
    }
}

/// Positions as sines and cosines of random frequencies: SAM's encoding of points and pixels.
///
/// `[sin(2 pi c G), cos(2 pi c G)]` for positions c in -1..1 and a fixed random matrix G.
public final class RandomPositionEncoding: Module {
    let frequencies: Buffer

    /// The authors' name of the random matrix.
    public override class var checkpointNames: [String: String] {
        ["frequencies": "positional_encoding_gaussian_matrix"]
    }

    /// - Parameters:
    ///   - features: half the width of the encoding.
    ///   - scale: standard deviation of the frequencies.
    init(features: Int, scale: Double = 1) {
        frequencies = Buffer(normal: [2, features], deviation: scale)
    }

    /// Encodes positions in 0..1.
    ///
    /// - Parameter positions: (x, y), `[..., 2]`.
    /// - Returns: `[..., D]`.
    func callAsFunction(_ positions: Tensor) -> Tensor {
        let angles = (positions * 2 - 1).matmul(frequencies.value) * (2 * Double.pi)
        return .concatenate([angles.sin(), angles.cos()], axis: -1)
    }

    /// Encodes the centres of the cells of a grid.
    ///
    /// - Parameters:
    ///   - height: rows of the grid.
    ///   - width: its columns.
    /// - Returns: `[1, D, H, W]`.
    func grid(height: Int, width: Int) -> Tensor {
        let device = frequencies.value.device
        let y = (Tensor.arange(to: Double(height), device: device) + 0.5) / height
        let x = (Tensor.arange(to: Double(width), device: device) + 0.5) / width
        let positions = Tensor.stack(
            [
                x[.newAxis, .all].expanded([height, width]),
                y[.all, .newAxis].expanded([height, width]),
            ], axis: -1)
        return self(positions).permuted([2, 0, 1]).unsqueezed(0)
    }
}
