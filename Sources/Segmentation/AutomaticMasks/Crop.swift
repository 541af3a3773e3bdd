import Imaging

/// A part of the picture that is looked at by itself.
struct Crop: Equatable {
    var box: PixelBox
    /// 0 is the whole picture.
    var layer: Int

    var size: Size { Size(height: box.height, width: box.width) }

    /// A mask of the crop as a mask of the picture.
    func uncropped(_ mask: Mask, in picture: Size) -> Mask {
        guard mask.size != picture else { return mask }
        var values = [UInt8](repeating: 0, count: picture.area)
        for y in 0..<mask.height {
            let to = (box.y0 + y) * picture.width + box.x0
            values.replaceSubrange(
                to..<to + mask.width, with: mask.values[y * mask.width..<(y + 1) * mask.width])
        }
        return Mask(width: picture.width, height: picture.height, values: values)
    }

    /// The whole picture, and layer after layer of smaller, overlapping crops, column by column.
    ///
    /// Crops that a tiny picture leaves without a pixel are not among them (segment-anything fails
    /// on these).
    ///
    /// - Parameters:
    ///   - size: of the picture.
    ///   - layers: how many layers beside the picture itself.
    ///   - overlap: of the first layer's crops, in parts of the shorter side.
    /// - Returns: the whole picture first.
    static func all(of size: Size, layers: Int, overlap: Double) -> [Crop] {
        let whole = PixelBox(x0: 0, y0: 0, x1: size.width, y1: size.height)
        var crops = [Crop(box: whole, layer: 0)]
        for layer in 0..<layers {
            let side = 1 << (layer + 1)
            let shared = Int(
                overlap * Double(min(size.height, size.width)) * (2 / Double(side)))
            let columns = spans(of: size.width, count: side, overlap: shared)
            let rows = spans(of: size.height, count: side, overlap: shared)
            for x in columns {
                for y in rows {
                    let box = PixelBox(
                        x0: x.lowerBound, y0: y.lowerBound, x1: x.upperBound, y1: y.upperBound)
                    crops.append(Crop(box: box, layer: layer + 1))
                }
            }
        }
        return crops
    }

    private static func spans(of length: Int, count: Int, overlap: Int) -> [Range<Int>] {
        // Rounded up.
        let each = (overlap * (count - 1) + length + count - 1) / count
        return (0..<count).compactMap { index in
            let start = (each - overlap) * index
            return start < length ? start..<min(start + each, length) : nil
        }
    }
}
