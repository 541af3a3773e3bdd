import Imaging
import Segmentation
import Synchronization

/// A formula instead of a network: a click gives all pixels of its grey level, a box gives the
/// bright pixels in it, and a background point alone gives an empty mask.
final class BrightEngine: SegmentationEngine {
    let model = ModelDescription(name: "bright", architecture: .samus, sha256: "0123", licence: nil)
    private let count = Atomic(0)

    /// Number of images encoded so far.
    var embeddings: Int { count.load(ordering: .relaxed) }

    func encode(_ image: Image) throws -> any EncodedImage {
        count.add(1, ordering: .relaxed)
        return ImageEntry(
            model: model, image: image,
            geometry: InputGeometry(
                original: image.size, inputSize: image.width, preprocessing: .samus))
    }

    private struct ImageEntry: EncodedImage {
        let model: ModelDescription
        let image: Image
        let geometry: InputGeometry

        func predict(_ prompts: [Prompt.Checked], multimask: Bool) throws -> [[MaskPrediction]] {
            prompts.map { [prediction($0.prompt)] }
        }

        func predictPromptFree() throws -> MaskPrediction {
            prediction(Prompt(box: PixelRectangle(x0: 0, y0: 0, x1: 1e4, y1: 1e4)))
        }

        private func prediction(_ prompt: Prompt) -> MaskPrediction {
            let grey = prompt.foregroundPoints.first.map {
                Int(image.pixels[Int($0.y) * image.width + Int($0.x)])
            }
            let values = image.pixels.enumerated().map { index, pixel -> Float in
                let (x, y) = (Double(index % image.width), Double(index / image.width))
                let isInBox = prompt.box.map {
                    $0.x0 <= x && x <= $0.x1 && $0.y0 <= y && y <= $0.y1 && pixel > 100
                }
                let isAlike = grey.map { abs($0 - Int(pixel)) < 10 }
                return isInBox ?? isAlike ?? false ? 1 : -1
            }
            return MaskPrediction(
                logits: Planes(
                    channels: 1, height: image.height, width: image.width, values: values),
                iouEstimate: 0.75)
        }
    }
}
