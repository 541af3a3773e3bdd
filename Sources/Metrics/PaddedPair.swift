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

    /// Nil when both masks, which are of one size, are empty.
    init?(_ prediction: Mask, _ reference: Mask) {
        guard let box = PixelBox(aroundAnyOf: prediction, reference) else { return nil }
        width = box.width + 2
        height = box.height + 2
        self.prediction = prediction.padded(box)
        self.reference = reference.padded(box)
    }
}

extension PixelBox {
    /// The box around the pixels that are inside one of the masks; nil when there are none.
    ///
    /// Whole rows are joined, without a question at each pixel: that is many times faster than two
    /// bounding boxes.
    fileprivate init?(aroundAnyOf one: Mask, _ other: Mask) {
        let width = one.width
        var columns = [UInt8](repeating: 0, count: width)
        var rows = [UInt8](repeating: 0, count: one.height)
        one.values.withUnsafeBufferPointer { one in
            other.values.withUnsafeBufferPointer { other in
                columns.withUnsafeMutableBufferPointer { columns in
                    for y in rows.indices {
                        var any: UInt8 = 0
                        let (one, other) = (one.row(y, width), other.row(y, width))
                        for x in 0..<width {
                            let inside = one[x] | other[x]
                            columns[x] |= inside
                            any |= inside
                        }
                        rows[y] = any
                    }
                }
            }
        }
        guard let x0 = columns.firstIndex(of: 1), let x1 = columns.lastIndex(of: 1),
            let y0 = rows.firstIndex(of: 1), let y1 = rows.lastIndex(of: 1)
        else { return nil }
        self.init(x0: x0, y0: y0, x1: x1 + 1, y1: y1 + 1)
    }
}

extension Mask {
    fileprivate func padded(_ box: PixelBox) -> [UInt8] {
        let width = box.width + 2
        var result = [UInt8](repeating: 0, count: width * (box.height + 2))
        result.withUnsafeMutableBufferPointer { result in
            values.withUnsafeBufferPointer { values in
                for y in 0..<box.height {
                    let source = values.row(box.y0 + y, self.width)
                    let target = result.row(y + 1, width)
                    for x in 0..<box.width { target[x &+ 1] = source[box.x0 &+ x] }
                }
            }
        }
        return result
    }
}
