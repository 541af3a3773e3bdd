import Foundation
import Imaging

/// Measurements of one object in millimetres, from its mask and the size of a pixel.
///
/// All pixels of the mask are one object. Horizontal and vertical pixel sizes may differ.
public struct MaskMeasurements: Equatable, Sendable {
    /// Area in mm²: the number of pixels times the area of one.
    public let area: Double
    /// Length of the boundary in mm, by Crofton's formula in four directions; holes count.
    public let perimeter: Double
    /// Largest distance of two boundary points in mm (maximum Feret diameter).
    public let longAxis: Double
    /// Extent perpendicular to ``longAxis`` in mm.
    public let shortAxis: Double
    /// Vertical extent in mm: anteroposterior in the usual position of the probe.
    public let verticalExtent: Double
    /// Horizontal extent in mm: transverse in the usual position of the probe.
    public let horizontalExtent: Double
    /// Area of the convex hull in mm².
    public let hullArea: Double
    /// Ellipse fitted to the outer boundary; nil where no ellipse fits.
    public let ellipse: Ellipse?
    /// Whether the object touches the edge of the image, so that part of it may be missing.
    public let touchesImageEdge: Bool
    /// Change of ``area`` in mm² when the boundary moves by half a pixel.
    public let areaUncertainty: Double
    /// Change of ``perimeter`` in mm when the boundary moves by half a pixel: `2π` times half a pixel,
    /// as for every convex shape.
    public let perimeterUncertainty: Double
    /// Change of a length in mm when both its ends move by half a pixel.
    public let lengthUncertainty: Double

    /// Diameter in mm of the circle with the same area.
    public var equivalentDiameter: Double { 2 * (area / .pi).squareRoot() }

    /// `4π area / perimeter²`: 1 for a circle, less for every other shape.
    public var circularity: Double { 4 * .pi * area / (perimeter * perimeter) }

    /// Area over the area of the convex hull, at most 1.
    public var solidity: Double { area / hullArea }

    /// Vertical over horizontal extent; above 1 is "taller than wide" (ACR TI-RADS).
    public var tallerThanWide: Double { verticalExtent / horizontalExtent }

    /// Measures a mask; nil when no pixel is inside.
    ///
    /// - Parameters:
    ///   - mask: the object.
    ///   - spacing: size of a pixel in mm.
    public init?(_ mask: Mask, spacing: PixelSpacing) {
        let contours = mask.contours()
        guard mask.area > 0, !contours.isEmpty else { return nil }
        let boundary = contours.filter { !$0.isHole }.flatMap { $0.edgeMiddles() }
        let columns = boundary.map(\.x)
        let rows = boundary.map(\.y)
        guard let left = columns.min(), let right = columns.max(), let top = rows.min(),
            let bottom = rows.max()
        else { return nil }
        let hull = ConvexHull(of: boundary.map { Point(x: $0.x * spacing.x, y: $0.y * spacing.y) })
        let (longest, direction) = hull.diameter

        area = Double(mask.area) * spacing.x * spacing.y
        perimeter = mask.croftonPerimeter(spacing: spacing)
        longAxis = longest
        shortAxis = hull.extent(along: Point(x: -direction.y, y: direction.x))
        verticalExtent = (bottom - top) * spacing.y
        horizontalExtent = (right - left) * spacing.x
        hullArea =
            ConvexHull(
                of: contours.flatMap(\.corners).map {
                    Point(x: Double($0.x) * spacing.x, y: Double($0.y) * spacing.y)
                }
            ).area
        touchesImageEdge =
            left == 0 || top == 0 || right == Double(mask.width) || bottom == Double(mask.height)
        let inside = boundary.filter {
            $0.x > 0 && $0.y > 0 && $0.x < Double(mask.width) && $0.y < Double(mask.height)
        }
        ellipse = Ellipse(
            fitting: inside.map { Point(x: $0.x * spacing.x, y: $0.y * spacing.y) })
        let pixel = (spacing.x * spacing.y).squareRoot()
        areaUncertainty = perimeter * pixel / 2
        perimeterUncertainty = .pi * pixel
        lengthUncertainty = pixel
    }
}

extension Contour {
    /// Middles of all pixel edges along the contour, in pixels from the image's top left corner.
    func edgeMiddles() -> [Point] {
        corners.indices.flatMap { index -> [Point] in
            let (start, end) = (corners[index], corners[(index + 1) % corners.count])
            let steps = max(abs(end.x - start.x), abs(end.y - start.y))
            let (dx, dy) = ((end.x - start.x).signum(), (end.y - start.y).signum())
            return (0..<steps).map { step in
                Point(
                    x: Double(start.x) + (Double(step) + 0.5) * Double(dx),
                    y: Double(start.y) + (Double(step) + 0.5) * Double(dy))
            }
        }
    }
}

extension Mask {
    /// Length of the boundary in mm by Crofton's formula: lines in four directions are laid over the
    /// mask, and each crossing stands for a piece of boundary.
    ///
    /// With pixels of unequal sides the directions are weighted by the angle that each stands for
    /// (Legland, Kiêu and Devaux, Image Analysis & Stereology 2007).
    func croftonPerimeter(spacing: PixelSpacing) -> Double {
        var (horizontal, vertical, falling, rising) = (0, 0, 0, 0)
        for y in -1..<height {
            for x in -1..<width {
                let (a, b) = (isInside(x, y), isInside(x + 1, y))
                let (c, d) = (isInside(x, y + 1), isInside(x + 1, y + 1))
                if !a && b { horizontal += 1 }
                if !a && c { vertical += 1 }
                if !a && d { falling += 1 }
                if !b && c { rising += 1 }
            }
        }
        let diagonal = (spacing.x * spacing.x + spacing.y * spacing.y).squareRoot()
        let angle = atan2(spacing.y, spacing.x)
        let alongRows = angle / .pi * spacing.y * Double(horizontal)
        let alongColumns = (.pi / 2 - angle) / .pi * spacing.x * Double(vertical)
        let alongDiagonals =
            spacing.x * spacing.y / diagonal / 4 * Double(falling + rising)
        return .pi * (alongRows + alongColumns + alongDiagonals)
    }

    private func isInside(_ x: Int, _ y: Int) -> Bool {
        x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] != 0
    }
}
