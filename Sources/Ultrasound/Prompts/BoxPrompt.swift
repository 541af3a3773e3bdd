import Imaging

extension Mask {
    /// The smallest box from the centre of the object's first column and row to that of the last,
    /// as MedSAM makes its prompts.
    ///
    /// Where the object is one pixel wide or high, the box reaches to that pixel's edges. Nil where
    /// there is no object.
    public var promptBox: PixelRectangle? {
        boundingBox.map { box in
            let (x, y) = (box.width == 1 ? 0.5 : 0, box.height == 1 ? 0.5 : 0)
            return PixelRectangle(
                x0: Double(box.x0) - x, y0: Double(box.y0) - y, x1: Double(box.x1 - 1) + x,
                y1: Double(box.y1 - 1) + y
            ).grown(byShare: 0, inside: size)
        }
    }
}

extension PixelRectangle {
    /// Grows on each side, and stays inside a picture.
    ///
    /// - Parameters:
    ///   - share: of the box's own width to the left and the right, of its height up and down.
    ///   - size: of the picture.
    /// - Returns: the larger box.
    public func grown(byShare share: Double, inside size: Size) -> PixelRectangle {
        let (dx, dy) = (share * (x1 - x0), share * (y1 - y0))
        return PixelRectangle(
            x0: max(x0 - dx, 0), y0: max(y0 - dy, 0),
            x1: min(x1 + dx, max(Double(size.width) - 1, 0.5)),
            y1: min(y1 + dy, max(Double(size.height) - 1, 0.5)))
    }
}
