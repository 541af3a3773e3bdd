import Imaging

/// The part of an image that the ultrasound beam reaches, found from the black around it.
///
/// The largest connected part of all pixels that are brighter than black in any of some frames is
/// taken, and each row and column is filled between its outermost pixels, because a sector has no
/// gaps while dark cavities are black.
public struct UltrasoundSector: Equatable, Sendable {
    /// The pixels inside.
    public let mask: Mask
    /// Whether there is a border inside the image; false for an image that has no black around it.
    public let hasBorder: Bool

    /// Grey levels up to this one are black; JPEG changes black by a few levels.
    private static let black: UInt8 = 6

    /// Finds the sector; nil where all pixels are black.
    ///
    /// - Parameter frames: frames of one view, of the same size; at least one.
    public init?(frames: [Image]) {
        guard let first = frames.first else { return nil }
        precondition(frames.allSatisfy { $0.size == first.size }, "frames must have the same size")
        var brightest = [UInt8](repeating: 0, count: first.size.area)
        for frame in frames {
            let grey = frame.grey().pixels
            for i in brightest.indices where grey[i] > brightest[i] { brightest[i] = grey[i] }
        }
        let (width, height) = (first.width, first.height)
        var values = Mask(
            width: width, height: height, values: brightest.map { $0 > Self.black ? 1 : 0 }
        ).largestComponent().values
        for x in 0..<width {
            Self.fill(&values, stride(from: x, to: width * height, by: width))
        }
        for y in 0..<height {
            Self.fill(&values, stride(from: y * width, to: (y + 1) * width, by: 1))
        }
        mask = Mask(width: width, height: height, values: values)
        guard mask.area > 0 else { return nil }
        hasBorder = mask.area < first.size.area * 98 / 100
    }

    private static func fill(_ values: inout [UInt8], _ places: StrideTo<Int>) {
        guard let first = places.first(where: { values[$0] != 0 }),
            let last = places.reversed().first(where: { values[$0] != 0 })
        else { return }
        for place in places where place >= first && place <= last { values[place] = 1 }
    }

    /// Where an object may be cut off: the share of its boundary at the edge of the image or at the
    /// border of the sector.
    ///
    /// - Parameters:
    ///   - object: the object's mask.
    ///   - sector: the sector of its image; nil where it is not known.
    /// - Returns: 0 to 1.
    public static func cutShare(of object: Mask, sector: UltrasoundSector?) -> Double {
        let (width, height) = (object.width, object.height)
        // A pixel beside the border counts as well: outlines are drawn a little inside.
        let reach = 2
        var outside: [Bool]?
        if let sector, sector.hasBorder, sector.mask.size == object.size {
            outside = sector.mask.values.map { $0 == 0 }
        }
        var (boundary, cut) = (0, 0)
        for y in 0..<height {
            for x in 0..<width where object.values[y * width + x] != 0 {
                let isEdge = x == 0 || y == 0 || x == width - 1 || y == height - 1
                let isBoundary =
                    isEdge || object.values[y * width + x - 1] == 0
                    || object.values[y * width + x + 1] == 0
                    || object.values[(y - 1) * width + x] == 0
                    || object.values[(y + 1) * width + x] == 0
                guard isBoundary else { continue }
                boundary += 1
                let leaves = [(-reach, 0), (reach, 0), (0, -reach), (0, reach)].contains { step in
                    let (u, v) = (x + step.0, y + step.1)
                    guard u >= 0, v >= 0, u < width, v < height else { return false }
                    return outside?[v * width + u] ?? false
                }
                if isEdge || leaves { cut += 1 }
            }
        }
        return boundary > 0 ? Double(cut) / Double(boundary) : 0
    }
}
