import Datasets
import Foundation
import Imaging
import Segmentation

/// Masks of another program: `FOLDER/<Dataset>/NAME.png` or `FOLDER/NAME.png`, or `NAME.mask.png` as
/// `samus segment` writes them; values are classes.
///
/// With one class they are read as labels are, by the rule of `LabelValues.mask(fullValue:)`.
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
        candidates(sample).first { FileManager.default.fileExists(atPath: $0) }
    }

    /// Where a mask is looked for; `samus segment` writes `NAME.mask.png`.
    private func candidates(_ sample: Sample) -> [String] {
        [sample.image, sample.name].flatMap { name in
            ["png", "mask.png"].map { "\(folder)/\(name).\($0)" }
        }
    }

    /// Reads the masks of an image.
    public func predictor(
        for image: Image, of sample: Sample
    ) throws -> any MaskPredictor {
        guard let path = path(of: sample) else {
            throw EvaluationError.noPrediction(
                image: sample.image, looked: candidates(sample))
        }
        var (label, note) = try LabelValues.read(path, limits: limits)
            .label(classes: sample.classes, path: path)
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
        return FilePredictor(label: label, note: note.map { "its mask '\(path)': \($0)" })
    }

    private struct FilePredictor: MaskPredictor {
        let label: Image
        let note: String?

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
