import Imaging

/// Distances between the contours of two masks, a contour being pixels.
///
/// The contour is what one erosion with the 4-neighbourhood takes away: pixels inside that have a
/// side in common with the outside, where the outside begins beyond the picture's border. Centres of
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
