import Imaging

/// A mask from automatic mask generation.
public struct AutomaticMask: Equatable, Sendable {
    /// The mask, of the image's size.
    public let runLength: RunLength
    /// Number of pixels in the mask.
    public let area: Int
    /// Bounding box from centre to centre of the outermost pixels, as in segment-anything: the box
    /// of a single pixel has no area.
    public let box: PixelRectangle
    /// The model's estimate of the mask's IoU with the object; not calibrated.
    public let predictedIoU: Float
    /// The point prompt of the mask, in pixels of the image.
    public let point: PixelPoint
    /// IoU of the masks at a higher and a lower threshold of the logits, 0...1.
    public let stabilityScore: Float
    /// The crop in which the mask was found; unlike ``box``, its end is exclusive.
    public let cropBox: PixelBox

    /// The mask as pixels, decoded from ``runLength`` on each access.
    public var mask: Mask { runLength.mask() }
}

extension AutomaticMask {
    /// What `SamAutomaticMaskGenerator` writes about a mask, with COCO's compressed run lengths.
    public struct Record: Codable, Equatable, Sendable {
        /// A mask in COCO's format.
        public struct Segmentation: Codable, Equatable, Sendable {
            /// `[height, width]`.
            public var size: [Int]
            /// Compressed run lengths.
            public var counts: String
        }

        /// The mask.
        public var segmentation: Segmentation
        /// Number of pixels in the mask.
        public var area: Int
        /// `[x, y, width, height]`, from centre to centre of the outermost pixels.
        public var bbox: [Double]
        /// The model's estimate of the IoU.
        public var predictedIoU: Float
        /// The point prompt, `[[x, y]]`.
        public var pointCoordinates: [[Double]]
        /// IoU of the masks at a higher and a lower threshold.
        public var stabilityScore: Float
        /// The crop, `[x, y, width, height]`.
        public var cropBox: [Int]

        private enum CodingKeys: String, CodingKey {
            case segmentation, area, bbox
            case predictedIoU = "predicted_iou"
            case pointCoordinates = "point_coords"
            case stabilityScore = "stability_score"
            case cropBox = "crop_box"
        }
    }

    /// The record that segment-anything writes for this mask.
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

/// A mask before duplicates are removed, in pixels of the image.
struct MaskProposal {
    var runLength: RunLength
    var box: MaskBox
    var predictedIoU: Float
    var stabilityScore: Float
    var point: PixelPoint
    var crop: Crop

    /// The same proposal with another mask.
    func replacingMask(with mask: Mask) -> MaskProposal {
        var result = self
        result.runLength = mask.runLength()
        result.box = MaskBox(around: mask)
        return result
    }
}

extension [MaskProposal] {
    /// The proposals that non-maximum suppression keeps, best first.
    func suppressed(scores: [Float], above threshold: Double) -> [MaskProposal] {
        nonMaximumSuppression(map(\.box), scores: scores, threshold: threshold).map { self[$0] }
    }
}

extension AutomaticMask {
    init(_ found: MaskProposal) {
        runLength = found.runLength
        // Runs alternate between background and mask, background first.
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

/// Bounding box of a mask from centre to centre of the outermost pixels, as in segment-anything.
///
/// The box of a single pixel has no area. All coordinates are 0 for an empty mask.
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

    /// A box in pixels of a crop as a box in pixels of the image.
    func moved(from crop: PixelBox) -> MaskBox {
        MaskBox(x0: x0 + crop.x0, y0: y0 + crop.y0, x1: x1 + crop.x0, y1: y1 + crop.y0)
    }

    /// Whether an edge of the box lies within 20 pixels of the crop's edge, but not of the image's
    /// edge: the object then probably extends beyond the crop.
    ///
    /// The box is in pixels of the image.
    func isNearCropEdge(of crop: PixelBox, in size: Size) -> Bool {
        let edges = [
            (x0, crop.x0, 0), (y0, crop.y0, 0),
            (x1, crop.x1, size.width), (y1, crop.y1, size.height),
        ]
        return edges.contains { edge, crop, image in
            abs(edge - crop) <= 20 && abs(edge - image) > 20
        }
    }

    /// IoU of the two boxes, in single precision as in torchvision; NaN for two boxes without area.
    func overlap(_ other: MaskBox) -> Float {
        let width = max(0, min(Float(x1), Float(other.x1)) - max(Float(x0), Float(other.x0)))
        let height = max(0, min(Float(y1), Float(other.y1)) - max(Float(y0), Float(other.y0)))
        let both = width * height
        return both / (area + other.area - both)
    }

    private var area: Float { (Float(x1) - Float(x0)) * (Float(y1) - Float(y0)) }
}
