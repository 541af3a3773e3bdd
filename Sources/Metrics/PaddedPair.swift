import Imaging

/// Two masks cut to the box around both, with one pixel of outside on each side.
///
/// No pixel beyond the box is inside, so contours and their distances are those of the whole
/// picture: what lies beyond its border counts as outside.
struct PaddedPair {
    /// Columns, two more than the box.
    let width: Int
    /// Rows, two more than the box.
    let height: Int
    let prediction: [UInt8]
    let reference: [UInt8]

    /// Nil when both masks are empty.
    init?(_ prediction: Mask, _ reference: Mask) {
        guard let box = PixelBox(around: prediction.boundingBox, reference.boundingBox) else {
            return nil
        }
        width = box.width + 2
        height = box.height + 2
        self.prediction = prediction.padded(box)
        self.reference = reference.padded(box)
    }
}

extension PixelBox {
    fileprivate init?(around one: PixelBox?, _ other: PixelBox?) {
        guard let a = one ?? other, let b = other ?? one else { return nil }
        self.init(
            x0: min(a.x0, b.x0), y0: min(a.y0, b.y0), x1: max(a.x1, b.x1), y1: max(a.y1, b.y1))
    }
}

extension Mask {
    fileprivate func padded(_ box: PixelBox) -> [UInt8] {
        let width = box.width + 2
        var result = [UInt8](repeating: 0, count: width * (box.height + 2))
        result.withUnsafeMutableBufferPointer { result in
            values.withUnsafeBufferPointer { values in
                for y in 0..<box.height {
                    let source = (box.y0 + y) * self.width + box.x0
                    let target = (y + 1) * width + 1
                    for x in 0..<box.width { result[target + x] = values[source + x] }
                }
            }
        }
        return result
    }
}
