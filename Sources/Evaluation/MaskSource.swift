import Datasets
import Imaging
import Segmentation

/// A source of masks to evaluate: a model, a baseline, or another program's files.
public protocol MaskSource: Sendable {
    /// Description for the report.
    var record: SourceRecord { get }

    /// Prepares an image once, for all its objects and prompts.
    ///
    /// - Parameters:
    ///   - image: one channel.
    ///   - sample: one of the samples of this image.
    /// - Returns: what predicts masks on this image.
    /// - Throws: why the image cannot be evaluated.
    func predictor(for image: Image, of sample: Sample) throws -> any MaskPredictor
}

/// Predicts the masks of objects in one image.
public protocol MaskPredictor {
    /// A note for the user on the image's masks.
    var note: String? { get }

    /// Masks of one object.
    ///
    /// - Parameters:
    ///   - sample: the object, on this image.
    ///   - prompts: one for each mask; nil for one mask without a prompt.
    /// - Returns: masks in the order of the prompts.
    /// - Throws: why the object cannot be segmented.
    func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [PredictedMask]

    /// The logits of masks, which decide where masks of several objects overlap.
    ///
    /// - Parameters:
    ///   - sample: the object, on this image.
    ///   - prompts: one for each mask; nil for one mask without a prompt.
    /// - Returns: masks in the order of the prompts, each with a plane of its size; nil where the
    ///   source has no logits.
    /// - Throws: why the object cannot be segmented.
    func masksWithLogits(
        of sample: Sample, prompts: [Prompt.Checked]?
    ) throws -> [(mask: PredictedMask, logits: Planes)]?
}

extension MaskPredictor {
    /// No note.
    public var note: String? { nil }

    /// Nil: there are no logits.
    public func masksWithLogits(
        of sample: Sample, prompts: [Prompt.Checked]?
    ) throws -> [(mask: PredictedMask, logits: Planes)]? { nil }
}

/// A mask and the source's estimate of its quality.
public struct PredictedMask: Sendable {
    /// Of the image's size.
    public let mask: Mask
    /// The source's estimate of the IoU with the label; nil where it gives none.
    public let iouEstimate: Double?
    /// How sure the mask is; nil where that was not measured.
    public let uncertainty: MaskUncertainty?

    /// - Parameters:
    ///   - mask: of the image's size.
    ///   - iouEstimate: the source's estimate of the IoU; nil where it gives none.
    ///   - uncertainty: how sure the mask is; nil where that was not measured.
    public init(
        mask: Mask, iouEstimate: Double? = nil, uncertainty: MaskUncertainty? = nil
    ) {
        self.mask = mask
        self.iouEstimate = iouEstimate
        self.uncertainty = uncertainty
    }
}

/// Description of a source of masks in a report.
public struct SourceRecord: Codable, Equatable, Sendable {
    /// The kinds of sources.
    public enum Kind: String, Codable, Sendable {
        /// A network.
        case model
        /// A shape that is drawn from the prompt alone.
        case baseline
        /// Files of another program.
        case predictions
    }

    /// The kind.
    public var kind: Kind
    /// Name of the model or baseline, or folder of the files.
    public var name: String
    /// The model; nil for other kinds.
    public var model: ModelDescription?
    /// Precision, device and threads, where there is a choice.
    public var runtime: String?

    /// - Parameters:
    ///   - kind: the kind.
    ///   - name: name of the model or baseline, or folder of the files.
    ///   - model: the model.
    ///   - runtime: precision, device and threads.
    public init(kind: Kind, name: String, model: ModelDescription? = nil, runtime: String? = nil) {
        self.kind = kind
        self.name = name
        self.model = model
        self.runtime = runtime
    }
}

/// Masks of a model.
public struct EngineSource: MaskSource {
    private let engine: any SegmentationEngine
    private let measuresUncertainty: Bool
    /// The model's name and description.
    public let record: SourceRecord

    /// - Parameters:
    ///   - engine: runs the model.
    ///   - runtime: precision, device and threads, for the report.
    ///   - measuresUncertainty: whether to measure how sure masks are.
    public init(
        _ engine: any SegmentationEngine, runtime: String? = nil, measuresUncertainty: Bool = false
    ) {
        self.engine = engine
        self.measuresUncertainty = measuresUncertainty
        record = SourceRecord(
            kind: .model, name: engine.model.name, model: engine.model, runtime: runtime)
    }

    /// Encodes an image.
    public func predictor(for image: Image, of sample: Sample) throws -> any MaskPredictor {
        EnginePredictor(
            encoded: try engine.encode(image), measuresUncertainty: measuresUncertainty)
    }

    private final class EnginePredictor: MaskPredictor {
        let encoded: any EncodedImage
        let measuresUncertainty: Bool
        /// The masks of all classes, which one pass gives.
        private var classes: [SegmentationResult]?

        init(encoded: any EncodedImage, measuresUncertainty: Bool) {
            self.encoded = encoded
            self.measuresUncertainty = measuresUncertainty
        }

        func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [PredictedMask] {
            if prompts == nil, let labels = encoded.model.classes {
                return [try mask(of: sample, among: labels)]
            }
            let found =
                try prompts.map { try encoded.answers(to: $0) } ?? [encoded.predictPromptFree()]
            return try found.enumerated().map { index, one in
                let prompt = measuresUncertainty ? prompts?[index] : nil
                let result = encoded.restored(one)
                return PredictedMask(
                    mask: result.mask, iouEstimate: Double(one.iouEstimate),
                    uncertainty: try prompt.map { try encoded.uncertainty(of: result, for: $0) })
            }
        }

        func masksWithLogits(
            of sample: Sample, prompts: [Prompt.Checked]?
        ) throws -> [(mask: PredictedMask, logits: Planes)]? {
            // The classes of one pass do not overlap.
            guard encoded.model.classes == nil else { return nil }
            let found =
                try prompts.map { try encoded.answers(to: $0) } ?? [encoded.predictPromptFree()]
            return found.map { one in
                let result = encoded.restored(one)
                return (
                    PredictedMask(mask: result.mask, iouEstimate: Double(one.iouEstimate)),
                    encoded.geometry.restoredLogits(result.logits)
                )
            }
        }

        /// The mask of the sample's class.
        private func mask(
            of sample: Sample, among labels: [ClassLabel]
        ) throws -> PredictedMask {
            guard let place = labels.firstIndex(where: { $0.value == sample.label }) else {
                throw EvaluationError.untrainedClass(sample.label, of: labels)
            }
            let results = try classes ?? encoded.segmentClasses()
            classes = results
            return PredictedMask(
                mask: results[place].mask, iouEstimate: Double(results[place].iouEstimate))
        }
    }
}

/// Shapes drawn in the prompt's box: a baseline that a model should beat.
public enum BaselineSource: String, MaskSource, CaseIterable {
    /// The whole box.
    case filledBox = "filled-box"
    /// The ellipse that touches the box's four sides.
    case ellipse

    /// The baseline's name.
    public var record: SourceRecord { SourceRecord(kind: .baseline, name: rawValue) }

    /// Takes the image's size; its pixels are not used.
    public func predictor(for image: Image, of sample: Sample) throws -> any MaskPredictor {
        ShapePredictor(shape: self, size: image.size)
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

    private struct ShapePredictor: MaskPredictor {
        let shape: BaselineSource
        let size: Size

        func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [PredictedMask] {
            guard let prompts else { throw EngineError.needsPrompt(model: shape.rawValue) }
            return prompts.map { prompt in
                let empty = Mask(emptyOf: size)
                // An empty label has no box: the mask stays empty.
                return PredictedMask(
                    mask: prompt.prompt.box.map { shape.mask(in: $0, size: size) } ?? empty)
            }
        }
    }
}
