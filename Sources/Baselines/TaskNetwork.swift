import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// A task-specific network: it segments an image without a prompt, and has been trained for one kind
/// of object, or for several classes at once.
///
/// The paper compares SAMUS with networks of this kind. Conforming takes the registry's entry,
/// `make(_:)` and ``logits(_:)``; the embedding of such a network is its result.
public protocol TaskNetwork: SegmentationNetwork {
    /// Height and width of the input in pixels; divisible by 4.
    var inputSize: Int { get }

    /// Channels of the logits: 1 for one object, 2 for background and object, or 1 + C for background
    /// and C classes.
    var outputs: Int { get }

    /// Segments images.
    ///
    /// - Parameter images: grey values in 0..1, `[B, 1, S, S]`.
    /// - Returns: logits of the object, `[B, 1, S, S]`, or of background and classes,
    ///   `[B, outputs, S, S]`.
    func logits(_ images: Tensor) -> Tensor
}

extension TaskNetwork {
    /// 256 pixels, the input of SAMUS.
    public var inputSize: Int { 256 }

    /// True: most of a step is convolutions.
    public var isTrainedChannelsLast: Bool { true }

    /// 1: the logits of one object.
    public var outputs: Int { 1 }

    /// The whole network: there is no decoder behind the embedding.
    public var imageEncoderModule: Module { self }

    /// The logits of 4 x 4 pixels in each cell: 16 for each channel.
    public var embeddingWidth: Int { 16 * (outputs > 2 ? outputs : 1) }

    /// A quarter of the input's side.
    public var embeddingSize: Int { inputSize / 4 }

    /// The logits of all pixels, those of 4 x 4 pixels as the channels of one cell.
    public func encode(_ images: Tensor) -> Tensor {
        encodeOneByOne(images) { MaskDecoder.packed(logits($0).joiningBackground, by: 4) }
    }

    /// The logits of all pixels, with estimates of the IoU from their probabilities: of one object,
    /// or of background and classes.
    public func decodePromptFree(_ embedding: Tensor) -> DecodedMasks? {
        let logits = MaskDecoder.unpacked(embedding, by: 4)
        guard outputs <= 2 else { return .estimatingIoU(ofClasses: logits) }
        // The sums are the same over cells of 4 x 4 pixels.
        return DecodedMasks(logits: logits, iou: DecodedMasks.estimatingIoU(embedding).iou)
    }

    /// The masks of logits, with estimates of the IoU from their probabilities.
    ///
    /// - Parameter logits: as ``logits(_:)`` gives them.
    /// - Returns: one mask, or those of background and classes.
    func masks(_ logits: Tensor) -> DecodedMasks {
        let logits = logits.joiningBackground
        return logits.size(1) > 1 ? .estimatingIoU(ofClasses: logits) : .estimatingIoU(logits)
    }

    /// All parameters: there is no part that starts from other weights.
    public func trainedParameters(by recipe: Recipe) -> [Parameter]? {
        recipe == .full ? parameters : nil
    }
}

extension Tensor {
    /// Logits of an object and its background as one; other numbers of channels stay.
    ///
    /// The sigmoid of their difference is the softmax of both.
    fileprivate var joiningBackground: Tensor {
        size(1) == 2 ? self[.all, 1..<2] - self[.all, 0..<1] : self
    }

    /// A grey image as three equal channels, for networks that were published for colour images.
    var repeatedChannels: Tensor {
        size(1) == 3 ? self : expanded([-1, 3, -1, -1])
    }

    /// A map as tokens.
    ///
    /// - Returns: `[B, H W, C]` for `[B, C, H, W]`.
    var tokens: Tensor { permuted([0, 2, 3, 1]).flattened(from: 1, to: 2) }

    /// Tokens as a map.
    ///
    /// - Parameters:
    ///   - height: rows of the map.
    ///   - width: columns of the map.
    /// - Returns: `[B, C, height, width]` for `[B, height width, C]`.
    func map(height: Int, width: Int) -> Tensor {
        // Not the transposed matrix in another shape, which is the same: OpenVINO 2026.4 computes
        // wrong values where a convolution follows that.
        reshaped([size(0), height, width, -1]).permuted([0, 3, 1, 2])
    }

    /// Bilinear enlarging in which the corners stay in place.
    func enlarged(by factor: Int, alignCorners: Bool = true) -> Tensor {
        bilinear(
            self, height: factor * size(2), width: factor * size(3), alignCorners: alignCorners)
    }
}

/// Convolution, batch norm and ReLU, whose names in a checkpoint are 0 and 1.
///
/// - Parameters:
///   - inputs: channels in.
///   - outputs: channels out.
///   - kernel: height and width of the kernel; the image keeps its size.
///   - dilation: distance between the kernel's elements.
///   - bias: whether the convolution adds a bias.
/// - Returns: the three layers.
func convolutionNormReLU(
    _ inputs: Int, _ outputs: Int, kernel: Int = 3, dilation: Int = 1, bias: Bool = false
) -> Sequential {
    Sequential(
        Conv2d(
            inputs, outputs, kernel: kernel, padding: dilation * (kernel / 2), dilation: dilation,
            bias: bias), BatchNorm2d(outputs), ReLU())
}

/// Twice convolution, batch norm and ReLU: the block of U-Net.
///
/// - Parameters:
///   - inputs: channels in.
///   - middle: channels between the convolutions.
///   - outputs: channels out.
///   - bias: whether the convolutions add a bias.
/// - Returns: six layers, whose names in a checkpoint are their indices.
func doubleConvolution(
    _ inputs: Int, middle: Int, _ outputs: Int, bias: Bool = false
) -> Sequential {
    Sequential(
        Conv2d(inputs, middle, kernel: 3, padding: 1, bias: bias), BatchNorm2d(middle), ReLU(),
        Conv2d(middle, outputs, kernel: 3, padding: 1, bias: bias), BatchNorm2d(outputs), ReLU())
}

extension DecodedMasks {
    /// Masks whose estimates of the IoU are computed from their probabilities.
    ///
    /// The estimate is the expected overlap of the mask with an object whose pixels are drawn with the
    /// predicted probabilities, over the expected union; it has no gradient.
    ///
    /// - Parameter logits: of one object in each image, four axes with the images first.
    /// - Returns: the logits with their estimates.
    static func estimatingIoU(_ logits: Tensor) -> DecodedMasks {
        let cells = logits.detached()
        let mask = (cells .> 0).to(cells.dtype)
        let inside = sigmoid(cells)
        let overlap = (inside * mask).sum(axes: [1, 2, 3])
        let union = (inside + mask - inside * mask).sum(axes: [1, 2, 3])
        return DecodedMasks(logits: logits, iou: (overlap / (union + 1e-6)).reshaped([-1, 1]))
    }

    /// The same for classes, whose probabilities are the softmax and whose masks the most probable
    /// class.
    ///
    /// - Parameter logits: of background and classes, `[B, 1 + C, H, W]`.
    /// - Returns: the logits with 1 + C estimates.
    static func estimatingIoU(ofClasses logits: Tensor) -> DecodedMasks {
        let inside = logits.detached().softmax(axis: 1)
        let below = (inside.max(axes: [1], keepingAxes: true) - inside .> 0).to(inside.dtype)
        let mask = 1 - below
        let overlap = (inside * mask).sum(axes: [2, 3])
        let union = (inside + mask - inside * mask).sum(axes: [2, 3])
        return DecodedMasks(logits: logits, iou: overlap / (union + 1e-6))
    }
}
