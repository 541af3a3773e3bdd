import Imaging

/// One mask as the decoder gives it, for one prompt.
public struct MaskPrediction: Equatable, Sendable {
    /// Logits over the model's whole input, one plane; above 0 is inside.
    public var logits: Planes
    /// The model's own estimate of the mask's overlap with the truth, IoU; not calibrated.
    public var iouEstimate: Float

    /// A prediction.
    ///
    /// - Parameters:
    ///   - logits: one plane over the model's input.
    ///   - iouEstimate: the model's own.
    public init(logits: Planes, iouEstimate: Float) {
        self.logits = logits
        self.iouEstimate = iouEstimate
    }
}

/// One mask of a picture, for one prompt.
public struct Segmentation: Equatable, Sendable {
    /// The model's logits over its whole input, one plane; above 0 is inside.
    public var logits: Planes
    /// The mask, of the picture's size.
    public var mask: Mask
    /// The model's own estimate of the mask's overlap with the truth, IoU; not calibrated.
    public var iouEstimate: Float

    /// A result.
    ///
    /// - Parameters:
    ///   - logits: one plane over the model's input.
    ///   - mask: of the picture's size.
    ///   - iouEstimate: the model's own.
    public init(logits: Planes, mask: Mask, iouEstimate: Float) {
        self.logits = logits
        self.mask = mask
        self.iouEstimate = iouEstimate
    }
}
