import Imaging

/// One object that was found without being asked for.
public struct AutomaticMask: Equatable, Sendable {
    /// The mask, of the picture's size.
    public let runLength: RunLength
    /// Pixels inside.
    public let area: Int
    /// From centre to centre of the outermost pixels, as segment-anything counts: a mask of one
    /// pixel has a box without area.
    public let box: PixelRectangle
    /// The model's own estimate of the mask's overlap with the truth, IoU; not calibrated.
    public let predictedIoU: Float
    /// The click that it answers, in the picture's pixels.
    public let point: PixelPoint
    /// How little the mask changes when the cut through its logits moves, 0...1.
    public let stabilityScore: Float
    /// The part of the picture that was looked at; unlike ``box`` it ends after its last pixels.
    public let cropBox: PixelBox

    /// Drawn anew each time: many masks of a large picture are kept as run lengths.
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
