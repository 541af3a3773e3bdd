import Imaging

/// Finds the objects of a picture without being told where: a click on every point of a grid, and
/// of all masks the sure, the stable and the different ones.
///
/// Computes what segment-anything's `SamAutomaticMaskGenerator` computes (arXiv:2304.02643,
/// appendix B), with the same masks in the same order, but for three things: masks without a pixel
/// are never kept; a picture too small for a layer of crops, or without any mask in them, is no
/// error; and in a crop with fewer pixels along a side than clicks, clicks beyond the last pixel
/// are moved onto its edge.
///
/// Memory, beside the picture and its embedding: the decoder's logits for one batch, `pointsPerBatch`
/// times the candidates (50 MB for 64 clicks, three candidates and logits of 256x256), a few planes
/// of the picture's size, and what was kept so far as run lengths, at most one for each click and
/// candidate. Logits at the picture's size exist for one mask at a time.
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

    /// Finds the objects of a picture.
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
            PointGrid.points(side: options.pointsPerSide(inLayer: $0.layer), size: $0.size)
        }
        let total = grids.reduce(0) { $0 + $1.count }
        var done = 0
        try progress(done, total)
        var found: [FoundMask] = []
        for (crop, points) in zip(crops, grids) {
            let view = try CropView(of: image, crop: crop, engine: engine, options: options)
            var inCrop: [FoundMask] = []
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
    private func withoutSmallRegions(_ found: [FoundMask]) throws -> [FoundMask] {
        var scores: [Float] = []
        var cleaned: [FoundMask] = []
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
