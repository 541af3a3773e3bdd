import Imaging

/// A crop that a model has seen, and what is kept of its masks.
struct CropView {
    private let picture: Size
    private let crop: Crop
    private let embedded: any EmbeddedImage
    private let options: AutomaticMaskOptions

    init(
        of image: Image, crop: Crop, engine: any SegmentationEngine, options: AutomaticMaskOptions
    ) throws {
        picture = image.size
        self.crop = crop
        self.options = options
        embedded = try engine.embed(
            crop.size == image.size ? image : image.cropped(to: crop.box))
    }

    /// The sure and stable masks of some clicks, click after click.
    ///
    /// - Parameter points: in the crop's pixels.
    /// - Returns: at most as many for each click as the decoder has candidates.
    /// - Throws: what the engine throws.
    func masks(at points: some Sequence<PixelPoint>) throws -> [FoundMask] {
        let prompts = try points.map { try Prompt(points: [inside($0)]).checked(for: crop.size) }
        let predictions = try embedded.predict(prompts, multimask: true)
        return zip(prompts, predictions).flatMap { prompt, candidates in
            candidates.compactMap { mask($0, at: prompt.prompt.points[0]) }
        }
    }

    private func inside(_ point: PixelPoint) -> PixelPoint {
        PixelPoint(
            x: min(point.x, Double(crop.size.width) - 0.5),
            y: min(point.y, Double(crop.size.height) - 0.5))
    }

    /// Nil for a mask that is not kept; the cheapest question comes first.
    private func mask(_ prediction: MaskPrediction, at point: PixelPoint) -> FoundMask? {
        // Thresholds are compared in single precision, as PyTorch compares a tensor with a number.
        let isSure = prediction.iouEstimate > Float(options.predictedIoU)
        guard isSure || options.predictedIoU == 0 else { return nil }

        let logits = embedded.geometry.restoredLogits(prediction.logits)
        let stability = stabilityScore(logits, offset: Float(options.stabilityOffset))
        guard stability >= Float(options.stability) || options.stability == 0 else { return nil }

        let mask = Mask(thresholding: logits, above: 0)
        guard mask.area > 0 else { return nil }
        let box = MaskBox(around: mask).moved(from: crop.box)
        guard !box.isNearCropEdge(of: crop.box, in: picture) else { return nil }
        return FoundMask(
            runLength: crop.uncropped(mask, in: picture).runLength(), box: box,
            predictedIoU: prediction.iouEstimate, stabilityScore: stability,
            point: PixelPoint(
                x: point.x + Double(crop.box.x0), y: point.y + Double(crop.box.y0)),
            crop: crop)
    }
}
