import Imaging

/// Generates masks for all objects of an image: prompts the model with every point of a grid, and
/// keeps the confident, stable masks without duplicates.
///
/// Gives the same masks in the same order as segment-anything's `SamAutomaticMaskGenerator`
/// (arXiv:2304.02643, appendix B), with three exceptions: empty masks are always dropped; an image
/// that is too small for a layer of crops, or has no mask in them, is not an error; and in a crop
/// with fewer pixels than points along a side, points beyond the last pixel are moved to its edge.
///
/// Memory besides the image and its embedding: the decoder's logits for one batch, `pointsPerBatch`
/// times the candidates (50 MB for 64 points, three candidates and logits of 256x256), a few planes
/// of the image's size, and the masks found so far as run lengths, at most one for each point and
/// candidate. Only one mask at a time has logits at the image's size.
public struct AutomaticMaskGenerator: Sendable {
    private let engine: any SegmentationEngine
    private let options: AutomaticMaskOptions

    /// Creates a generator.
    ///
    /// - Parameters:
    ///   - engine: a model that takes point prompts and gives candidates.
    ///   - options: density of the grid and thresholds.
    /// - Throws: ``AutomaticMaskError`` when an option is out of range.
    public init(
        engine: any SegmentationEngine, options: AutomaticMaskOptions = .init()
    ) throws(AutomaticMaskError) {
        try options.validate()
        self.engine = engine
        self.options = options
    }

    /// Generates the masks of an image.
    ///
    /// - Parameters:
    ///   - image: grey or RGB, of any size.
    ///   - progress: called with the number of points done and of all points, before the first
    ///     batch and after each batch; an error that it throws ends the work.
    /// - Returns: masks by descending estimate; with crops, masks of smaller crops first; with
    ///   `minimumRegionArea`, unchanged masks first.
    /// - Throws: errors of the engine or of `progress`, and `CancellationError` when the calling
    ///   task is cancelled.
    public func masks(
        of image: Image, progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws -> [AutomaticMask] {
        let crops = Crop.all(
            of: image.size, layers: options.cropLayers, overlap: options.cropOverlap)
        let grids = crops.map {
            CropPoints.points(side: options.pointsPerSide(inLayer: $0.layer), size: $0.size)
        }
        let total = grids.reduce(0) { $0 + $1.count }
        var done = 0
        try progress(done, total)
        var found: [MaskProposal] = []
        for (crop, points) in zip(crops, grids) {
            let encoded = try EncodedCrop(of: image, crop: crop, engine: engine, options: options)
            var inCrop: [MaskProposal] = []
            for start in stride(from: 0, to: points.count, by: options.pointsPerBatch) {
                try Task.checkCancellation()
                let batch = points[start..<min(start + options.pointsPerBatch, points.count)]
                inCrop += try encoded.masks(at: batch)
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

    /// Removes small regions, then duplicates that this produces; unchanged masks have priority.
    private func withoutSmallRegions(_ found: [MaskProposal]) throws -> [MaskProposal] {
        var scores: [Float] = []
        var cleaned: [MaskProposal] = []
        for mask in found {
            try Task.checkCancellation()
            let change = mask.runLength.mask().removingSmallRegions(
                below: options.minimumRegionArea)
            scores.append(change == nil ? 1 : 0)
            cleaned.append(change.map(mask.replacingMask) ?? mask)
        }
        return cleaned.suppressed(
            scores: scores, above: max(options.boxNMS, options.cropNMS))
    }
}

/// IoU of the masks at the thresholds `+offset` and `-offset` of the logits.
///
/// - Returns: 0 to 1; NaN when both masks are empty.
func stabilityScore(_ logits: Planes, offset: Float) -> Float {
    var (high, low) = (0, 0)
    for value in logits.values {
        if value > offset { high += 1 }
        if value > -offset { low += 1 }
    }
    return Float(high) / Float(low)
}

/// Non-maximum suppression, as torchvision's `nms`.
///
/// - Parameters:
///   - boxes: any number of them.
///   - scores: one for each box; higher is better, and the first box wins a tie.
///   - threshold: boxes whose IoU with a selected box is above this are dropped.
/// - Returns: indices of the selected boxes, best first.
func nonMaximumSuppression(
    _ boxes: [MaskBox], scores: [Float], threshold: Double
) -> [Int] {
    // Swift does not guarantee that sorting is stable.
    let order = boxes.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
    var kept: [Int] = []
    for candidate in order {
        let isCovered = kept.contains { Double(boxes[$0].overlap(boxes[candidate])) > threshold }
        if !isCovered { kept.append(candidate) }
    }
    return kept
}

extension Mask {
    /// Fills small holes, then removes small islands, both with 8-connectivity.
    ///
    /// As in segment-anything, background at the image's edge counts as a hole, and if all islands
    /// are small, the largest one stays.
    ///
    /// - Parameter area: regions with fewer pixels are small.
    /// - Returns: the new mask; nil when there was no small region.
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
    /// The component with the most pixels; the first one in OpenCV's order wins a tie.
    ///
    /// With 8-connectivity, OpenCV numbers components by the first 2x2 block of pixels that they
    /// reach, not by their first pixel.
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
