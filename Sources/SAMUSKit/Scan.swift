import Foundation
import Imaging
import Segmentation

/// An encoded image: computes a mask for a prompt in milliseconds.
///
/// May be used from many tasks concurrently.
public struct Scan: Sendable {
    let encoded: any EncodedImage
    let worker: BlockingWorker

    /// Width of the image in pixels.
    public var width: Int { encoded.size.width }
    /// Height of the image in pixels.
    public var height: Int { encoded.size.height }

    /// Segments the object that a prompt marks.
    ///
    /// - Parameter prompt: points, a box or a mask, in pixels of the image.
    /// - Returns: the object's mask.
    /// - Throws: ``SegmenterError/invalidPrompt(_:)`` if the prompt does not fit the image,
    ///   `CancellationError`.
    public func mask(for prompt: Prompt) async throws -> ObjectMask {
        try await masks(for: [prompt])[0][0]
    }

    /// Segments the objects that several prompts mark.
    ///
    /// - Parameters:
    ///   - prompts: one prompt for each object, in pixels of the image.
    ///   - candidates: whether to return all candidate masks of each prompt, which may be
    ///     ambiguous, instead of one mask.
    /// - Returns: for each prompt its masks, highest IoU estimate first; one mask each without
    ///   `candidates`.
    /// - Throws: ``SegmenterError/invalidPrompt(_:)`` if a prompt does not fit the image,
    ///   `CancellationError`.
    public func masks(
        for prompts: [Prompt], candidates: Bool = false
    ) async throws -> [[ObjectMask]] {
        try await worker.run { [encoded] in
            let checked = try prompts.map { try $0.checked(for: encoded.size) }
            let masks =
                try candidates
                ? encoded.predict(checked, multimask: true)
                : encoded.answers(to: checked).map { [$0] }
            return masks.map { predictions in
                predictions.map { ObjectMask(encoded.restored($0)) }
                    .sorted { $0.iouEstimate > $1.iouEstimate }
            }
        }
    }

    /// Segments the object that a prompt-free model finds, as AutoSAMUS.
    ///
    /// - Returns: the object's mask; empty if the model finds no object.
    /// - Throws: ``SegmenterError/needsPrompt(model:)`` if the model is not prompt-free,
    ///   `CancellationError`.
    public func mask() async throws -> ObjectMask {
        try await worker.run { [encoded] in ObjectMask(try encoded.segmentPromptFree()) }
    }
}

/// The mask of one object, of the image's size.
public struct ObjectMask: Equatable, Sendable {
    /// Width in pixels.
    public let width: Int
    /// Height in pixels.
    public let height: Int
    /// 1 inside the object, 0 outside, row by row.
    public let pixels: [UInt8]
    /// The model's estimate of the mask's IoU with the true mask; not calibrated.
    public let iouEstimate: Float
    /// The model's estimate, 0 to 1, that there is an object at the prompt; nil where the model has
    /// none.
    ///
    /// Below 0.5 the mask is empty.
    public let presence: Float?

    init(_ result: SegmentationResult) {
        width = result.mask.width
        height = result.mask.height
        pixels = result.mask.values
        iouEstimate = result.iouEstimate
        presence = result.presence
    }

    /// Area of the object in pixels.
    public var area: Int { pixels.count { $0 == 1 } }

    /// Encodes the mask as a grey PNG: 255 inside the object, 0 outside.
    ///
    /// - Returns: content of a PNG file.
    /// - Throws: ``SegmenterError/unwritableImage(_:)``.
    public func pngData() throws(SegmenterError) -> Data {
        do throws(ImageError) {
            return Data(
                try Mask(width: width, height: height, values: pixels).encodedPNG())
        } catch {
            throw .unwritableImage(error.description)
        }
    }
}
