import Imaging
import Segmentation
import Ultrasound

/// Masks that know nothing but the prompt's box: what a model has to beat.
public enum BaselineSource: String, MaskSource, CaseIterable {
    /// All of the box.
    case filledBox = "filled-box"
    /// The ellipse that touches the box's four sides.
    case ellipse

    /// The formula's name.
    public var record: SourceRecord { SourceRecord(kind: .baseline, name: rawValue) }

    /// Takes the picture's size; its pixels are not looked at.
    public func open(_ image: Image, of sample: Sample) throws -> any OpenPicture {
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

    private struct Blind: OpenPicture {
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
