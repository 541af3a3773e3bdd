import Foundation
import Imaging
import Testing

@testable import Measurements

/// A filled ellipse: a pixel is inside when its centre is.
private func ellipse(
    semiAxes a: Double, _ b: Double, angle: Double, spacing: PixelSpacing = .init(x: 1, y: 1),
    size: Size = Size(height: 480, width: 480)
) -> Mask {
    let (centerX, centerY) = (
        Double(size.width) * spacing.x / 2 + 0.13, Double(size.height) * spacing.y / 2 - 0.21
    )
    var values = [UInt8](repeating: 0, count: size.area)
    for y in 0..<size.height {
        for x in 0..<size.width {
            let (dx, dy) = (
                (Double(x) + 0.5) * spacing.x - centerX, (Double(y) + 0.5) * spacing.y - centerY
            )
            let u = (dx * cos(angle) + dy * sin(angle)) / a
            let v = (dy * cos(angle) - dx * sin(angle)) / b
            values[y * size.width + x] = u * u + v * v <= 1 ? 1 : 0
        }
    }
    return Mask(width: size.width, height: size.height, values: values)
}

@Suite("Measurements of a mask agree with the formulas of an ellipse")
struct MaskMeasurementsTests {
    @Test(
        "with square and oblong pixels",
        arguments: [
            PixelSpacing(x: 1, y: 1), PixelSpacing(x: 0.5, y: 1), PixelSpacing(x: 1, y: 0.6),
        ])
    func ellipses(spacing: PixelSpacing) throws {
        let (a, b, angle) = (100.0, 70.0, 0.5)
        let size = Size(height: Int(240 / spacing.y), width: Int(240 / spacing.x))
        let mask = ellipse(semiAxes: a, b, angle: angle, spacing: spacing, size: size)
        let found = try #require(MaskMeasurements(mask, spacing: spacing))
        let truth = Ellipse(
            center: Point(x: 120.13, y: 119.79), semiMajorAxis: a, semiMinorAxis: b, angle: angle)

        #expect(abs(found.area / truth.area - 1) < 1e-3)
        // Four directions are few where pixels are twice as high as wide.
        #expect(abs(found.perimeter / truth.circumference - 1) < 1.5e-2)
        #expect(abs(found.longAxis - 2 * a) < 1)
        #expect(abs(found.shortAxis - 2 * b) < 1)
        let width =
            2
            * (a * a * cos(angle) * cos(angle) + b * b * sin(angle) * sin(angle))
            .squareRoot()
        let height =
            2
            * (a * a * sin(angle) * sin(angle) + b * b * cos(angle) * cos(angle))
            .squareRoot()
        #expect(abs(found.horizontalExtent - width) < 1)
        #expect(abs(found.verticalExtent - height) < 1)
        #expect(abs(found.tallerThanWide - height / width) < 0.02)
        #expect(abs(found.equivalentDiameter - 2 * (a * b).squareRoot()) < 0.1)
        #expect(abs(found.solidity - 1) < 0.02)
        #expect(!found.touchesImageEdge)

        let fitted = try #require(found.ellipse)
        #expect(abs(fitted.semiMajorAxis - a) < 0.1)
        #expect(abs(fitted.semiMinorAxis - b) < 0.1)
        #expect(abs(fitted.angle - angle) < 0.01)
        #expect(abs(fitted.center.x - truth.center.x) < 0.05)
        #expect(abs(fitted.center.y - truth.center.y) < 0.05)
        #expect(abs(fitted.circumference / truth.circumference - 1) < 1e-3)
    }

    @Test("the perimeter of a rotated ellipse is nearer to the truth than a count of pixel steps")
    func perimeter() throws {
        // 1009.24 by Ramanujan; scikit-image: perimeter 1060.9, perimeter_crofton 1008.49.
        let mask = ellipse(semiAxes: 180, 140, angle: 0.4)
        let found = try #require(MaskMeasurements(mask, spacing: .init(x: 1, y: 1)))
        #expect(abs(found.perimeter - 1009.24) < 2)
        #expect(abs(found.circularity - 0.978) < 0.004)
    }

    @Test("one pixel has the extent of a pixel")
    func onePixel() throws {
        let mask = Mask(width: 3, height: 3, values: [0, 0, 0, 0, 1, 0, 0, 0, 0])
        let found = try #require(MaskMeasurements(mask, spacing: .init(x: 0.5, y: 0.25)))
        #expect(found.area == 0.125)
        #expect(found.horizontalExtent == 0.5)
        #expect(found.verticalExtent == 0.25)
        #expect(found.ellipse == nil)
    }

    @Test("an empty mask has no measurements")
    func empty() {
        let mask = Mask(width: 4, height: 4, values: .init(repeating: 0, count: 16))
        #expect(MaskMeasurements(mask, spacing: .init(x: 1, y: 1)) == nil)
    }

    @Test("an object at the edge of the image is reported")
    func edge() throws {
        let mask = Mask(width: 3, height: 2, values: [0, 0, 0, 1, 1, 0])
        let found = try #require(MaskMeasurements(mask, spacing: .init(x: 1, y: 1)))
        #expect(found.touchesImageEdge)
    }
}

@Suite("Ellipses fit boundaries that are only partly known")
struct EllipseTests {
    @Test("half of the boundary is enough")
    func half() throws {
        let points = (0..<60).map { step in
            let angle = Double(step) / 60 * .pi
            return Point(x: 30 + 20 * cos(angle), y: 40 + 12 * sin(angle))
        }
        let fitted = try #require(Ellipse(fitting: points))
        #expect(abs(fitted.semiMajorAxis - 20) < 1e-6)
        #expect(abs(fitted.semiMinorAxis - 12) < 1e-6)
        #expect(abs(fitted.center.x - 30) < 1e-6)
    }

    @Test("points on a line, or too few, give none")
    func degenerate() {
        let line = (0..<20).map { Point(x: Double($0), y: 2 * Double($0)) }
        #expect(Ellipse(fitting: line) == nil)
        #expect(Ellipse(fitting: Array(line.prefix(4))) == nil)
        #expect(Ellipse(fitting: [Point](repeating: Point(x: 1, y: 1), count: 9)) == nil)
    }

    @Test("the circumference of a circle is exact")
    func circle() {
        let circle = Ellipse(
            center: Point(x: 0, y: 0), semiMajorAxis: 3, semiMinorAxis: 3, angle: 0)
        #expect(abs(circle.circumference - 6 * .pi) < 1e-12)
    }
}

private enum HC18 {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../shared/data-large/FetalHead-HC18").standardizedFileURL
    static let isPresent = FileManager.default.fileExists(atPath: folder.path)
}

@Suite("Head circumferences agree with HC18's own")
struct HeadCircumferenceTests {
    /// HC18's labels were filled from outlines and reduced, which moved their boundary outwards by
    /// half a pixel: 0.56 pixels in the mean of all images, with a standard deviation of 0.02.
    @Test(
        "half a pixel inside of the labels' boundary, to 0.3 mm in the mean of every eighth label",
        .enabled(if: HC18.isPresent, "../shared/data-large is not there"))
    func labels() throws {
        let table = try String(
            contentsOf: HC18.folder.appending(path: "index.csv"), encoding: .utf8)
        let lines = table.split(whereSeparator: \.isNewline).map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let columns = lines[0]
        func column(_ name: String) throws -> Int { try #require(columns.firstIndex(of: name)) }
        let (name, x, y, truth) = try (
            column("name"), column("mm_x"), column("mm_y"), column("hc_mm")
        )
        var errors: [Double] = []
        for line in lines.dropFirst().enumerated().filter({ $0.offset % 8 == 0 }).map(\.element) {
            let mask = try Mask.read(
                HC18.folder.appending(path: "label/\(line[name]).png").path)
            let spacing = PixelSpacing(
                x: try #require(Double(line[x])), y: try #require(Double(line[y])))
            let fitted = try #require(MaskMeasurements(mask, spacing: spacing)?.ellipse)
            let head = Ellipse(
                center: fitted.center, semiMajorAxis: fitted.semiMajorAxis - spacing.x / 2,
                semiMinorAxis: fitted.semiMinorAxis - spacing.y / 2, angle: fitted.angle)
            errors.append(abs(head.circumference - (try #require(Double(line[truth])))))
        }
        let mean = errors.reduce(0, +) / Double(errors.count)
        #expect(errors.count == 124)
        #expect(mean < 0.3, "\(mean) mm")
    }
}
