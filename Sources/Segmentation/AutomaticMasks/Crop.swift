import Imaging

/// A part of the image that is looked at by itself.
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

    /// The whole image, and layer after layer of smaller, overlapping crops, column by column.
    ///
    /// Crops that a tiny image leaves without a pixel are not among them (segment-anything fails
    /// on these).
    ///
    /// - Parameters:
    ///   - size: of the image.
    ///   - layers: how many layers beside the image itself.
    ///   - overlap: of the first layer's crops, in parts of the shorter side.
    /// - Returns: the whole image first.
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

/// A crop that a model has seen, and what is kept of its masks.
struct CropView {
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

    /// The sure and stable masks of some clicks, click after click.
    ///
    /// - Parameter points: in the crop's pixels.
    /// - Returns: at most as many for each click as the decoder has candidates.
    /// - Throws: what the engine throws.
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

    /// Nil for a mask that is not kept; the cheapest question comes first.
    private func mask(_ prediction: MaskPrediction, at point: PixelPoint) -> MaskProposal? {
        // Thresholds are compared in single precision, as PyTorch compares a tensor with a number.
        let isSure = prediction.iouEstimate > Float(options.predictedIoU)
        guard isSure || options.predictedIoU == 0 else { return nil }

        let logits = embedded.geometry.restoredLogits(prediction.logits)
        let stability = stabilityScore(logits, offset: Float(options.stabilityOffset))
        guard stability >= Float(options.stability) || options.stability == 0 else { return nil }

        let mask = Mask(thresholding: logits, above: 0)
        guard mask.area > 0 else { return nil }
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
