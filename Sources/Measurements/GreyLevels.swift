import Imaging

/// The grey levels of an image inside a mask.
public struct GreyLevels: Equatable, Sendable {
    /// Number of pixels of each grey level, from 0 to 255.
    public let histogram: [Int]
    /// Mean grey level.
    public let mean: Double
    /// Standard deviation of the pixels.
    public let standardDeviation: Double
    /// Median grey level; the lower one of two.
    public let median: Int
    /// Darkest grey level inside.
    public let minimum: Int
    /// Brightest grey level inside.
    public let maximum: Int

    /// Counts the grey levels; nil where the mask is empty.
    ///
    /// - Parameters:
    ///   - mask: the object.
    ///   - image: of the mask's size; colour is converted to grey.
    public init?(inside mask: Mask, of image: Image) {
        precondition(mask.size == image.size, "the mask must have the size of the image")
        var histogram = [Int](repeating: 0, count: 256)
        for (level, isInside) in zip(image.grey().pixels, mask.values) where isInside != 0 {
            histogram[Int(level)] += 1
        }
        let count = histogram.reduce(0, +)
        guard let darkest = histogram.firstIndex(where: { $0 > 0 }),
            let brightest = histogram.lastIndex(where: { $0 > 0 })
        else { return nil }
        let sum = histogram.enumerated().reduce(0.0) { $0 + Double($1.offset * $1.element) }
        let mean = sum / Double(count)
        let squares = histogram.enumerated().reduce(0.0) {
            $0 + Double($1.element) * (Double($1.offset) - mean) * (Double($1.offset) - mean)
        }
        var left = (count + 1) / 2
        let median = histogram.firstIndex { level in
            left -= level
            return left <= 0
        }
        self.histogram = histogram
        self.mean = mean
        standardDeviation = (squares / Double(count)).squareRoot()
        self.median = median ?? darkest
        minimum = darkest
        maximum = brightest
    }
}
