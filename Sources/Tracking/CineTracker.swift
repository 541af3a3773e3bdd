import Imaging
import Segmentation

/// What became of one frame of a cine.
public struct TrackedFrame: Sendable {
    /// The number of the frame, from 1.
    public let number: Int
    /// Whether the user gave a prompt on this frame.
    public let isPrompted: Bool
    /// The mask, which is empty where the object was not found; nil where the frame could not be read.
    public let result: SegmentationResult?
    /// How the mask comes from the logits; nil where the frame could not be read.
    public let geometry: InputGeometry?
    /// Why the frame could not be read.
    public let failure: String?

    /// Whether the object was found.
    public var isFound: Bool { (result?.mask.area ?? 0) > 0 }
}

/// Follows one object through a cine, forwards and backwards from the first prompt.
///
/// Each frame is read and encoded once, and only the neighbour's box and logits are kept: memory does
/// not grow with the number of frames.
public struct CineTracker: Sendable {
    /// What happens after a frame.
    public enum Continuation: Sendable { case next, stop }

    private let engine: any SegmentationEngine
    private let options: TrackingOptions

    /// - Parameters:
    ///   - engine: a model that takes prompts.
    ///   - options: how the object is followed.
    public init(engine: any SegmentationEngine, options: TrackingOptions = .init()) {
        self.engine = engine
        self.options = options
    }

    /// The order in which the frames of a cine are visited: from the first prompted frame to the end, then
    /// from there back to the beginning.
    ///
    /// - Parameters:
    ///   - frames: number of frames.
    ///   - first: the first frame with a prompt, from 1.
    /// - Returns: frame numbers forwards, then backwards.
    public static func order(frames: Int, first: Int) -> (forwards: [Int], backwards: [Int]) {
        precondition((1...frames).contains(first), "the prompted frame must exist")
        return (Array(first...frames), Array((1..<first).reversed()))
    }

    /// Follows an object.
    ///
    /// - Parameters:
    ///   - frames: number of frames.
    ///   - prompts: the user's prompts by the numbers of their frames, from 1; at least one.
    ///   - image: reads a frame; where it throws, the frame counts as one without the object. A frame
    ///     with a prompt must be readable.
    ///   - visit: gets each frame, in the order of ``order(frames:first:)``.
    /// - Returns: whether all frames were visited.
    /// - Throws: `PromptError`, errors of the runtime, errors of `image` on a frame with a prompt, and
    ///   what `visit` throws.
    @discardableResult
    public func track(
        frames: Int, prompts: [Int: Prompt], image: (Int) throws -> Image,
        visit: (TrackedFrame) throws -> Continuation
    ) throws -> Bool {
        guard let first = prompts.keys.min() else { preconditionFailure("a track needs a prompt") }
        let order = Self.order(frames: frames, first: first)
        var tracker = ObjectTracker(options: options)
        var atFirst = tracker
        for number in order.forwards {
            let step = try follow(number, prompts[number], &tracker, image, visit)
            if number == first { atFirst = tracker }
            if step == .stop { return false }
        }
        tracker = atFirst
        for number in order.backwards {
            if try follow(number, nil, &tracker, image, visit) == .stop { return false }
        }
        return true
    }

    private func follow(
        _ number: Int, _ prompt: Prompt?, _ tracker: inout ObjectTracker,
        _ image: (Int) throws -> Image, _ visit: (TrackedFrame) throws -> Continuation
    ) throws -> Continuation {
        let frame: Image
        do {
            frame = try image(number)
        } catch  where prompt == nil {
            return try visit(
                TrackedFrame(
                    number: number, isPrompted: false, result: nil, geometry: nil,
                    failure: "\(error)"))
        }
        guard frame.uniformValue == nil || prompt != nil else {
            return try visit(
                TrackedFrame(
                    number: number, isPrompted: false,
                    result: tracker.passOver(blankFrameOf: frame.size), geometry: nil,
                    failure: nil))
        }
        let encoded = try engine.encode(frame)
        let result = try tracker.segment(frame, encoded, prompt: prompt)
        return try visit(
            TrackedFrame(
                number: number, isPrompted: prompt != nil, result: result,
                geometry: encoded.geometry, failure: nil))
    }
}
