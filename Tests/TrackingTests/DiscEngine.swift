import Foundation
import Imaging
import Segmentation
import Synchronization

/// A model that finds what is brighter than 140 in the prompt's box, or near its first click.
///
/// Its presence estimate says whether there is such a pixel.
final class DiscEngine: SegmentationEngine {
    let model = ModelDescription(
        name: "discs", architecture: .samusLite, sha256: "", licence: nil)
    /// The prompts in the order of decoding.
    let prompts = Mutex<[Prompt]>([])
    let encodings = Mutex(0)

    func encode(_ image: Image) -> any EncodedImage {
        encodings.withLock { $0 += 1 }
        return Encoded(engine: self, image: image)
    }

    private struct Encoded: EncodedImage {
        let engine: DiscEngine
        let image: Image
        var model: ModelDescription { engine.model }
        var geometry: InputGeometry {
            InputGeometry(original: image.size, inputSize: 256, preprocessing: .liteMedSAM)
        }

        func predict(_ prompts: [Prompt.Checked], multimask: Bool) -> [[MaskPrediction]] {
            prompts.map { checked in
                let prompt = checked.prompt
                engine.prompts.withLock { $0.append(prompt) }
                let click = prompt.foregroundPoints.first
                let box =
                    prompt.box
                    ?? click.map {
                        PixelRectangle(x0: $0.x - 20, y0: $0.y - 20, x1: $0.x + 20, y1: $0.y + 20)
                    } ?? PixelRectangle(x0: 0, y0: 0, x1: 0, y1: 0)
                var isPresent = false
                // A cell of the 64 x 64 logits is 2 pixels of an image of 128 x 128.
                let values = (0..<64 * 64).map { index -> Float in
                    let (x, y) = (index % 64 * 2, index / 64 * 2)
                    let isInside =
                        (box.x0...box.x1).contains(Double(x))
                        && (box.y0...box.y1).contains(Double(y))
                        && image.pixels[y * image.width + x] > 140
                    isPresent = isPresent || isInside
                    return isInside ? 4 : -4
                }
                return [
                    MaskPrediction(
                        logits: Planes(channels: 1, height: 64, width: 64, values: values),
                        iouEstimate: 0.9, presence: isPresent ? 0.9 : 0.1)
                ]
            }
        }

        func predictPromptFree() throws -> MaskPrediction {
            throw EngineError.needsPrompt(model: model.name)
        }
    }
}

/// Frames of 128 x 128 pixels: bright discs with a texture of their own on a dark textured ground.
enum Discs {
    static let side = 128

    /// Draws discs of radius 12 at `centres`.
    static func frame(_ centres: [PixelPoint]) -> Image {
        var pixels: [UInt8] = []
        for y in 0..<side {
            for x in 0..<side {
                let ground = 40 + 15 * sin(Double(x) * 0.31) * cos(Double(y) * 0.23)
                let disc = centres.first { hypot(Double(x) - $0.x, Double(y) - $0.y) < 12 }
                let value = disc.map { centre in
                    let (u, v) = (Double(x) - centre.x, Double(y) - centre.y)
                    return 195 + 25 * sin(u * 0.6 + 1) + 20 * cos(v * 0.5)
                }
                pixels.append(UInt8(value ?? ground))
            }
        }
        return Image(width: side, height: side, channels: 1, pixels: pixels)
    }

    /// Bright everywhere, with a texture: the model would take what is in any box for the object.
    static func brightGround() -> Image {
        let pixels = (0..<side * side).map { index in
            let (x, y) = (Double(index % side), Double(index / side))
            return UInt8(200 + 25 * cos(x * 0.41 + 1) * sin(y * 0.37 + 2))
        }
        return Image(width: side, height: side, channels: 1, pixels: pixels)
    }

    /// The centre of a mask's box.
    static func centre(_ mask: Mask) -> PixelPoint? {
        mask.boundingBox.map {
            PixelPoint(x: Double($0.x0 + $0.x1 - 1) / 2, y: Double($0.y0 + $0.y1 - 1) / 2)
        }
    }
}
