import Imaging

/// A predicted mask beside the reference.
///
/// `scores` has everything; the functions compute one thing alone. Where a mask is empty there are
/// no contours: both empty is right (shares 1, distances 0), one empty is wrong altogether (shares
/// 0, distances the picture's diagonal).
public struct MaskComparison: Sendable {
    /// What a program found.
    public let prediction: Mask
    /// What it should have found.
    public let reference: Mask
    /// Width and height of a pixel; the unit of all lengths.
    public let spacing: PixelSpacing
    /// How many pixels agree and disagree.
    public let counts: ConfusionCounts

    /// - Parameters:
    ///   - prediction: what a program found.
    ///   - reference: what it should have found, of the same size.
    ///   - spacing: width and height of a pixel in mm; nil measures in pixels.
    /// - Throws: ``MetricsError/sizesDiffer(prediction:reference:)``.
    public init(
        prediction: Mask, reference: Mask, spacing: PixelSpacing? = nil
    ) throws(MetricsError) {
        guard prediction.size == reference.size else {
            throw .sizesDiffer(prediction: prediction.size, reference: reference.size)
        }
        self.prediction = prediction
        self.reference = reference
        self.spacing = spacing ?? PixelSpacing(x: 1, y: 1)
        counts = ConfusionCounts(prediction, reference)
    }

    /// Which of the masks are empty.
    public var emptiness: Emptiness { counts.emptiness }

    /// Length of the picture's diagonal: every distance where one mask is empty.
    public var diagonal: Double {
        let width = Double(reference.width) * spacing.x
        let height = Double(reference.height) * spacing.y
        return (width * width + height * height).squareRoot()
    }

    /// The true Hausdorff distance of the contours.
    ///
    /// - Returns: a length.
    public func hausdorff() -> Double {
        guard let pair = contours else { return distanceOfEmpty }
        return PixelContours(pair, spacing: spacing).hausdorff
    }

    /// Share of both contours' length that is near the other contour: surface Dice.
    ///
    /// - Parameter tolerance: what counts as near, a length, at least 0.
    /// - Returns: 0...1.
    public func surfaceDice(tolerance: Double) -> Double {
        guard let pair = contours else { return counts.dice }
        return LengthContours(pair, spacing: spacing).surfaceDice(tolerance: tolerance)
    }

    /// What the program of the authors of SAMUS computes.
    ///
    /// - Returns: their smoothed shares, and their "HD".
    public func authorsScores() -> AuthorsScores {
        AuthorsScores(counts, rows: RowDistance.hausdorff(prediction, reference))
    }

    /// Every figure.
    ///
    /// - Parameter tolerance: of surface Dice, a length, at least 0.
    /// - Returns: figures by the empty-mask rules where a mask is empty.
    public func scores(tolerance: Double = 2) -> MaskScores {
        precondition(tolerance >= 0, "a tolerance is a length")
        let empty = distanceOfEmpty
        let pixelArea = spacing.x * spacing.y
        var scores = MaskScores(
            emptiness: emptiness, counts: counts, spacing: spacing, dice: counts.dice,
            iou: counts.iou, precision: counts.precision, recall: counts.recall,
            specificity: counts.specificity, hd: empty, hd95: empty, hd95Directed: empty,
            hd95Length: empty, asd: empty, assd: empty, surfaceDice: counts.dice,
            tolerance: tolerance,
            samusHD: Double(RowDistance.hausdorff(prediction, reference)),
            centroidDistance: centroidDistance ?? empty,
            predictionArea: Double(counts.predicted) * pixelArea,
            referenceArea: Double(counts.wanted) * pixelArea)
        guard let pair = contours else { return scores }
        let pixels = PixelContours(pair, spacing: spacing)
        scores.hd = pixels.hausdorff
        scores.hd95 = pixels.pooled95
        scores.hd95Directed = pixels.larger95
        scores.asd = pixels.fromPrediction.mean
        scores.assd = pixels.pooledMean
        let lengths = LengthContours(pair, spacing: spacing)
        scores.hd95Length = lengths.larger95
        scores.surfaceDice = lengths.surfaceDice(tolerance: tolerance)
        return scores
    }

    /// Nil where there are no two contours.
    private var contours: PaddedPair? {
        emptiness == .neither ? PaddedPair(prediction, reference) : nil
    }

    private var distanceOfEmpty: Double { emptiness == .bothEmpty ? 0 : diagonal }

    private var centroidDistance: Double? {
        guard let a = prediction.centroid, let b = reference.centroid else { return nil }
        let dx = (a.x - b.x) * spacing.x
        let dy = (a.y - b.y) * spacing.y
        return (dx * dx + dy * dy).squareRoot()
    }
}
