import Datasets
import Foundation
import Imaging
import Segmentation

/// Masks that any other program made: `FOLDER/<Dataset>/NAME.png` or `FOLDER/NAME.png`, whose
/// values are classes.
///
/// Where the dataset has one class, every value but 0 counts as it, as in labels.
public struct PredictionSource: MaskSource {
    /// The folder's name.
    public let record: SourceRecord
    private let folder: String
    private let resizes: Bool
    private let limits: ImageLimits

    /// - Parameters:
    ///   - folder: of the masks.
    ///   - resizes: whether masks of another size are brought to the image's, by nearest pixel.
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
    /// - Returns: the path that is read.
    public func path(of sample: Sample) -> String? {
        [candidate(sample.image), candidate(sample.name)].first {
            FileManager.default.fileExists(atPath: $0)
        }
    }

    private func candidate(_ name: String) -> String { "\(folder)/\(name).png" }

    /// Reads the masks of an image.
    public func open(_ image: Image, of sample: Sample) throws -> any OpenImage {
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
        return Read(label: label)
    }

    private struct Read: OpenImage {
        let label: Image

        func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [FoundMask] {
            [
                FoundMask(
                    mask: Mask(
                        width: label.width, height: label.height,
                        values: label.pixels.map { Int($0) == sample.label ? 1 : 0 }))
            ]
        }
    }
}
