import Foundation
import Imaging
import Testing

@Suite("Polygons and outlines are filled as other programs fill them")
struct PolygonTests {
    /// The distance of a pixel's centre to a polygon's outline.
    private func distance(_ x: Int, _ y: Int, from polygon: [PixelPoint]) -> Double {
        polygon.indices.map { index in
            let (a, b) = (polygon[index], polygon[(index + 1) % polygon.count])
            let (dx, dy) = (b.x - a.x, b.y - a.y)
            let along = (Double(x) - a.x) * dx + (Double(y) - a.y) * dy
            let share = min(max(along / (dx * dx + dy * dy), 0), 1)
            let (ex, ey) = (a.x + share * dx - Double(x), a.y + share * dy - Double(y))
            return (ex * ex + ey * ey).squareRoot()
        }
        .min() ?? .infinity
    }

    // Pillow and OpenCV also draw the outline, between rounded corners.
    @Test("filled polygons equal Pillow's and OpenCV's, except for pixels on the outline")
    func polygons() throws {
        for fixture in try ImportFixtures.read().polygons where fixture.name != "star" {
            let points = fixture.points.map { PixelPoint(x: $0[0], y: $0[1]) }
            let mask = Mask(polygons: [points], size: fixture.size)
            for (name, values) in [("Pillow", fixture.pillow), ("OpenCV", fixture.opencv)] {
                for (index, value) in mask.values.enumerated() where value != values[index] {
                    let (y, x) = index.quotientAndRemainder(dividingBy: fixture.width)
                    #expect(
                        distance(x, y, from: points) < 1.5, "\(fixture.name), \(name): \(x), \(y)")
                }
            }
        }
    }

    @Test("filled polygons equal those of pycocotools, shifted by half a pixel")
    func coco() throws {
        for fixture in try ImportFixtures.read().polygons where fixture.name != "star" {
            let points = fixture.points.map { PixelPoint(x: $0[0] - 0.5, y: $0[1] - 0.5) }
            let mask = Mask(polygons: [points], size: fixture.size)
            let different = mask.values.indices.filter { mask.values[$0] != fixture.coco[$0] }
            #expect(different.count <= 6, "\(fixture.name): \(different.count)")
            for index in different {
                let (y, x) = index.quotientAndRemainder(dividingBy: fixture.width)
                #expect(distance(x, y, from: points) < 1, "\(fixture.name): \(x), \(y)")
            }
        }
    }

    @Test("pixel centres on a left or upper side are inside, on a right or lower side outside")
    func sides() {
        let size = Size(height: 4, width: 6)
        func square(_ x0: Double, _ x1: Double) -> [PixelPoint] {
            [(x0, 1), (x1, 1), (x1, 3), (x0, 3)].map { PixelPoint(x: $0.0, y: Double($0.1)) }
        }
        let left = Mask(polygons: [square(1, 3)], size: size)
        let right = Mask(polygons: [square(3, 5)], size: size)
        #expect(left.boundingBox == PixelBox(x0: 1, y0: 1, x1: 3, y1: 3))
        #expect(right.boundingBox == PixelBox(x0: 3, y0: 1, x1: 5, y1: 3))
        #expect(Mask(polygons: [square(1, 3), square(2, 5)], size: size).area == 8)
    }

    @Test("by the even-odd rule, the centre of a star is outside")
    func evenOdd() throws {
        let star = try #require(ImportFixtures.read().polygons.first { $0.name == "star" })
        let points = star.points.map { PixelPoint(x: $0[0], y: $0[1]) }
        let mask = Mask(polygons: [points], size: star.size)
        #expect(mask.values[12 * star.width + 20] == 0)
        #expect(star.opencv[12 * star.width + 20] == 0)
        #expect(mask.values[6 * star.width + 20] == 1)
    }

    @Test("polygons with corners far outside, without area or without corners do not trap")
    func extremes() {
        let size = Size(height: 5, width: 5)
        let far = [(-1e300, -1e300), (1e300, -1e300), (1e300, 1e300), (-1e300, 1e300)]
            .map { PixelPoint(x: $0.0, y: $0.1) }
        #expect(Mask(polygons: [far], size: size).area == 25)
        let line = [PixelPoint(x: 1, y: 1), PixelPoint(x: 4, y: 4)]
        #expect(Mask(polygons: [line, []], size: size).area == 0)
    }

    @Test("filled holes equal those of OpenCV's flood fill from outside")
    func holes() throws {
        for fixture in try ImportFixtures.read().outlines {
            #expect(
                fixture.mask(fixture.outline).filled() == fixture.mask(fixture.holes),
                "\(fixture.name)")
        }
    }

    @Test("a convex outline that the image's border cuts is filled like OpenCV's ellipse")
    func cutOutlines() throws {
        for fixture in try ImportFixtures.read().outlines {
            let filled = try #require(fixture.mask(fixture.outline).filledConvexOutline())
            let different = zip(filled.values, fixture.disc).count { $0 != $1 }
            #expect(different <= 10, "\(fixture.name): \(different) of \(filled.area) pixels")
        }
    }

    @Test("an outline with a gap is not filled")
    func gap() throws {
        let fixture = try #require(ImportFixtures.read().outlines.first { $0.name == "whole" })
        var values = Array(fixture.outline)
        let place = try #require(values.firstIndex(of: 1))
        for index in place..<place + 12 { values[index] = 0 }
        let open = Mask(width: fixture.width, height: fixture.height, values: values)
        #expect(open.filledConvexOutline() == nil)
        #expect(Mask(width: 3, height: 3, values: .init(repeating: 0, count: 9)).filled().area == 0)
        #expect(
            Mask(width: 3, height: 3, values: .init(repeating: 0, count: 9))
                .filledConvexOutline() == nil)
    }
}
