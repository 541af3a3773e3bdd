import Imaging

/// Compares a predicted mask with its reference.
///
/// `scores` computes all metrics, each of the other functions one metric. If both masks are empty,
/// fractions are 1 and distances 0; if one mask is empty, fractions are 0 and distances the length
/// of the image's diagonal.
public struct MaskComparison: Sendable {
    /// The predicted mask.
    public let prediction: Mask
    /// The reference mask.
    public let reference: Mask
    /// Width and height of a pixel; the unit of all lengths.
    public let spacing: PixelSpacing
    /// The pixel counts.
    public let counts: ConfusionCounts

    /// - Parameters:
    ///   - prediction: the predicted mask.
    ///   - reference: the reference mask, of the same size.
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

    /// Length of the image's diagonal: the value of all distances if one mask is empty.
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

    /// Surface Dice: fraction of the length of both contours that is within a tolerance of the other
    /// contour.
    ///
    /// - Parameter tolerance: a length, at least 0.
    /// - Returns: 0...1.
    public func surfaceDice(tolerance: Double) -> Double {
        guard let pair = contours else { return counts.dice }
        return LengthContours(pair, spacing: spacing).surfaceDice(tolerance: tolerance)
    }

    /// The metrics of the SAMUS authors' program.
    ///
    /// - Returns: smoothed fractions, and their "HD".
    public func authorsScores() -> AuthorsScores {
        AuthorsScores(counts, rows: RowDistance.hausdorff(prediction, reference))
    }

    /// All metrics.
    ///
    /// - Parameter tolerance: tolerance of surface Dice, a length, at least 0.
    /// - Returns: the metrics; with fixed values if a mask is empty.
    public func scores(tolerance: Double = 2) -> MaskScores {
        precondition(tolerance >= 0, "the tolerance must not be negative")
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
            referenceArea: Double(counts.reference) * pixelArea)
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

    /// Nil if a mask is empty.
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

/// Two masks cropped to their common box, with a border of one background pixel.
///
/// Contours and distances are the same as in the whole image; everything beyond the image is
/// background.
struct PaddedPair {
    /// Number of columns, two more than the box has.
    let width: Int
    /// Number of rows, two more than the box has.
    let height: Int
    let prediction: [UInt8]
    let reference: [UInt8]

    /// Crops two masks of the same size; nil if both are empty.
    init?(_ prediction: Mask, _ reference: Mask) {
        guard let box = PixelBox(aroundAnyOf: prediction, reference) else { return nil }
        width = box.width + 2
        height = box.height + 2
        self.prediction = prediction.padded(box)
        self.reference = reference.padded(box)
    }
}

extension PixelBox {
    /// The box around the foreground of both masks; nil if both are empty.
    ///
    /// Combining whole rows without branches is many times faster than computing two bounding boxes.
    fileprivate init?(aroundAnyOf one: Mask, _ other: Mask) {
        let width = one.width
        var columns = [UInt8](repeating: 0, count: width)
        var rows = [UInt8](repeating: 0, count: one.height)
        one.values.withUnsafeBufferPointer { one in
            other.values.withUnsafeBufferPointer { other in
                columns.withUnsafeMutableBufferPointer { columns in
                    for y in rows.indices {
                        var any: UInt8 = 0
                        let (one, other) = (one.row(y, width), other.row(y, width))
                        for x in 0..<width {
                            let inside = one[x] | other[x]
                            columns[x] |= inside
                            any |= inside
                        }
                        rows[y] = any
                    }
                }
            }
        }
        guard let x0 = columns.firstIndex(of: 1), let x1 = columns.lastIndex(of: 1),
            let y0 = rows.firstIndex(of: 1), let y1 = rows.lastIndex(of: 1)
        else { return nil }
        self.init(x0: x0, y0: y0, x1: x1 + 1, y1: y1 + 1)
    }
}

extension Mask {
    fileprivate func padded(_ box: PixelBox) -> [UInt8] {
        let width = box.width + 2
        var result = [UInt8](repeating: 0, count: width * (box.height + 2))
        result.withUnsafeMutableBufferPointer { result in
            values.withUnsafeBufferPointer { values in
                for y in 0..<box.height {
                    let source = values.row(box.y0 + y, self.width)
                    let target = result.row(y + 1, width)
                    for x in 0..<box.width { target[x &+ 1] = source[box.x0 &+ x] }
                }
            }
        }
        return result
    }
}

/// Metrics as computed by the program of the SAMUS authors (arXiv:2309.06824), for comparisons with
/// the tables of the paper.
///
/// Fractions have 1e-5 added to numerator and denominator. `samusHD` compares rows, see
/// `Docs/Metrics.md`.
public struct AuthorsScores: Hashable, Codable, Sendable {
    /// `(2 TP + s) / (2 TP + FP + FN + s)`, s = 1e-5.
    public var dice: Double
    /// `(TP + s) / (TP + FP + FN + s)`.
    public var iou: Double
    /// `(TP + TN + s) / (all + s)`.
    public var accuracy: Double
    /// `(TP + s) / (TP + FN + s)`.
    public var sensitivity: Double
    /// `(TN + s) / (TN + FP + s)`.
    public var specificity: Double
    /// The largest number of columns in which a row of one mask differs from every row of the other.
    public var samusHD: Double

    init(_ counts: ConfusionCounts, rows: Int) {
        func share(_ part: Int, _ whole: Int) -> Double {
            (Double(part) + 1e-5) / (Double(whole) + 1e-5)
        }
        dice = share(2 * counts.truePositives, counts.predicted + counts.reference)
        iou = share(counts.truePositives, counts.total - counts.trueNegatives)
        accuracy = share(counts.truePositives + counts.trueNegatives, counts.total)
        sensitivity = share(counts.truePositives, counts.reference)
        specificity = share(counts.trueNegatives, counts.trueNegatives + counts.falsePositives)
        samusHD = Double(rows)
    }
}
