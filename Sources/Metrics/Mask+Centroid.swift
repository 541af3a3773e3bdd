import Imaging

extension Mask {
    /// Mean column and row of the pixels inside; nil when there are none.
    var centroid: (x: Double, y: Double)? {
        let (area, sumX, sumY) = values.withUnsafeBufferPointer { values in
            var (area, sumX, sumY) = (0, 0, 0)
            for y in 0..<height {
                var row = 0
                for x in 0..<width {
                    let inside = Int(values[y * width + x])
                    row &+= inside
                    sumX &+= inside &* x
                }
                area += row
                sumY += row * y
            }
            return (area, sumX, sumY)
        }
        guard area > 0 else { return nil }
        return (Double(sumX) / Double(area), Double(sumY) / Double(area))
    }
}
