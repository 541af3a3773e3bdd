import Imaging

/// Finds the objects of an image without being told where: a click on every point of a grid, and
/// of all masks the sure, the stable and the different ones.
///
/// Computes what segment-anything's `SamAutomaticMaskGenerator` computes (arXiv:2304.02643,
/// appendix B), with the same masks in the same order, but for three things: masks without a pixel
/// are never kept; an image too small for a layer of crops, or without any mask in them, is no
/// error; and in a crop with fewer pixels along a side than clicks, clicks beyond the last pixel
/// are moved onto its edge.
///
/// Memory, beside the image and its embedding: the decoder's logits for one batch, `pointsPerBatch`
/// times the candidates (50 MB for 64 clicks, three candidates and logits of 256x256), a few planes
/// of the image's size, and what was kept so far as run lengths, at most one for each click and
/// candidate. Logits at the image's size exist for one mask at a time.
public struct AutomaticMaskGenerator: Sendable {
    private let engine: any SegmentationEngine
    private let options: AutomaticMaskOptions

    /// A generator.
    ///
    /// - Parameters:
    ///   - engine: a model that takes clicks and gives candidates.
    ///   - options: how densely to look and what to keep.
    /// - Throws: ``AutomaticMaskError`` when masks cannot be looked for with these options.
    public init(
        engine: any SegmentationEngine, options: AutomaticMaskOptions = .init()
    ) throws(AutomaticMaskError) {
        try options.validate()
        self.engine = engine
        self.options = options
    }

    /// Finds the objects of an image.
    ///
    /// - Parameters:
    ///   - image: grey or RGB, of any size.
    ///   - progress: called with the clicks done and all clicks, first with none done and then
    ///     after each batch; what it throws ends the work.
    /// - Returns: best estimate first; with crops, those of smaller crops first; with
    ///   `minimumRegionArea`, those that needed no change first.
    /// - Throws: what the engine or `progress` throws, `CancellationError` when the task that calls
    ///   is cancelled.
    public func masks(
        of image: Image, progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws -> [AutomaticMask] {
        let crops = Crop.all(
            of: image.size, layers: options.cropLayers, overlap: options.cropOverlap)
        let grids = crops.map {
            ClickGrid.points(side: options.pointsPerSide(inLayer: $0.layer), size: $0.size)
        }
        let total = grids.reduce(0) { $0 + $1.count }
        var done = 0
        try progress(done, total)
        var found: [MaskProposal] = []
        for (crop, points) in zip(crops, grids) {
            let view = try CropView(of: image, crop: crop, engine: engine, options: options)
            var inCrop: [MaskProposal] = []
            for start in stride(from: 0, to: points.count, by: options.pointsPerBatch) {
                try Task.checkCancellation()
                let batch = points[start..<min(start + options.pointsPerBatch, points.count)]
                inCrop += try view.masks(at: batch)
                done += batch.count
                try progress(done, total)
            }
            found += inCrop.suppressed(scores: inCrop.map(\.predictedIoU), above: options.boxNMS)
        }
        if crops.count > 1 {
            found = found.suppressed(
                scores: found.map { 1 / Float($0.crop.box.width * $0.crop.box.height) },
                above: options.cropNMS)
        }
        if options.minimumRegionArea > 0 {
            found = try withoutSmallRegions(found)
        }
        return found.map(AutomaticMask.init)
    }

    /// Changed masks may have become equal to others: these go, and of two the unchanged one stays.
    private func withoutSmallRegions(_ found: [MaskProposal]) throws -> [MaskProposal] {
        var scores: [Float] = []
        var cleaned: [MaskProposal] = []
        for mask in found {
            try Task.checkCancellation()
            let change = mask.runLength.mask().removingSmallRegions(
                below: options.minimumRegionArea)
            scores.append(change == nil ? 1 : 0)
            cleaned.append(change.map(mask.redrawn) ?? mask)
        }
        return cleaned.suppressed(
            scores: scores, above: max(options.boxNMS, options.cropNMS))
    }
}

/// How little a mask changes when the cut through its logits moves: IoU of the masks at
/// `+offset` and `-offset`.
///
/// - Returns: NaN when neither has a pixel.
func stabilityScore(_ logits: Planes, offset: Float) -> Float {
    var (high, low) = (0, 0)
    for value in logits.values {
        if value > offset { high += 1 }
        if value > -offset { low += 1 }
    }
    return Float(high) / Float(low)
}

/// The boxes that no better box covers: non-maximum suppression, as torchvision's `nms`.
///
/// - Parameters:
///   - boxes: any number of them.
///   - scores: one for each; higher is better, and of equals the first.
///   - threshold: boxes that overlap a kept one more than this are dropped.
/// - Returns: places of the kept ones, best first.
func nonMaximumSuppression(
    _ boxes: [MaskBox], scores: [Float], threshold: Double
) -> [Int] {
    // Sorting is not promised to be stable.
    let order = boxes.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
    var kept: [Int] = []
    for candidate in order {
        let isCovered = kept.contains { Double(boxes[$0].overlap(boxes[candidate])) > threshold }
        if !isCovered { kept.append(candidate) }
    }
    return kept
}

extension Mask {
    /// Fills small holes, then removes small islands; pixels that touch at a corner belong
    /// together, in holes too.
    ///
    /// As in segment-anything, background at the image's edge counts as a hole, and when all
    /// islands are small the largest stays.
    ///
    /// - Parameter area: regions with fewer pixels are small.
    /// - Returns: nil when there was none.
    func removingSmallRegions(below area: Int) -> Mask? {
        let filled = fillingSmallHoles(below: area)
        return (filled ?? self).removingSmallIslands(below: area) ?? filled
    }

    private func fillingSmallHoles(below area: Int) -> Mask? {
        let holes = Mask(width: width, height: height, values: values.map { 1 - $0 }).labelled()
        guard holes.areas.contains(where: { $0 < area }) else { return nil }
        return Mask(
            width: width, height: height,
            values: holes.labels.map { $0 == 0 || holes.areas[Int($0) - 1] < area ? 1 : 0 })
    }

    private func removingSmallIslands(below area: Int) -> Mask? {
        let islands = labelled()
        guard islands.areas.contains(where: { $0 < area }) else { return nil }
        guard islands.areas.contains(where: { $0 >= area }) else {
            return islands.mask(of: islands.largestAsOpenCV)
        }
        return Mask(
            width: width, height: height,
            values: islands.labels.map { $0 != 0 && islands.areas[Int($0) - 1] >= area ? 1 : 0 })
    }
}

extension ComponentLabels {
    /// The component with the most pixels; of equals the first in OpenCV's order.
    ///
    /// For 8 neighbours OpenCV numbers components by the first of the image's blocks of 2x2
    /// pixels that they reach, not by their first pixel.
    fileprivate var largestAsOpenCV: Int {
        let largest = areas.max()
        var best = (block: Int.max, component: 1)
        for (index, label) in labels.enumerated() where label != 0 {
            guard areas[Int(label) - 1] == largest else { continue }
            let block = index / width / 2 * width + index % width / 2
            if block < best.block { best = (block, Int(label)) }
        }
        return best.component
    }
}
