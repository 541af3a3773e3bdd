import Imaging

/// One object that was found without being asked for.
public struct AutomaticMask: Equatable, Sendable {
    /// The mask, of the image's size.
    public let runLength: RunLength
    /// Pixels inside.
    public let area: Int
    /// From centre to centre of the outermost pixels, as segment-anything counts: a mask of one
    /// pixel has a box without area.
    public let box: PixelRectangle
    /// The model's own estimate of the mask's overlap with the truth, IoU; not calibrated.
    public let predictedIoU: Float
    /// The click that it answers, in the image's pixels.
    public let point: PixelPoint
    /// How little the mask changes when the cut through its logits moves, 0...1.
    public let stabilityScore: Float
    /// The part of the image that was looked at; unlike ``box`` it ends after its last pixels.
    public let cropBox: PixelBox

    /// Drawn anew each time: many masks of a large image are kept as run lengths.
    public var mask: Mask { runLength.mask() }
}

extension AutomaticMask {
    /// What `SamAutomaticMaskGenerator` writes about a mask, with COCO's compressed run lengths.
    public struct Record: Codable, Equatable, Sendable {
        /// A mask in COCO's form.
        public struct Segmentation: Codable, Equatable, Sendable {
            /// `[height, width]`.
            public var size: [Int]
            /// Compressed run lengths.
            public var counts: String
        }

        /// The mask.
        public var segmentation: Segmentation
        /// Pixels inside.
        public var area: Int
        /// `[x, y, width, height]`, centre to centre of the outermost pixels.
        public var bbox: [Double]
        /// The model's own estimate of the IoU.
        public var predictedIoU: Float
        /// `[[x, y]]`, the one click.
        public var pointCoordinates: [[Double]]
        /// How little the mask changes when the cut moves.
        public var stabilityScore: Float
        /// `[x, y, width, height]` of the crop, in whole pixels.
        public var cropBox: [Int]

        private enum CodingKeys: String, CodingKey {
            case segmentation, area, bbox
            case predictedIoU = "predicted_iou"
            case pointCoordinates = "point_coords"
            case stabilityScore = "stability_score"
            case cropBox = "crop_box"
        }
    }

    /// The mask as segment-anything writes it.
    public var record: Record {
        Record(
            segmentation: .init(
                size: [runLength.size.height, runLength.size.width], counts: runLength.compressed),
            area: area,
            bbox: [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0],
            predictedIoU: predictedIoU,
            pointCoordinates: [[point.x, point.y]],
            stabilityScore: stabilityScore,
            cropBox: [cropBox.x0, cropBox.y0, cropBox.width, cropBox.height])
    }
}

/// A mask that may still turn out to be a duplicate, in the image's pixels.
struct MaskProposal {
    var runLength: RunLength
    var box: MaskBox
    var predictedIoU: Float
    var stabilityScore: Float
    var point: PixelPoint
    var crop: Crop

    /// The same find with other pixels.
    func redrawn(as mask: Mask) -> MaskProposal {
        var result = self
        result.runLength = mask.runLength()
        result.box = MaskBox(around: mask)
        return result
    }
}

extension [MaskProposal] {
    /// Without those whose boxes better ones cover, best first.
    func suppressed(scores: [Float], above threshold: Double) -> [MaskProposal] {
        nonMaximumSuppression(map(\.box), scores: scores, threshold: threshold).map { self[$0] }
    }
}

extension AutomaticMask {
    init(_ found: MaskProposal) {
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

/// Box around a mask as segment-anything counts it, from centre to centre of the outermost pixels.
///
/// A mask of one pixel has a box without area. All 0 for an empty mask.
struct MaskBox: Equatable {
    var x0 = 0
    var y0 = 0
    var x1 = 0
    var y1 = 0

    init(around mask: Mask) {
        guard let box = mask.boundingBox else { return }
        (x0, y0, x1, y1) = (box.x0, box.y0, box.x1 - 1, box.y1 - 1)
    }

    init(x0: Int, y0: Int, x1: Int, y1: Int) {
        (self.x0, self.y0, self.x1, self.y1) = (x0, y0, x1, y1)
    }

    /// The same box in the image that its crop was cut from.
    func moved(from crop: PixelBox) -> MaskBox {
        MaskBox(x0: x0 + crop.x0, y0: y0 + crop.y0, x1: x1 + crop.x0, y1: y1 + crop.y0)
    }

    /// Whether an edge lies within 20 pixels of an edge of the crop that is not, as near, one of
    /// the image too: then the object likely goes on beyond the crop.
    ///
    /// The box is in the image's pixels.
    func isNearCropEdge(of crop: PixelBox, in size: Size) -> Bool {
        let edges = [
            (x0, crop.x0, 0), (y0, crop.y0, 0),
            (x1, crop.x1, size.width), (y1, crop.y1, size.height),
        ]
        return edges.contains { edge, crop, image in
            abs(edge - crop) <= 20 && abs(edge - image) > 20
        }
    }

    /// Area of both over area of either, in single precision as torchvision computes it; NaN for
    /// two boxes without area.
    func overlap(_ other: MaskBox) -> Float {
        let width = max(0, min(Float(x1), Float(other.x1)) - max(Float(x0), Float(other.x0)))
        let height = max(0, min(Float(y1), Float(other.y1)) - max(Float(y0), Float(other.y0)))
        let both = width * height
        return both / (area + other.area - both)
    }

    private var area: Float { (Float(x1) - Float(x0)) * (Float(y1) - Float(y0)) }
}
