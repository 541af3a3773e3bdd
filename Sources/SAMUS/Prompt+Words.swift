import Imaging
import Segmentation

extension Prompt {
    /// A click on the object.
    ///
    /// - Parameters:
    ///   - x: pixels to the right of the middle of the picture's left column.
    ///   - y: pixels below the middle of its upper row.
    /// - Returns: a prompt.
    public static func click(x: Double, y: Double) -> Prompt {
        Prompt(points: [PixelPoint(x: x, y: y)])
    }

    /// A box around the object.
    ///
    /// - Parameters:
    ///   - x0: its left side, in pixels.
    ///   - y0: its upper side.
    ///   - x1: its right side.
    ///   - y1: its lower side.
    /// - Returns: a prompt.
    public static func box(x0: Double, y0: Double, x1: Double, y1: Double) -> Prompt {
        Prompt(box: PixelRectangle(x0: x0, y0: y0, x1: x1, y1: y1))
    }

    /// Clicks on the object and beside it.
    ///
    /// - Parameters:
    ///   - points: on the object.
    ///   - negatives: beside it.
    /// - Returns: a prompt.
    public static func points(
        _ points: [PixelPoint], beside negatives: [PixelPoint] = []
    ) -> Prompt {
        Prompt(points: points, negatives: negatives)
    }

    /// A rough mask of the object.
    ///
    /// - Parameter mask: of the picture's size.
    /// - Returns: a prompt.
    public static func mask(_ mask: Mask) -> Prompt {
        Prompt(mask: mask)
    }
}
