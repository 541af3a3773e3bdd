import Imaging
import Segmentation
import Ultrasound

/// One sample as the network sees it in one step.
public struct Example: Sendable {
    /// Which object.
    public let sample: Sample
    /// The network's input, `[C, S, S]`.
    public let input: Planes
    /// The augmented picture inside the input, without padding, to be looked at.
    public let picture: Image
    /// The object in the input's frame, S x S.
    public let inside: Mask
    /// The picture's part of the input; the rest is padding.
    public let extent: Size
    /// Clicks and box in pixels of the input.
    public let prompt: Prompt
    /// Which of a picture's fixed variants it is; nil where each step has another.
    public let variant: Int?
}
