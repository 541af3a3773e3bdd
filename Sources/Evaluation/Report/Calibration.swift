import Ultrasound

/// How well a model's own estimate of the overlap agrees with the overlap, IoU.
public struct Calibration: Codable, Equatable, Sendable {
    /// Masks whose estimates lie in one tenth of 0...1.
    public struct Bin: Codable, Equatable, Sendable {
        /// Where it begins.
        public var from: Double
        /// How many.
        public var count: Int
        /// Their mean estimate.
        public var estimate: Double
        /// Their mean IoU.
        public var iou: Double
    }

    /// How masks were asked for; nil where they come from files.
    public var prompt: LabelPrompt?
    /// Masks with an estimate.
    public var count: Int
    /// Their mean estimate.
    public var estimate: Double
    /// Their mean IoU.
    public var iou: Double
    /// Mean distance of estimate and IoU.
    public var meanAbsoluteError: Double
    /// Distance of mean estimate and mean IoU in each bin, weighted by its masks (ECE).
    public var expectedError: Double
    /// Pearson's; nil where one of both does not vary.
    public var correlation: Double?
    /// Bins that hold masks.
    public var bins: [Bin]

    /// - Parameters:
    ///   - cases: of one prompt; those without an estimate are left out, and nil comes back when
    ///     none has one.
    ///   - prompt: which.
    init?(_ cases: [EvaluatedCase], prompt: LabelPrompt?) {
        let pairs = cases.compactMap { one in
            one.iouEstimate.flatMap { estimate in one[.iou].map { (estimate, $0) } }
        }
        guard !pairs.isEmpty else { return nil }
        self.prompt = prompt
        count = pairs.count
        (estimate, iou) = Self.means(pairs)
        meanAbsoluteError = pairs.reduce(0) { $0 + abs($1.0 - $1.1) } / Double(pairs.count)
        correlation = Self.correlation(pairs)
        let binned = Dictionary(grouping: pairs) { Int(min(max($0.0, 0), 0.999) * 10) }
        bins = binned.sorted { $0.key < $1.key }.map { place, pairs in
            let (estimate, iou) = Self.means(pairs)
            return Bin(from: Double(place) / 10, count: pairs.count, estimate: estimate, iou: iou)
        }
        let total = Double(count)
        expectedError = bins.reduce(0) { $0 + abs($1.estimate - $1.iou) * Double($1.count) / total }
    }

    private static func means(_ pairs: [(Double, Double)]) -> (Double, Double) {
        let sum = pairs.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
        return (sum.0 / Double(pairs.count), sum.1 / Double(pairs.count))
    }

    private static func correlation(_ pairs: [(Double, Double)]) -> Double? {
        let (x, y) = means(pairs)
        var (xx, yy, xy) = (0.0, 0.0, 0.0)
        for pair in pairs {
            xx += (pair.0 - x) * (pair.0 - x)
            yy += (pair.1 - y) * (pair.1 - y)
            xy += (pair.0 - x) * (pair.1 - y)
        }
        return xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : nil
    }
}

extension [EvaluatedCase] {
    /// Calibration of each prompt's estimates.
    ///
    /// - Returns: nothing where masks have no estimates.
    public func calibrations() -> [Calibration] {
        prompts.compactMap { prompt in
            Calibration(filter { $0.prompt == prompt }, prompt: prompt)
        }
    }
}
