/// Calibration of a model's IoU estimates against the IoU with the reference.
public struct IoUCalibration: Hashable, Codable, Sendable {
    /// Cases with similar estimates.
    public struct Bin: Hashable, Codable, Sendable {
        /// Lower end of the bin, included.
        public var low: Double
        /// Upper end of the bin, excluded.
        public var high: Double
        /// Number of cases.
        public var count: Int
        /// Mean estimate; nil if there are no cases.
        public var meanEstimate: Double?
        /// Mean IoU with the reference; nil if there are no cases.
        public var meanIoU: Double?

        private enum CodingKeys: String, CodingKey {
            case low, high, count, meanEstimate
            // `mean_iou` in files.
            case meanIoU = "meanIou"
        }
    }

    /// Bins of equal width from 0 to 1; estimates outside are in the first or the last bin.
    public var bins: [Bin]
    /// Expected calibration error: mean over cases of the bin's `|mean estimate - mean IoU|`.
    public var expectedError: Double
    /// Largest `|mean estimate - mean IoU|` of a bin.
    public var largestError: Double
    /// Mean of `estimate - IoU`; positive if the estimates are too high.
    public var bias: Double
    /// Mean of `|estimate - IoU|` over all cases.
    public var meanAbsoluteError: Double
    /// Pearson's correlation; nil if the estimates or the IoUs are constant.
    public var pearson: Double?
    /// Spearman's correlation; nil if the estimates or the IoUs are constant.
    public var spearman: Double?

    /// - Parameters:
    ///   - estimates: the IoU estimate of each case.
    ///   - ious: the IoU with the reference of each case.
    ///   - count: number of bins, at least 1.
    /// - Throws: ``MetricsError`` if there are no pairs, or a value is not finite.
    public init(estimates: [Double], ious: [Double], bins count: Int = 10) throws(MetricsError) {
        precondition(count > 0, "at least one bin is needed")
        try estimates.checkPairs(with: ious)
        var members = [[Int]](repeating: [], count: count)
        for (index, estimate) in estimates.enumerated() {
            let place = max(0, min(1, estimate)) * Double(count)
            members[min(Int(place), count - 1)].append(index)
        }
        bins = members.enumerated().map { place, members in
            Bin(
                low: Double(place) / Double(count), high: Double(place + 1) / Double(count),
                count: members.count,
                meanEstimate: members.isEmpty ? nil : members.map { estimates[$0] }.mean,
                meanIoU: members.isEmpty ? nil : members.map { ious[$0] }.mean)
        }
        (expectedError, largestError) = (0, 0)
        for bin in bins {
            guard let estimate = bin.meanEstimate, let iou = bin.meanIoU else { continue }
            let error = abs(estimate - iou)
            expectedError += error * Double(bin.count) / Double(estimates.count)
            largestError = max(largestError, error)
        }
        let errors = zip(estimates, ious).map(-)
        bias = errors.mean
        meanAbsoluteError = errors.map(abs).mean
        pearson = try Correlation.pearson(estimates, ious)
        spearman = try Correlation.spearman(estimates, ious)
    }
}
