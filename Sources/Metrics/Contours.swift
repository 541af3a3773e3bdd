import Foundation
import Imaging

/// Distances between the contours of two masks, a contour being pixels.
///
/// The contour is what one erosion with the 4-neighbourhood takes away: pixels inside that have a
/// side in common with the outside, where the outside begins beyond the image's border. Centres of
/// pixels are compared. MedPy, MONAI and SciPy's recipes use this one.
struct PixelContours {
    /// One distance a contour pixel of the prediction.
    let fromPrediction: [Double]
    /// One distance a contour pixel of the reference.
    let fromReference: [Double]

    /// Both masks must have pixels.
    init(_ pair: PaddedPair, spacing: PixelSpacing) {
        let prediction = PointGrid(contourOf: pair.prediction, pair.width, pair.height)
        let reference = PointGrid(contourOf: pair.reference, pair.width, pair.height)
        fromPrediction = prediction.distances(to: reference, spacing: spacing)
        fromReference = reference.distances(to: prediction, spacing: spacing)
    }

    /// The larger of the two largest distances.
    var hausdorff: Double { max(fromPrediction.max() ?? 0, fromReference.max() ?? 0) }

    /// Mean of both directions' distances together (MedPy, MONAI).
    var pooledMean: Double { (fromPrediction + fromReference).mean }

    /// 95th percentile of both directions' distances together (MedPy).
    var pooled95: Double { (fromPrediction + fromReference).quantile(0.95) }

    /// The larger of both directions' 95th percentiles (MONAI).
    var larger95: Double { max(fromPrediction.quantile(0.95), fromReference.quantile(0.95)) }
}

extension PointGrid {
    /// The contour pixels of a mask that has one pixel of outside on each side.
    fileprivate init(contourOf mask: [UInt8], _ width: Int, _ height: Int) {
        var marks = [UInt8](repeating: 0, count: mask.count)
        mask.withUnsafeBufferPointer { mask in
            marks.withUnsafeMutableBufferPointer { marks in
                for y in 1..<height - 1 {
                    let (above, below) = (mask.row(y - 1, width), mask.row(y + 1, width))
                    let (here, marks) = (mask.row(y, width), marks.row(y, width))
                    for x in 1..<width - 1 {
                        let within = here[x &- 1] & here[x &+ 1] & above[x] & below[x]
                        marks[x] = here[x] & (within ^ 1)
                    }
                }
            }
        }
        self.init(width: width, height: height, marks: marks)
    }
}

/// Distances between the contours of two masks, a contour being pieces of line with a length.
///
/// A piece lies at each corner of pixels where the four pixels around it are not equal; its length
/// follows from which of the four are inside. DeepMind's surface-distance uses this one
/// (arXiv:1809.04430), and MONAI where it is asked for subvoxels.
struct LengthContours {
    /// The pieces of the prediction, from the nearest to the farthest.
    let prediction: [Piece]
    /// The pieces of the reference, from the nearest to the farthest.
    let reference: [Piece]

    /// A piece of contour.
    struct Piece {
        /// To the nearest piece of the other contour.
        let distance: Double
        let length: Double
    }

    /// Both masks must have pixels.
    init(_ pair: PaddedPair, spacing: PixelSpacing) {
        let prediction = PointGrid(cornersOf: pair.prediction, pair.width, pair.height)
        let reference = PointGrid(cornersOf: pair.reference, pair.width, pair.height)
        self.prediction = prediction.pieces(to: reference, spacing: spacing)
        self.reference = reference.pieces(to: prediction, spacing: spacing)
    }

    /// The larger of the two largest distances.
    var hausdorff: Double {
        max(prediction.last?.distance ?? 0, reference.last?.distance ?? 0)
    }

    /// The larger of both directions' 95th percentiles by length.
    var larger95: Double { max(prediction.distance(at: 0.95), reference.distance(at: 0.95)) }

    /// Share of both contours' length that is at most `tolerance` away from the other.
    func surfaceDice(tolerance: Double) -> Double {
        let near = prediction.length(within: tolerance) + reference.length(within: tolerance)
        return near / (prediction.length + reference.length)
    }
}

extension [LengthContours.Piece] {
    /// Mean distance by length.
    var mean: Double { reduce(0) { $0 + $1.distance * $1.length } / length }

    fileprivate var length: Double { reduce(0) { $0 + $1.length } }

    fileprivate func length(within tolerance: Double) -> Double {
        reduce(0) { $1.distance <= tolerance ? $0 + $1.length : $0 }
    }

    /// The distance of the first piece at which `share` of the length is reached.
    fileprivate func distance(at share: Double) -> Double {
        let total = length
        var sum = 0.0
        for piece in self {
            sum += piece.length
            if sum / total >= share { return piece.distance }
        }
        return last?.distance ?? 0
    }
}

extension PointGrid {
    /// Corners between pixels that are not all equal; a mark tells which of the four are inside.
    ///
    /// Bits 8, 4, 2, 1 are upper left, upper right, lower left, lower right. The grid has a row and
    /// a column less than the mask, which has one pixel of outside on each side.
    fileprivate init(cornersOf mask: [UInt8], _ width: Int, _ height: Int) {
        let columns = width - 1
        var marks = [UInt8](repeating: 0, count: columns * (height - 1))
        mask.withUnsafeBufferPointer { mask in
            marks.withUnsafeMutableBufferPointer { marks in
                for y in 0..<height - 1 {
                    let (here, below) = (mask.row(y, width), mask.row(y + 1, width))
                    let marks = marks.row(y, columns)
                    for x in 0..<columns {
                        let upper = here[x] &<< 3 | here[x &+ 1] &<< 2
                        let code = upper | below[x] &<< 1 | below[x &+ 1]
                        marks[x] = code == 15 ? 0 : code
                    }
                }
            }
        }
        self.init(width: columns, height: height - 1, marks: marks)
    }

    fileprivate func pieces(to targets: PointGrid, spacing: PixelSpacing) -> [LengthContours.Piece]
    {
        let lengths = Self.lengths(spacing)
        return zip(distances(to: targets, spacing: spacing), points)
            .map { .init(distance: $0, length: lengths[Int(marks[$1])]) }
            .sorted { ($0.distance, $0.length) < ($1.distance, $1.length) }
    }

    /// The length of a piece, by its mark.
    private static func lengths(_ spacing: PixelSpacing) -> [Double] {
        let diagonal = 0.5 * (spacing.y * spacing.y + spacing.x * spacing.x).squareRoot()
        return (0..<16).map { code in
            switch code {
            case 0, 15: 0
            case 0b0011, 0b1100: spacing.x
            case 0b0101, 0b1010: spacing.y
            case 0b0110, 0b1001: 2 * diagonal
            default: diagonal
            }
        }
    }
}

/// Marked points of a grid, and where they are.
///
/// `marks[y * width + x]` is not 0 where the point is marked.
struct PointGrid {
    let width: Int
    let height: Int
    let marks: [UInt8]
    /// Places in `marks`, rising.
    let points: [Int]

    init(width: Int, height: Int, marks: [UInt8]) {
        self.width = width
        self.height = height
        self.marks = marks
        points = marks.withUnsafeBytes { marks in
            var points: [Int] = []
            var start = 0
            while start < marks.count {
                // Most points are not marked: eight of them are passed over at once.
                let isWord = start + 8 <= marks.count
                if isWord && marks.loadUnaligned(fromByteOffset: start, as: UInt64.self) == 0 {
                    start += 8
                    continue
                }
                let end = isWord ? start + 8 : marks.count
                for index in start..<end where marks[index] != 0 { points.append(index) }
                start = end
            }
            return points
        }
    }
}
