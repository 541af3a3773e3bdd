import Imaging

/// Numbers of pixels in which two masks agree and disagree.
public struct ConfusionCounts: Hashable, Codable, Sendable {
    /// Number of pixels in both masks.
    public var truePositives: Int
    /// Number of pixels in the prediction only.
    public var falsePositives: Int
    /// Number of pixels in the reference only.
    public var falseNegatives: Int
    /// Number of pixels in neither mask.
    public var trueNegatives: Int

    private enum CodingKeys: String, CodingKey {
        case truePositives = "tp"
        case falsePositives = "fp"
        case falseNegatives = "fn"
        case trueNegatives = "tn"
    }

    /// - Parameters:
    ///   - truePositives: number of pixels in both masks.
    ///   - falsePositives: number of pixels in the prediction only.
    ///   - falseNegatives: number of pixels in the reference only.
    ///   - trueNegatives: number of pixels in neither mask.
    public init(truePositives: Int, falsePositives: Int, falseNegatives: Int, trueNegatives: Int) {
        self.truePositives = truePositives
        self.falsePositives = falsePositives
        self.falseNegatives = falseNegatives
        self.trueNegatives = trueNegatives
    }

    /// Counts the pixels of two masks of equal size.
    init(_ prediction: Mask, _ reference: Mask) {
        var both = 0
        prediction.values.withUnsafeBufferPointer { prediction in
            reference.values.withUnsafeBufferPointer { reference in
                for i in prediction.indices { both &+= Int(prediction[i] & reference[i]) }
            }
        }
        let (predictionArea, referenceArea) = (prediction.area, reference.area)
        self.init(
            truePositives: both, falsePositives: predictionArea - both,
            falseNegatives: referenceArea - both,
            trueNegatives: prediction.size.area - predictionArea - referenceArea + both)
    }

    /// Number of all pixels.
    public var total: Int { truePositives + falsePositives + falseNegatives + trueNegatives }

    /// Number of pixels of the prediction.
    public var predicted: Int { truePositives + falsePositives }

    /// Number of pixels of the reference.
    public var reference: Int { truePositives + falseNegatives }

    /// Which of the two masks are empty.
    public var emptiness: Emptiness {
        Emptiness(predictionIsEmpty: predicted == 0, referenceIsEmpty: reference == 0)
    }

    /// `2 TP / (2 TP + FP + FN)`; 1 if both masks are empty.
    public var dice: Double { share(2 * truePositives, of: predicted + reference) }

    /// `TP / (TP + FP + FN)`, the Jaccard index; 1 if both masks are empty.
    public var iou: Double {
        share(truePositives, of: truePositives + falsePositives + falseNegatives)
    }

    /// `TP / (TP + FP)`; 0 if only the prediction is empty, 1 if both masks are empty.
    public var precision: Double { share(truePositives, of: predicted) }

    /// `TP / (TP + FN)`, the sensitivity; 0 if only the reference is empty, 1 if both masks are empty.
    public var recall: Double { share(truePositives, of: reference) }

    /// `TN / (TN + FP)`; 1 if the reference covers the whole image.
    public var specificity: Double {
        let outside = trueNegatives + falsePositives
        return outside == 0 ? 1 : Double(trueNegatives) / Double(outside)
    }

    /// `(TP + TN) / all`; close to 1 for small objects, because most pixels are background.
    public var accuracy: Double { Double(truePositives + trueNegatives) / Double(total) }

    private func share(_ part: Int, of whole: Int) -> Double {
        guard whole > 0 else { return emptiness == .bothEmpty ? 1 : 0 }
        return Double(part) / Double(whole)
    }
}
