import Imaging

/// A part of the image that is encoded separately.
struct Crop: Equatable {
    var box: PixelBox
    /// 0 is the whole image.
    var layer: Int

    var size: Size { Size(height: box.height, width: box.width) }

    /// A mask of the crop as a mask of the image.
    func uncropped(_ mask: Mask, in image: Size) -> Mask {
        guard mask.size != image else { return mask }
        var values = [UInt8](repeating: 0, count: image.area)
        for y in 0..<mask.height {
            let to = (box.y0 + y) * image.width + box.x0
            values.replaceSubrange(
                to..<to + mask.width, with: mask.values[y * mask.width..<(y + 1) * mask.width])
        }
        return Mask(width: image.width, height: image.height, values: values)
    }

    /// The whole image, then layers of smaller, overlapping crops, column by column.
    ///
    /// Crops without a pixel, which occur in tiny images, are left out (segment-anything fails on
    /// them).
    ///
    /// - Parameters:
    ///   - size: size of the image.
    ///   - layers: number of layers in addition to the whole image.
    ///   - overlap: overlap of the first layer's crops, as a fraction of the shorter side.
    /// - Returns: the crops, the whole image first.
    static func all(of size: Size, layers: Int, overlap: Double) -> [Crop] {
        let whole = PixelBox(x0: 0, y0: 0, x1: size.width, y1: size.height)
        var crops = [Crop(box: whole, layer: 0)]
        for layer in 0..<layers {
            let side = 1 << (layer + 1)
            let shared = Int(
                overlap * Double(min(size.height, size.width)) * (2 / Double(side)))
            let columns = spans(of: size.width, count: side, overlap: shared)
            let rows = spans(of: size.height, count: side, overlap: shared)
            for x in columns {
                for y in rows {
                    let box = PixelBox(
                        x0: x.lowerBound, y0: y.lowerBound, x1: x.upperBound, y1: y.upperBound)
                    crops.append(Crop(box: box, layer: layer + 1))
                }
            }
        }
        return crops
    }

    private static func spans(of length: Int, count: Int, overlap: Int) -> [Range<Int>] {
        // Rounded up.
        let each = (overlap * (count - 1) + length + count - 1) / count
        return (0..<count).compactMap { index in
            let start = (each - overlap) * index
            return start < length ? start..<min(start + each, length) : nil
        }
    }
}

/// An encoded crop, which predicts masks and filters them.
struct EncodedCrop {
    private let imageSize: Size
    private let crop: Crop
    private let embedded: any EncodedImage
    private let options: AutomaticMaskOptions

    init(
        of image: Image, crop: Crop, engine: any SegmentationEngine, options: AutomaticMaskOptions
    ) throws {
        imageSize = image.size
        self.crop = crop
        self.options = options
        embedded = try engine.encode(
            crop.size == image.size ? image : image.cropped(to: crop.box))
    }

    /// The confident and stable masks for some points, in the order of the points.
    ///
    /// - Parameter points: points in pixels of the crop.
    /// - Returns: for each point at most as many masks as the decoder has candidates.
    /// - Throws: errors of the engine.
    func masks(at points: some Sequence<PixelPoint>) throws -> [MaskProposal] {
        let prompts = try points.map {
            try Prompt(foregroundPoints: [inside($0)]).checked(for: crop.size)
        }
        let predictions = try embedded.predict(prompts, multimask: true)
        return zip(prompts, predictions).flatMap { prompt, candidates in
            candidates.compactMap { mask($0, at: prompt.prompt.foregroundPoints[0]) }
        }
    }

    private func inside(_ point: PixelPoint) -> PixelPoint {
        PixelPoint(
            x: min(point.x, Double(crop.size.width) - 0.5),
            y: min(point.y, Double(crop.size.height) - 0.5))
    }

    /// The proposal of a prediction; nil if a filter, applied from cheap to expensive, drops it.
    private func mask(_ prediction: MaskPrediction, at point: PixelPoint) -> MaskProposal? {
        // In single precision, as PyTorch compares a tensor with a number.
        let isConfident = prediction.iouEstimate > Float(options.predictedIoU)
        guard isConfident || options.predictedIoU == 0 else { return nil }

        let logits = embedded.geometry.restoredLogits(prediction.logits)
        let stability = stabilityScore(logits, offset: Float(options.stabilityOffset))
        guard stability >= Float(options.stability) || options.stability == 0 else { return nil }

        let mask = Mask(thresholding: logits, above: 0)
        guard !mask.isEmpty else { return nil }
        let box = MaskBox(around: mask).moved(from: crop.box)
        guard !box.isNearCropEdge(of: crop.box, in: imageSize) else { return nil }
        return MaskProposal(
            runLength: crop.uncropped(mask, in: imageSize).runLength(), box: box,
            predictedIoU: prediction.iouEstimate, stabilityScore: stability,
            point: PixelPoint(
                x: point.x + Double(crop.box.x0), y: point.y + Double(crop.box.y0)),
            crop: crop)
    }
}
