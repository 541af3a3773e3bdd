import Imaging

/// A mask that may still turn out to be a duplicate, in the picture's pixels.
struct FoundMask {
    var runLength: RunLength
    var box: MaskBox
    var predictedIoU: Float
    var stabilityScore: Float
    var point: PixelPoint
    var crop: Crop

    /// The same find with other pixels.
    func redrawn(as mask: Mask) -> FoundMask {
        var result = self
        result.runLength = mask.runLength()
        result.box = MaskBox(around: mask)
        return result
    }
}

extension [FoundMask] {
    /// Without those whose boxes better ones cover, best first.
    func suppressed(scores: [Float], above threshold: Double) -> [FoundMask] {
        nonMaximumSuppression(map(\.box), scores: scores, threshold: threshold).map { self[$0] }
    }
}

extension AutomaticMask {
    init(_ found: FoundMask) {
        runLength = found.runLength
        // Every second run is inside.
        area = stride(from: 1, to: found.runLength.counts.count, by: 2).reduce(0) {
            $0 + found.runLength.counts[$1]
        }
        box = PixelRectangle(
            x0: Double(found.box.x0), y0: Double(found.box.y0), x1: Double(found.box.x1),
            y1: Double(found.box.y1))
        predictedIoU = found.predictedIoU
        point = found.point
        stabilityScore = found.stabilityScore
        cropBox = found.crop.box
    }
}
