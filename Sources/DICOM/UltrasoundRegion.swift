import Imaging

/// An item of the Sequence of Ultrasound Regions (0018,6011).
///
/// It says what an area of the image shows and how large its pixels are, for every frame of the
/// file.
public struct UltrasoundRegion: Codable, Equatable, Sendable {
    /// Region Spatial Format (0018,6012): 1 is 2D, 2 M-mode, 3 spectral, 4 waveform, 5 graphics.
    public var spatialFormat: Int?
    /// Region Data Type (0018,6014): 1 is tissue.
    public var dataType: Int?
    /// First column, as the file states it; like the next three it may lie outside the image.
    public var minX: Int?
    /// First row.
    public var minY: Int?
    /// Last column.
    public var maxX: Int?
    /// Last row.
    public var maxY: Int?
    /// Physical Units X Direction (0018,6024): 3 is cm.
    public var unitsX: Int?
    /// Physical Units Y Direction (0018,6026).
    public var unitsY: Int?
    /// Width of a pixel in those units; negative where the axis runs to the left.
    public var deltaX: Double?
    /// Height of a pixel in those units; negative where the axis runs upwards.
    public var deltaY: Double?

    /// Whether the region is a 2D image rather than an M-mode, Doppler or ECG strip.
    public var isTwoDimensional: Bool { spatialFormat == 1 }

    /// What the region shows, for messages.
    public var kind: String {
        switch spatialFormat {
        case 1: "2D"
        case 2: "M-mode"
        case 3: "spectral Doppler"
        case 4: "waveform"
        case 5: "graphics"
        default: "unknown"
        }
    }

    /// The pixels of the region in an image.
    ///
    /// Real files state the number of columns as their last column, which is one too many; more
    /// than that is not a rounding, but a region of another image.
    ///
    /// - Parameter size: of the image.
    /// - Returns: nil where the region is empty or does not fit into the image.
    public func box(in size: Size) -> PixelBox? {
        guard let minX, let minY, let maxX, let maxY, 0 <= minX, minX < maxX, maxX <= size.width,
            0 <= minY, minY < maxY, maxY <= size.height
        else { return nil }
        return PixelBox(
            x0: minX, y0: minY, x1: min(maxX + 1, size.width), y1: min(maxY + 1, size.height))
    }

    /// The size of a pixel; nil where the units of both axes are not cm.
    public var spacing: PixelSpacing? {
        guard unitsX == 3, unitsY == 3, let deltaX, let deltaY else { return nil }
        let (x, y) = (10 * abs(deltaX), 10 * abs(deltaY))
        guard x > 0, y > 0, x.isFinite, y.isFinite else { return nil }
        return PixelSpacing(x: x, y: y)
    }
}

/// Where the size of a pixel comes from, or why it is unknown.
public enum Calibration: Equatable, Sendable {
    /// `source` names the attribute, file or option.
    case known(PixelSpacing, source: String)
    /// `reason` is the end of the sentence "no mm: …".
    case unknown(reason: String)

    /// The size of a pixel, if it is known.
    public var spacing: PixelSpacing? {
        if case .known(let spacing, _) = self { spacing } else { nil }
    }

    /// Where the size comes from, if it is known.
    public var source: String? {
        if case .known(_, let source) = self { source } else { nil }
    }

    /// Why the size is not known.
    public var reason: String? {
        if case .unknown(let reason) = self { reason } else { nil }
    }
}

extension DICOMImage {
    /// The size of a pixel in a part of the image, for example the bounding box of a mask.
    ///
    /// The part must lie in exactly one region, and that must be a 2D image in cm. Pixel Spacing
    /// (0028,0030) counts only where the file has no regions. One region that does not fit into the
    /// image shows that the image was resized or cropped after calibration: then no region counts.
    ///
    /// - Parameter part: the part of the image; nil for an empty mask.
    /// - Returns: the size of a pixel with its source, or the reason why it is unknown.
    public func calibration(of part: PixelBox?) -> Calibration {
        guard let regions, !regions.isEmpty else { return spacingWithoutRegions }
        guard let part else { return .unknown(reason: "the mask is empty") }
        let boxes = regions.map { $0.box(in: size) }
        for (index, region) in regions.enumerated() where boxes[index] == nil {
            // A strip of unknown size does not matter for the 2D image.
            guard region.isTwoDimensional else { continue }
            return .unknown(
                reason: "ultrasound region \(index + 1) of the file, columns "
                    + "\(region.minX ?? 0) to \(region.maxX ?? 0) and rows \(region.minY ?? 0) to "
                    + "\(region.maxY ?? 0), does not fit into the image of \(size) pixels, which "
                    + "was resized or cropped after calibration")
        }
        let touched = regions.indices.filter { boxes[$0].map { $0.intersects(part) } ?? false }
        guard let first = touched.first(where: { boxes[$0].map { $0.contains(part) } ?? false })
        else {
            return .unknown(
                reason: touched.isEmpty
                    ? "the mask lies outside the ultrasound regions"
                    : "the mask reaches out of ultrasound region \(touched[0] + 1)")
        }
        let region = regions[first]
        // Regions may overlap, for example a strip drawn over a 2D image.
        for other in touched where other != first && regions[other].isTwoDimensional {
            guard regions[other].spacing == region.spacing else {
                return .unknown(
                    reason: "the mask lies in ultrasound regions \(first + 1) and \(other + 1), "
                        + "whose pixels differ in size")
            }
        }
        guard region.isTwoDimensional else {
            return .unknown(
                reason: "the mask lies in ultrasound region \(first + 1), which is "
                    + "\(region.kind), not 2D")
        }
        guard let spacing = region.spacing else {
            return .unknown(reason: "ultrasound region \(first + 1) is not calibrated in cm")
        }
        return .known(spacing, source: "ultrasound region \(first + 1) of the DICOM file")
    }

    private var spacingWithoutRegions: Calibration {
        guard let pixelSpacing else {
            return .unknown(reason: "the DICOM file has no ultrasound regions and no pixel spacing")
        }
        // Row spacing comes first.
        guard pixelSpacing.count == 2, pixelSpacing.allSatisfy({ $0 > 0 && $0.isFinite }) else {
            return .unknown(reason: "the pixel spacing of the DICOM file is not positive")
        }
        return .known(
            PixelSpacing(x: pixelSpacing[1], y: pixelSpacing[0]),
            source: "pixel spacing of the DICOM file")
    }
}

extension PixelBox {
    fileprivate func contains(_ other: PixelBox) -> Bool {
        x0 <= other.x0 && y0 <= other.y0 && other.x1 <= x1 && other.y1 <= y1
    }

    fileprivate func intersects(_ other: PixelBox) -> Bool {
        x0 < other.x1 && other.x0 < x1 && y0 < other.y1 && other.y0 < y1
    }
}
