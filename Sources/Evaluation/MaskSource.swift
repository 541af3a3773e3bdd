import Datasets
import Imaging
import Segmentation

/// What gives masks of the objects in images: a model, a formula, or another program's files.
public protocol MaskSource: Sendable {
    /// What it is, as the report names it.
    var record: SourceRecord { get }

    /// Looks at an image once, for all objects and prompts on it.
    ///
    /// - Parameters:
    ///   - image: one channel.
    ///   - sample: one of the samples of this image.
    /// - Returns: the image, ready for prompts.
    /// - Throws: why there will be no masks.
    func open(_ image: Image, of sample: Sample) throws -> any OpenImage
}

/// An image that a ``MaskSource`` has looked at.
public protocol OpenImage {
    /// Masks of one object.
    ///
    /// - Parameters:
    ///   - sample: the object, on this image.
    ///   - prompts: one for each mask; nil for one mask without a prompt.
    /// - Returns: masks in the order of the prompts.
    /// - Throws: why there are none.
    func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [FoundMask]
}

/// A mask, and what its maker thinks of it.
public struct FoundMask: Sendable {
    /// Of the image's size.
    public let mask: Mask
    /// The maker's own estimate of the overlap with the label, IoU; nil where it has none.
    public let iouEstimate: Double?

    /// - Parameters:
    ///   - mask: of the image's size.
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

/// Masks of a network.
public struct EngineSource: MaskSource {
    private let engine: any SegmentationEngine
    /// The network's name, and its description.
    public let record: SourceRecord

    /// - Parameters:
    ///   - engine: ready for images.
    ///   - runs: precision, device and threads, for the report.
    public init(_ engine: any SegmentationEngine, runs: String? = nil) {
        self.engine = engine
        record = SourceRecord(
            kind: .model, name: engine.model.name, model: engine.model, runs: runs)
    }

    /// Encodes an image.
    public func open(_ image: Image, of sample: Sample) throws -> any OpenImage {
        Encoded(embedded: try engine.encode(image))
    }

    private struct Encoded: OpenImage {
        let embedded: any EncodedImage

        func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [FoundMask] {
            let found =
                try prompts.map { try embedded.predict($0, multimask: false).map { $0[0] } }
                ?? [embedded.predictPromptFree()]
            return found.map {
                FoundMask(
                    mask: embedded.geometry.restore($0.logits), iouEstimate: Double($0.iouEstimate))
            }
        }
    }
}

/// Masks that know nothing but the prompt's box: what a model has to beat.
public enum BaselineSource: String, MaskSource, CaseIterable {
    /// All of the box.
    case filledBox = "filled-box"
    /// The ellipse that touches the box's four sides.
    case ellipse

    /// The formula's name.
    public var record: SourceRecord { SourceRecord(kind: .baseline, name: rawValue) }

    /// Takes the image's size; its pixels are not looked at.
    public func open(_ image: Image, of sample: Sample) throws -> any OpenImage {
        Blind(shape: self, size: image.size)
    }

    /// Draws the shape in a box.
    ///
    /// - Parameters:
    ///   - box: from the centre of its first column and row to that of its last.
    ///   - size: the mask's.
    /// - Returns: a mask; a pixel is inside where its centre is.
    func mask(in box: PixelRectangle, size: Size) -> Mask {
        let (x0, y0) = (max(box.x0.rounded(.up), 0), max(box.y0.rounded(.up), 0))
        let x1 = min(box.x1.rounded(.down), Double(size.width - 1))
        let y1 = min(box.y1.rounded(.down), Double(size.height - 1))
        var values = [UInt8](repeating: 0, count: size.area)
        // Pixels reach half a pixel beyond their centres.
        let (a, b) = ((box.x1 - box.x0 + 1) / 2, (box.y1 - box.y0 + 1) / 2)
        let (cx, cy) = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        for y in stride(from: y0, through: y1, by: 1) {
            for x in stride(from: x0, through: x1, by: 1) {
                let (dx, dy) = ((x - cx) / a, (y - cy) / b)
                guard self == .filledBox || dx * dx + dy * dy <= 1 else { continue }
                values[Int(y) * size.width + Int(x)] = 1
            }
        }
        return Mask(width: size.width, height: size.height, values: values)
    }

    private struct Blind: OpenImage {
        let shape: BaselineSource
        let size: Size

        func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [FoundMask] {
            guard let prompts else { throw EngineError.needsPrompt(model: shape.rawValue) }
            return prompts.map { prompt in
                let empty = Mask(
                    width: size.width, height: size.height,
                    values: [UInt8](repeating: 0, count: size.area))
                // An empty label has no box; nothing is drawn.
                return FoundMask(
                    mask: prompt.prompt.box.map { shape.mask(in: $0, size: size) } ?? empty)
            }
        }
    }
}
