import Imaging

/// A model that is ready to segment images, independent of the runtime.
///
/// Encoding an image is expensive and is done once; all prompts on the image are given to the
/// resulting ``EncodedImage``.
public protocol SegmentationEngine: Sendable {
    /// The model's architecture, sizes and origin.
    var model: ModelDescription { get }

    /// Encodes an image.
    ///
    /// - Parameter image: grey or RGB, of any size.
    /// - Returns: the image's embedding, ready for prompts.
    /// - Throws: errors of the runtime. Running out of memory may end the process.
    func encode(_ image: Image) throws -> any EncodedImage
}

/// An encoded image, like SAM's predictor after `set_image`.
public protocol EncodedImage: Sendable {
    /// The model that encoded the image.
    var model: ModelDescription { get }
    /// How the image is placed in the model's input.
    var geometry: InputGeometry { get }

    /// Predicts the masks of several prompts, in as few decoder passes as possible.
    ///
    /// - Parameters:
    ///   - prompts: prompts in pixels of the image, checked for its size; prompts checked for
    ///     another size trap.
    ///   - multimask: whether to return all candidates of an ambiguous prompt instead of one mask.
    /// - Returns: the masks of each prompt, in the decoder's order.
    /// - Throws: ``EngineError/notFinite(model:)``, and errors of the runtime.
    func predict(_ prompts: [Prompt.Checked], multimask: Bool) throws -> [[MaskPrediction]]

    /// Predicts a mask without a prompt.
    ///
    /// - Returns: one mask.
    /// - Throws: ``EngineError/needsPrompt(model:)`` when the model needs a prompt,
    ///   ``EngineError/severalClasses(model:)`` when it gives several masks, and the errors of
    ///   ``predict(_:multimask:)``.
    func predictPromptFree() throws -> MaskPrediction

    /// Predicts all classes of ``ModelDescription/classes`` without a prompt.
    ///
    /// - Returns: logits of the background and of each class.
    /// - Throws: ``EngineError/oneObject(model:)`` when the model segments one object, and the errors
    ///   of ``predict(_:multimask:)``.
    func predictClasses() throws -> ClassPrediction
}

extension EncodedImage {
    /// The image's size.
    public var size: Size { geometry.original }

    /// Throws: the model segments one object.
    public func predictClasses() throws -> ClassPrediction {
        throw EngineError.oneObject(model: model.name)
    }

    /// Segments one object; the image is not encoded again.
    ///
    /// - Parameters:
    ///   - prompt: a prompt in pixels of the image, checked for its size; a prompt checked for
    ///     another size traps.
    ///   - multimask: whether to return all candidates of an ambiguous prompt, best estimate
    ///     first, instead of one mask.
    ///   - options: when nothing counts as found; for one mask only.
    /// - Returns: one mask, or the candidates.
    /// - Throws: ``EngineError/notFinite(model:)``, and errors of the runtime.
    public func segment(
        _ prompt: Prompt.Checked, multimask: Bool, options: AnswerOptions = .init()
    ) throws -> [SegmentationResult] {
        guard multimask else {
            return try [restored(answers(to: [prompt], options: options)[0])]
        }
        return try predict([prompt], multimask: true)[0].map(restored)
            .sorted { $0.iouEstimate > $1.iouEstimate }
    }

    /// Checks a prompt against the image and segments one object.
    ///
    /// - Parameters:
    ///   - prompt: a prompt in pixels of the image.
    ///   - multimask: whether to return all candidates instead of one mask.
    /// - Returns: one mask, or the candidates.
    /// - Throws: ``PromptError`` when the prompt does not fit, and the errors of segmentation.
    public func segment(_ prompt: Prompt, multimask: Bool = false) throws -> [SegmentationResult] {
        try segment(prompt.checked(for: size), multimask: multimask)
    }

    /// Segments one object without a prompt.
    ///
    /// - Returns: the mask.
    /// - Throws: the errors of ``predictPromptFree()``.
    public func segmentPromptFree() throws -> SegmentationResult {
        restored(try predictPromptFree())
    }

    /// Adds the mask at the image's size to a prediction.
    ///
    /// - Parameter prediction: a prediction for this image.
    /// - Returns: logits, mask and IoU estimate.
    public func restored(_ prediction: MaskPrediction) -> SegmentationResult {
        let mask =
            prediction.isFound
            ? geometry.restore(prediction.logits)
            : Mask(emptyOf: size)
        var result = SegmentationResult(
            logits: prediction.logits, mask: mask, iouEstimate: prediction.iouEstimate)
        result.presence = prediction.presence
        result.adjustedClicks = prediction.adjustedClicks
        result.disobeyedClicks = prediction.disobeyedClicks
        return result
    }
}

/// Why an engine cannot predict a mask.
public enum EngineError: Error, Equatable, Sendable {
    case notFinite(model: String)
    case needsPrompt(model: String)
    case takesNoPrompts(model: String)
    case severalClasses(model: String)
    case oneObject(model: String)
}

extension EngineError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .notFinite(let model):
            "\(model) returned logits that are not finite: its weights are damaged, or the "
                + "precision is too low"
        case .needsPrompt(let model):
            "\(model) needs a prompt: give a click, a box or a mask"
        case .takesNoPrompts(let model):
            "\(model) takes no prompts: it segments the image without one"
        case .severalClasses(let model):
            "\(model) segments several classes at once, and one mask is needed here: 'samus segment' "
                + "and 'samus evaluate' take such a model"
        case .oneObject(let model):
            "\(model) segments one object, not several classes"
        }
    }
}

/// One mask as the decoder returns it, for one prompt.
public struct MaskPrediction: Equatable, Sendable {
    /// Logits over the model's whole input, one plane; the mask is where they are above 0.
    public var logits: Planes
    /// The model's estimate of the mask's IoU with the object; not calibrated.
    public var iouEstimate: Float
    /// The model's estimate, 0 to 1, that there is an object at the prompt; nil where it has none.
    public var presence: Float?
    /// Whether an object counts as found; otherwise the mask of the image is empty.
    public var isFound = true
    /// Clicks whose surroundings were changed so that the mask obeys them.
    public var adjustedClicks = 0
    /// Clicks that are on the wrong side of the mask's outline.
    public var disobeyedClicks = 0

    /// Creates a prediction.
    ///
    /// - Parameters:
    ///   - logits: one plane over the model's input.
    ///   - iouEstimate: the model's estimate of the IoU.
    ///   - presence: the model's estimate that there is an object.
    public init(logits: Planes, iouEstimate: Float, presence: Float? = nil) {
        self.logits = logits
        self.iouEstimate = iouEstimate
        self.presence = presence
    }
}

/// One mask of an image, for one prompt.
public struct SegmentationResult: Equatable, Sendable {
    /// Logits over the model's whole input, one plane; the mask is where they are above 0.
    public var logits: Planes
    /// The mask, of the image's size.
    public var mask: Mask
    /// The model's estimate of the mask's IoU with the object; not calibrated.
    public var iouEstimate: Float
    /// The model's estimate, 0 to 1, that there is an object at the prompt; nil where it has none.
    public var presence: Float?
    /// Clicks whose surroundings were changed so that the mask obeys them.
    public var adjustedClicks = 0
    /// Clicks that are on the wrong side of the mask's outline.
    public var disobeyedClicks = 0

    /// Creates a result.
    ///
    /// - Parameters:
    ///   - logits: one plane over the model's input.
    ///   - mask: a mask of the image's size.
    ///   - iouEstimate: the model's estimate of the IoU.
    public init(logits: Planes, mask: Mask, iouEstimate: Float) {
        self.logits = logits
        self.mask = mask
        self.iouEstimate = iouEstimate
    }
}

extension SegmentationResult {
    /// The IoU estimate below which a mask is shown as unsure.
    public static let lowestConfidentIoU: Float = 0.6

    /// Whether a found mask has a low IoU estimate.
    public var isUnsure: Bool { iouEstimate < Self.lowestConfidentIoU && !mask.isEmpty }
}
