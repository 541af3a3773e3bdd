import Imaging

/// A model that is ready to segment images, on whatever runtime.
///
/// Encoding an image is the costly part, and is done once: all prompts on it go to the
/// ``EncodedImage`` that comes out.
public protocol SegmentationEngine: Sendable {
    /// What the model is and where it comes from.
    var model: ModelDescription { get }

    /// Encodes an image.
    ///
    /// - Parameter image: grey or RGB, of any size.
    /// - Returns: the image's embedding, ready for prompts.
    /// - Throws: what the runtime cannot do. Running out of memory may end the process.
    func encode(_ image: Image) throws -> any EncodedImage
}

/// An image that a model has seen: SAM's predictor, once the image is set.
public protocol EncodedImage: Sendable {
    /// How the image lies in the model's input.
    var geometry: InputGeometry { get }

    /// Masks for several prompts, in as few passes of the decoder as their forms allow.
    ///
    /// - Parameters:
    ///   - prompts: in the image's pixels, checked for its size; another size's is a mistake of
    ///     the program and traps.
    ///   - multimask: whether to give all candidates of an ambiguous prompt instead of one mask.
    /// - Returns: for each prompt its masks, in the decoder's order.
    /// - Throws: ``EngineError/notFinite(model:)``, and what the runtime cannot do.
    func predict(_ prompts: [Prompt.Checked], multimask: Bool) throws -> [[MaskPrediction]]

    /// The mask of the one object that the model finds by itself.
    ///
    /// - Returns: one mask.
    /// - Throws: ``EngineError/needsPrompt(model:)`` when the model needs to be told, and what
    ///   ``predict(_:multimask:)`` throws.
    func predictPromptFree() throws -> MaskPrediction
}

extension EncodedImage {
    /// The image's size.
    public var size: Size { geometry.original }

    /// Segments one object; the image is not encoded again.
    ///
    /// - Parameters:
    ///   - prompt: in the image's pixels, checked for its size; another size's is a mistake of
    ///     the program and traps.
    ///   - multimask: whether to give all candidates of an ambiguous prompt, best estimate first,
    ///     instead of one mask.
    /// - Returns: one mask, or the candidates.
    /// - Throws: ``EngineError/notFinite(model:)``, and what the runtime cannot do.
    public func segment(_ prompt: Prompt.Checked, multimask: Bool) throws -> [SegmentationResult] {
        try predict([prompt], multimask: multimask)[0].map(restored)
            .sorted { $0.iouEstimate > $1.iouEstimate }
    }

    /// Checks a prompt against the image and segments one object.
    ///
    /// - Parameters:
    ///   - prompt: in the image's pixels.
    ///   - multimask: whether to give all candidates instead of one mask.
    /// - Returns: one mask, or the candidates.
    /// - Throws: ``PromptError`` when the prompt does not fit, and what segmenting throws.
    public func segment(_ prompt: Prompt, multimask: Bool = false) throws -> [SegmentationResult] {
        try segment(prompt.checked(for: size), multimask: multimask)
    }

    /// Segments the one object that the model finds by itself.
    ///
    /// - Returns: its mask.
    /// - Throws: what ``predictPromptFree()`` throws.
    public func segmentPromptFree() throws -> SegmentationResult {
        restored(try predictPromptFree())
    }

    /// A prediction with its mask at the image's size.
    ///
    /// - Parameter prediction: of this image.
    /// - Returns: the same with a mask.
    public func restored(_ prediction: MaskPrediction) -> SegmentationResult {
        SegmentationResult(
            logits: prediction.logits, mask: geometry.restore(prediction.logits),
            iouEstimate: prediction.iouEstimate)
    }
}

/// Why an engine gives no answer.
public enum EngineError: Error, Equatable, Sendable {
    case notFinite(model: String)
    case needsPrompt(model: String)
}

extension EngineError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .notFinite(let model):
            "\(model) gave logits that are not finite numbers: its weights are damaged, or too "
                + "small a precision was asked for"
        case .needsPrompt(let model):
            "\(model) does not find an object by itself: give a click, a box or a mask"
        }
    }
}

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

/// One mask of an image, for one prompt.
public struct SegmentationResult: Equatable, Sendable {
    /// The model's logits over its whole input, one plane; above 0 is inside.
    public var logits: Planes
    /// The mask, of the image's size.
    public var mask: Mask
    /// The model's own estimate of the mask's overlap with the truth, IoU; not calibrated.
    public var iouEstimate: Float

    /// A result.
    ///
    /// - Parameters:
    ///   - logits: one plane over the model's input.
    ///   - mask: of the image's size.
    ///   - iouEstimate: the model's own.
    public init(logits: Planes, mask: Mask, iouEstimate: Float) {
        self.logits = logits
        self.mask = mask
        self.iouEstimate = iouEstimate
    }
}
