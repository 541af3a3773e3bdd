import Imaging
import Segmentation
import Ultrasound

/// What gives masks of the objects in pictures: a model, a formula, or another program's files.
public protocol MaskSource: Sendable {
    /// What it is, as the report names it.
    var record: SourceRecord { get }

    /// Looks at a picture once, for all objects and prompts on it.
    ///
    /// - Parameters:
    ///   - image: one channel.
    ///   - sample: one of the samples of this picture.
    /// - Returns: the picture, ready for prompts.
    /// - Throws: why there will be no masks.
    func open(_ image: Image, of sample: Sample) throws -> any OpenPicture
}

/// A picture that a ``MaskSource`` has looked at.
public protocol OpenPicture {
    /// Masks of one object.
    ///
    /// - Parameters:
    ///   - sample: the object, on this picture.
    ///   - prompts: one for each mask; nil for one mask without a prompt.
    /// - Returns: masks in the order of the prompts.
    /// - Throws: why there are none.
    func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [FoundMask]
}

/// A mask, and what its maker thinks of it.
public struct FoundMask: Sendable {
    /// Of the picture's size.
    public let mask: Mask
    /// The maker's own estimate of the overlap with the label, IoU; nil where it has none.
    public let iouEstimate: Double?

    /// - Parameters:
    ///   - mask: of the picture's size.
    ///   - iouEstimate: the maker's own estimate; nil where it has none.
    public init(mask: Mask, iouEstimate: Double? = nil) {
        self.mask = mask
        self.iouEstimate = iouEstimate
    }
}

/// What made masks, as the report names it.
public struct SourceRecord: Codable, Equatable, Sendable {
    /// The kinds of makers.
    public enum Kind: String, Codable, Sendable {
        /// A network.
        case model
        /// A formula that knows the prompt alone.
        case baseline
        /// Files of another program.
        case predictions
    }

    /// Which kind.
    public var kind: Kind
    /// The model's or the formula's name, or the folder of the files.
    public var name: String
    /// The network; nil for other kinds.
    public var model: ModelDescription?
    /// Precision, device and threads that it runs with, where there is a choice.
    public var runs: String?

    /// - Parameters:
    ///   - kind: which kind.
    ///   - name: the model's or the formula's name, or the folder of the files.
    ///   - model: the network.
    ///   - runs: precision, device and threads.
    public init(kind: Kind, name: String, model: ModelDescription? = nil, runs: String? = nil) {
        self.kind = kind
        self.name = name
        self.model = model
        self.runs = runs
    }
}
