import Imaging

/// Box around a mask as segment-anything counts it, from centre to centre of the outermost pixels.
///
/// A mask of one pixel has a box without area. All 0 for an empty mask.
struct MaskBox: Equatable {
    var x0 = 0
    var y0 = 0
    var x1 = 0
    var y1 = 0

    init(around mask: Mask) {
        guard let box = mask.boundingBox else { return }
        (x0, y0, x1, y1) = (box.x0, box.y0, box.x1 - 1, box.y1 - 1)
    }

    init(x0: Int, y0: Int, x1: Int, y1: Int) {
        (self.x0, self.y0, self.x1, self.y1) = (x0, y0, x1, y1)
    }

    /// The same box in the picture that its crop was cut from.
    func moved(from crop: PixelBox) -> MaskBox {
        MaskBox(x0: x0 + crop.x0, y0: y0 + crop.y0, x1: x1 + crop.x0, y1: y1 + crop.y0)
    }

    /// Whether an edge lies within 20 pixels of an edge of the crop that is not, as near, one of
    /// the picture too: then the object likely goes on beyond the crop.
    ///
    /// The box is in the picture's pixels.
    func isNearCropEdge(of crop: PixelBox, in size: Size) -> Bool {
        let edges = [
            (x0, crop.x0, 0), (y0, crop.y0, 0),
            (x1, crop.x1, size.width), (y1, crop.y1, size.height),
        ]
        return edges.contains { edge, crop, picture in
            abs(edge - crop) <= 20 && abs(edge - picture) > 20
        }
    }

    /// Area of both over area of either, in single precision as torchvision computes it; NaN for
    /// two boxes without area.
    func overlap(_ other: MaskBox) -> Float {
        let width = max(0, min(Float(x1), Float(other.x1)) - max(Float(x0), Float(other.x0)))
        let height = max(0, min(Float(y1), Float(other.y1)) - max(Float(y0), Float(other.y0)))
        let both = width * height
        return both / (area + other.area - both)
    }

    private var area: Float { (Float(x1) - Float(x0)) * (Float(y1) - Float(y0)) }
}
