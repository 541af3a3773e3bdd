import Foundation
import Imaging

/// Distances between the contour pixels of two masks.
///
/// Contour pixels are those that one erosion with the 4-neighbourhood removes: pixels of the mask
/// that share a side with the background. Everything beyond the image is background. Distances are
/// between pixel centres, as in MedPy and MONAI.
struct PixelContours {
    /// The distance of each contour pixel of the prediction to the reference's contour.
    let fromPrediction: [Double]
    /// The distance of each contour pixel of the reference to the prediction's contour.
    let fromReference: [Double]

    /// Both masks must have pixels.
    init(_ pair: PaddedPair, spacing: PixelSpacing) {
        let prediction = MarkedGrid(contourOf: pair.prediction, pair.width, pair.height)
        let reference = MarkedGrid(contourOf: pair.reference, pair.width, pair.height)
        fromPrediction = prediction.distances(to: reference, spacing: spacing)
        fromReference = reference.distances(to: prediction, spacing: spacing)
    }

    /// The larger of the two largest distances.
    var hausdorff: Double { max(fromPrediction.max() ?? 0, fromReference.max() ?? 0) }

    /// Mean of all distances of both directions (MedPy, MONAI).
    var pooledMean: Double { (fromPrediction + fromReference).mean }

    /// 95th percentile of all distances of both directions (MedPy).
    var pooled95: Double { (fromPrediction + fromReference).quantile(0.95) }

    /// The larger of the two directions' 95th percentiles (MONAI).
    var larger95: Double { max(fromPrediction.quantile(0.95), fromReference.quantile(0.95)) }
}

extension MarkedGrid {
    /// The contour pixels of a mask with a border of one background pixel.
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

/// Distances between the contours of two masks, weighted by the contours' length.
///
/// A contour consists of segments. There is a segment at each pixel corner whose four pixels are not
/// all equal; its length depends on which of the four are foreground. This is the method of
/// DeepMind's surface-distance (arXiv:1809.04430), and of MONAI with subvoxels.
struct LengthContours {
    /// The segments of the prediction, nearest first.
    let prediction: [Segment]
    /// The segments of the reference, nearest first.
    let reference: [Segment]

    /// A segment of a contour.
    struct Segment {
        /// Distance to the nearest segment of the other contour.
        let distance: Double
        let length: Double
    }

    /// Both masks must have pixels.
    init(_ pair: PaddedPair, spacing: PixelSpacing) {
        let prediction = MarkedGrid(cornersOf: pair.prediction, pair.width, pair.height)
        let reference = MarkedGrid(cornersOf: pair.reference, pair.width, pair.height)
        self.prediction = prediction.segments(to: reference, spacing: spacing)
        self.reference = reference.segments(to: prediction, spacing: spacing)
    }

    /// The larger of the two largest distances.
    var hausdorff: Double {
        max(prediction.last?.distance ?? 0, reference.last?.distance ?? 0)
    }

    /// The larger of the two directions' 95th percentiles by length.
    var larger95: Double { max(prediction.distance(at: 0.95), reference.distance(at: 0.95)) }

    /// Fraction of the length of both contours that is within `tolerance` of the other contour.
    func surfaceDice(tolerance: Double) -> Double {
        let near = prediction.length(within: tolerance) + reference.length(within: tolerance)
        return near / (prediction.length + reference.length)
    }
}

extension [LengthContours.Segment] {
    /// Mean distance, weighted by length.
    var mean: Double { reduce(0) { $0 + $1.distance * $1.length } / length }

    fileprivate var length: Double { reduce(0) { $0 + $1.length } }

    fileprivate func length(within tolerance: Double) -> Double {
        reduce(0) { $1.distance <= tolerance ? $0 + $1.length : $0 }
    }

    /// The distance at which a fraction of the length is reached.
    fileprivate func distance(at fraction: Double) -> Double {
        let total = length
        var sum = 0.0
        for segment in self {
            sum += segment.length
            if sum / total >= fraction { return segment.distance }
        }
        return last?.distance ?? 0
    }
}

extension MarkedGrid {
    /// The corners whose four pixels are not all equal; the mark encodes which of the four are
    /// foreground.
    ///
    /// Bits 8, 4, 2, 1 are upper left, upper right, lower left, lower right. The mask has a border of
    /// one background pixel; the grid has one row and one column less than the mask.
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

    fileprivate func segments(to targets: MarkedGrid, spacing: PixelSpacing) -> [LengthContours
        .Segment]
    {
        let lengths = Self.lengths(spacing)
        return zip(distances(to: targets, spacing: spacing), points)
            .map { .init(distance: $0, length: lengths[Int(marks[$1])]) }
            .sorted { ($0.distance, $0.length) < ($1.distance, $1.length) }
    }

    /// The length of a segment for each mark.
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

/// A grid with marked points: `marks[y * width + x]` is not 0 where the point is marked.
struct MarkedGrid {
    let width: Int
    let height: Int
    let marks: [UInt8]
    /// Indices of marked points in `marks`, ascending.
    let points: [Int]

    init(width: Int, height: Int, marks: [UInt8]) {
        self.width = width
        self.height = height
        self.marks = marks
        points = marks.withUnsafeBytes { marks in
            var points: [Int] = []
            var start = 0
            while start < marks.count {
                // Most points are not marked: skip eight at once.
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
