import Imaging
import Segmentation
import Ultrasound

/// Masks of a network.
public struct EngineSource: MaskSource {
    private let engine: any SegmentationEngine
    /// The network's name, and its description.
    public let record: SourceRecord

    /// - Parameters:
    ///   - engine: ready for pictures.
    ///   - runs: precision, device and threads, for the report.
    public init(_ engine: any SegmentationEngine, runs: String? = nil) {
        self.engine = engine
        record = SourceRecord(
            kind: .model, name: engine.model.name, model: engine.model, runs: runs)
    }

    /// Encodes a picture.
    public func open(_ image: Image, of sample: Sample) throws -> any OpenPicture {
        Encoded(picture: try engine.embed(image))
    }

    private struct Encoded: OpenPicture {
        let picture: any EmbeddedImage

        func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [FoundMask] {
            let found =
                try prompts.map { try picture.predict($0, multimask: false).map { $0[0] } }
                ?? [picture.predictUnprompted()]
            return found.map {
                FoundMask(
                    mask: picture.geometry.restore($0.logits), iouEstimate: Double($0.iouEstimate))
            }
        }
    }
}
