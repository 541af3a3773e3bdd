import Datasets
import Foundation
import Imaging
import Segmentation

/// Masks of another program: `FOLDER/<Dataset>/NAME.png` or `FOLDER/NAME.png`; values are classes.
///
/// With one class every value except 0 is inside, as in labels.
public struct PredictionSource: MaskSource {
    /// The folder's name.
    public let record: SourceRecord
    private let folder: String
    private let resizes: Bool
    private let limits: ImageLimits

    /// - Parameters:
    ///   - folder: of the masks.
    ///   - resizes: whether masks of another size are resized to the image's, by nearest pixel.
    ///   - limits: how large a mask is accepted.
    public init(folder: String, resizes: Bool = false, limits: ImageLimits = .standard) {
        self.folder = folder
        self.resizes = resizes
        self.limits = limits
        record = SourceRecord(kind: .predictions, name: folder)
    }

    /// The file of an image's masks; nil where there is none.
    ///
    /// - Parameter sample: any of the image's samples.
    /// - Returns: the path.
    public func path(of sample: Sample) -> String? {
        [candidate(sample.image), candidate(sample.name)].first {
            FileManager.default.fileExists(atPath: $0)
        }
    }

    private func candidate(_ name: String) -> String { "\(folder)/\(name).png" }

    /// Reads the masks of an image.
    public func predictor(
        for image: Image, of sample: Sample
    ) throws -> any MaskPredictor {
        guard let path = path(of: sample) else {
            throw EvaluationError.noPrediction(
                image: sample.image,
                looked: [candidate(sample.image), candidate(sample.name)]
            )
        }
        var label = try Image.read(path, limits: limits).grey()
        if sample.classes == 2 {
            label.pixels = label.pixels.map { $0 == 0 ? 0 : 1 }
        }
        if let value = label.pixels.max(), Int(value) >= sample.classes {
            throw EvaluationError.unknownClass(
                path: path, value: Int(value), classes: sample.classes)
        }
        if label.size != image.size {
            guard resizes else {
                throw EvaluationError.otherSize(
                    path: path, found: "\(label.size)", expected: "\(image.size)")
            }
            label = label.resizedNearest(to: image.size)
        }
        return FilePredictor(label: label)
    }

    private struct FilePredictor: MaskPredictor {
        let label: Image

        func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [PredictedMask] {
            [
                PredictedMask(
                    mask: Mask(
                        width: label.width, height: label.height,
                        values: label.pixels.map { Int($0) == sample.label ? 1 : 0 }))
            ]
        }
    }
}
