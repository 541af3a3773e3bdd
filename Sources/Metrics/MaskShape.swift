import Foundation
import Imaging

/// Measures of one mask's form, in pixels, as scikit-image's `regionprops` has them.
///
/// All components together are one region.
public struct MaskShape: Hashable, Codable, Sendable {
    /// Pixels inside.
    public var area: Int
    /// Mean column of the pixels.
    public var centroidX: Double
    /// Mean row of the pixels.
    public var centroidY: Double
    /// Long axis of the ellipse with the same second moments.
    public var majorAxis: Double
    /// Short axis of the ellipse with the same second moments.
    public var minorAxis: Double
    /// Angle from the rows' direction (down) to the long axis, -π/2...π/2.
    public var orientation: Double
    /// Length of the contour by Crofton's formula, four directions; holes count.
    public var perimeter: Double
    /// Largest distance of two points on the contour of the convex hull.
    public var maximumFeret: Double

}

extension Mask {
    /// Measures the mask's form.
    ///
    /// - Returns: lengths in pixels; nil when no pixel is inside.
    public func shape() -> MaskShape? {
        guard let centroid, let pair = PaddedPair(self, self) else { return nil }
        let moments = secondMoments(around: centroid)
        let half = (moments.xx + moments.yy) / 2
        let difference = (moments.xx - moments.yy) / 2
        let root = (difference * difference + moments.xy * moments.xy).squareRoot()
        let orientation =
            if moments.xx == moments.yy {
                moments.xy > 0 ? Double.pi / 4 : -Double.pi / 4
            } else {
                0.5 * atan2(2 * moments.xy, moments.yy - moments.xx)
            }
        return MaskShape(
            area: area, centroidX: centroid.x, centroidY: centroid.y,
            majorAxis: 4 * (half + root).squareRoot(),
            minorAxis: 4 * max(half - root, 0).squareRoot(), orientation: orientation,
            perimeter: pair.predictionPerimeter, maximumFeret: maximumFeret())
    }

    /// Variances of the pixels' columns and rows, and their covariance.
    private func secondMoments(
        around centroid: (x: Double, y: Double)
    ) -> (xx: Double, xy: Double, yy: Double) {
        var (xx, xy, yy) = (0.0, 0.0, 0.0)
        values.withUnsafeBufferPointer { values in
            for y in 0..<height {
                let dy = Double(y) - centroid.y
                for x in 0..<width where values[y * width + x] != 0 {
                    let dx = Double(x) - centroid.x
                    xx += dx * dx
                    xy += dx * dy
                    yy += dy * dy
                }
            }
        }
        let count = Double(area)
        return (xx / count, xy / count, yy / count)
    }
}

extension PaddedPair {
    /// How often a line in one of four directions enters the prediction, weighted (Crofton).
    fileprivate var predictionPerimeter: Double {
        var (right, down, falling, rising) = (0, 0, 0, 0)
        prediction.withUnsafeBufferPointer { mask in
            for y in 0..<height - 1 {
                for x in 0..<width - 1 {
                    let i = y * width + x
                    let (a, b) = (mask[i], mask[i + 1])
                    let (c, d) = (mask[i + width], mask[i + width + 1])
                    right += Int((a ^ 1) & b)
                    down += Int((a ^ 1) & c)
                    falling += Int((a ^ 1) & d)
                    rising += Int((b ^ 1) & c)
                }
            }
        }
        return .pi / 4 * (Double(right + down) + Double(falling + rising) / 2.0.squareRoot())
    }
}
