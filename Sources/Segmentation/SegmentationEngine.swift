import Imaging

/// A model that is ready to segment pictures, on whatever runtime.
///
/// Encoding a picture is the costly part, and is done once: all prompts on it go to the
/// ``EmbeddedImage`` that comes out.
public protocol SegmentationEngine: Sendable {
    /// What the model is and where it comes from.
    var model: ModelDescription { get }

    /// Encodes a picture.
    ///
    /// - Parameter image: grey or RGB, of any size.
    /// - Returns: the picture's embedding, ready for prompts.
    /// - Throws: ``EngineError`` when the runtime fails.
    func embed(_ image: Image) throws -> any EmbeddedImage
}

/// A picture that a model has seen.
public protocol EmbeddedImage: Sendable {
    /// The picture's size.
    var size: Size { get }

    /// Segments one object; the picture is not encoded again.
    ///
    /// - Parameters:
    ///   - prompt: in the picture's pixels, checked for its size.
    ///   - multimask: whether to give all candidates of an ambiguous prompt, best estimate first,
    ///     instead of one mask.
    /// - Returns: one mask, or the candidates.
    /// - Throws: ``EngineError`` when the runtime fails.
    func segment(_ prompt: Prompt, multimask: Bool) throws -> [Segmentation]
}

/// Why an engine gives no answer.
public enum EngineError: Error, Equatable, Sendable {
    case notFinite(model: String)
    case failed(String)
}

extension EngineError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .notFinite(let model):
            "\(model) gave logits that are not finite numbers: its weights are damaged, or too "
                + "small a precision was asked for"
        case .failed(let reason):
            reason
        }
    }
}
