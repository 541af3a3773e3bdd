import Imaging

/// The part of a mask that has foreground, and its place on the canvas.
///
/// Of an image with a thousand objects, each object covers little.
struct MaskPart {
    /// The mask inside the box.
    let mask: Mask
    /// The box, in pixels of the canvas.
    let box: PixelBox

    /// - Parameter mask: a mask of the canvas's size; nil is returned where it is empty.
    init?(_ mask: Mask) {
        guard let box = mask.boundingBox else { return nil }
        self.box = box
        self.mask = mask.part(in: box)
    }

    /// - Parameter runLength: a mask of the canvas's size; nil is returned where it is empty.
    init?(_ runLength: RunLength) {
        guard let box = runLength.boundingBox else { return nil }
        self.box = box
        mask = runLength.mask(in: box)
    }

    private init(mask: Mask, box: PixelBox) {
        self.mask = mask
        self.box = box
    }

    /// The same part on a canvas that is enlarged by an integer factor.
    func enlarged(by factor: Int) -> MaskPart {
        guard factor > 1 else { return self }
        return MaskPart(
            mask: mask.resizedNearest(
                to: Size(height: mask.height * factor, width: mask.width * factor)),
            box: PixelBox(
                x0: box.x0 * factor, y0: box.y0 * factor, x1: box.x1 * factor, y1: box.y1 * factor))
    }
}

extension Canvas {
    /// Draws a mask's edge: a coloured line inside the mask and a light halo outside.
    ///
    /// The border between line and halo is exactly the mask's edge.
    ///
    /// - Parameters:
    ///   - part: a mask inside the canvas.
    ///   - colour: the line's colour.
    ///   - unit: width of a thin line in pixels; this line is 1.5 times, its halo 0.5 times as wide.
    mutating func outline(_ part: MaskPart, _ colour: Colour, unit: Int) {
        let lineWidth = (3 * unit + 1) / 2
        let haloWidth = (unit + 1) / 2
        let box = part.box.grown(by: haloWidth + 1, inside: Size(height: height, width: width))
        let tile = 256
        for top in stride(from: box.y0, to: box.y1, by: tile) {
            for left in stride(from: box.x0, to: box.x1, by: tile) {
                let area = PixelBox(
                    x0: left, y0: top, x1: min(left + tile, box.x1), y1: min(top + tile, box.y1))
                guard
                    let edge = EdgeDistance(
                        part, in: area, margin: max(lineWidth, haloWidth) + 1)
                else { continue }
                for y in area.y0..<area.y1 {
                    for x in area.x0..<area.x1 {
                        let (inside, outside) = edge.at(x, y)
                        if inside <= 3 * lineWidth && inside > 0 {
                            blend(x, y, colour)
                        } else if outside <= 3 * haloWidth && outside > 0 {
                            blend(x, y, .white, alpha: 190)
                        }
                    }
                }
            }
        }
    }
}

/// The distance of each pixel of a tile to the other side of a mask's edge, in thirds of a pixel.
///
/// The 3-4 chamfer distance: a step along an axis counts 3, a diagonal step 4; the error is at most
/// 8 %. Pixels beyond the canvas are background. Distances are right up to the margin around the
/// tile; larger ones may be too large.
private struct EdgeDistance {
    private let area: PixelBox
    /// Columns of the distances: tile, margins, and a border so that every pixel has eight neighbours.
    private let row: Int
    private let margin: Int
    /// Distance to the nearest background pixel; 0 for background pixels.
    private let inside: [Int32]
    /// Distance to the nearest foreground pixel; 0 for foreground pixels.
    private let outside: [Int32]

    private static let far: Int32 = 1 << 20

    /// - Returns: nil where the tile and its margin are all background or all foreground.
    init?(_ part: MaskPart, in area: PixelBox, margin: Int) {
        self.area = area
        self.margin = margin
        let row = area.width + 2 * margin + 2
        let rows = area.height + 2 * margin + 2
        var inside = [Int32](repeating: Self.far, count: row * rows)
        var outside = inside
        var insideCount = 0
        part.mask.values.withUnsafeBufferPointer { values in
            let box = part.box
            for y in 0..<rows - 2 {
                let v = area.y0 - margin + y
                for x in 0..<row - 2 {
                    let u = area.x0 - margin + x
                    let index = (y + 1) * row + x + 1
                    if u >= box.x0 && u < box.x1 && v >= box.y0 && v < box.y1
                        && values[(v - box.y0) * box.width + u - box.x0] != 0
                    {
                        outside[index] = 0
                        insideCount += 1
                    } else {
                        inside[index] = 0
                    }
                }
            }
        }
        guard insideCount > 0, insideCount < (rows - 2) * (row - 2) else { return nil }
        Self.relax(&inside, row)
        Self.relax(&outside, row)
        self.row = row
        self.inside = inside
        self.outside = outside
    }

    func at(_ x: Int, _ y: Int) -> (inside: Int32, outside: Int32) {
        let index = (y - area.y0 + margin + 1) * row + x - area.x0 + margin + 1
        return (inside[index], outside[index])
    }

    /// Two passes: from the upper left and from the lower right.
    private static func relax(_ distances: inout [Int32], _ row: Int) {
        let (height, width) = (distances.count / row - 2, row - 2)
        distances.withUnsafeMutableBufferPointer { distances in
            func relax(_ i: Int, _ step: Int) {
                let along = min(distances[i - step], distances[i - step * row]) + 3
                let across = min(distances[i - step * row - 1], distances[i - step * row + 1]) + 4
                distances[i] = min(distances[i], along, across)
            }
            for y in 1...height {
                for x in 1...width { relax(y * row + x, 1) }
            }
            for y in (1...height).reversed() {
                for x in (1...width).reversed() { relax(y * row + x, -1) }
            }
        }
    }
}
