import Foundation
import Imaging
import Testing

@testable import Measurements

@Suite("Measurements agree with scikit-image")
struct ScikitImageTests {
    /// See Tools/fixtures/measurements.py.
    struct Expected: Decodable {
        struct Entry: Decodable {
            let name: String
            let area: Int
            let perimeterCrofton, longestDistance, equivalentDiameter, solidity: Double
            let intensityMean, intensityStd: Double
            let intensityMedianLow, intensityMin, intensityMax: Int
        }
        let masks: [Entry]
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/measurements")

    @Test("area, perimeter, diameters, solidity and grey levels of four shapes")
    func shapes() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let expected = try decoder.decode(
            Expected.self, from: Data(contentsOf: Self.folder.appending(path: "expected.json")))
        #expect(expected.masks.count == 4)
        let image = try Image.read(Self.folder.appending(path: "image.png").path)
        for entry in expected.masks {
            let mask = try Mask.read(Self.folder.appending(path: "\(entry.name).png").path)
            let found = try #require(MaskMeasurements(mask, spacing: .init(x: 1, y: 1)))
            #expect(found.area == Double(entry.area))
            #expect(abs(found.perimeter - entry.perimeterCrofton) < 1e-9, "\(entry.name)")
            #expect(abs(found.longAxis - entry.longestDistance) < 1e-9, "\(entry.name)")
            // Its hull is drawn on pixels first.
            #expect(abs(found.solidity - entry.solidity) < 0.02, "\(entry.name)")
            #expect(abs(found.equivalentDiameter - entry.equivalentDiameter) < 1e-9)

            let levels = try #require(GreyLevels(inside: mask, of: image))
            #expect(abs(levels.mean - entry.intensityMean) < 1e-9)
            #expect(abs(levels.standardDeviation - entry.intensityStd) < 1e-9)
            #expect(levels.median == entry.intensityMedianLow)
            #expect(levels.minimum == entry.intensityMin)
            #expect(levels.maximum == entry.intensityMax)
            #expect(levels.histogram.reduce(0, +) == entry.area)
        }
    }

    @Test("grey levels of an empty mask do not exist")
    func empty() {
        let mask = Mask(width: 2, height: 2, values: [0, 0, 0, 0])
        let image = Image(width: 2, height: 2, channels: 1, pixels: [1, 2, 3, 4])
        #expect(GreyLevels(inside: mask, of: image) == nil)
    }
}

@Suite("The distance of two masks is the thickness between them")
struct MaskDistanceTests {
    /// A band of pixels whose centres lie between two lines.
    private func band(from top: Double, to bottom: Double, slope: Double) -> Mask {
        let size = Size(height: 160, width: 200)
        var values = [UInt8](repeating: 0, count: size.area)
        for y in 0..<size.height {
            for x in 20..<180 {
                let offset = Double(y) + 0.5 - slope * (Double(x) + 0.5)
                values[y * size.width + x] = offset >= top && offset < bottom ? 1 : 0
            }
        }
        return Mask(width: size.width, height: size.height, values: values)
    }

    @Test("of horizontal layers, in mm with oblong pixels")
    func horizontal() throws {
        let (upper, lower) = (band(from: 20, to: 30, slope: 0), band(from: 70, to: 90, slope: 0))
        let found = try #require(
            MaskDistance(from: upper, to: lower, spacing: .init(x: 0.1, y: 0.2)))
        #expect(abs(found.minimum - 8) < 1e-9)
        #expect(abs(found.median - 8) < 1e-9)
        #expect(found.standardDeviation < 0.01)
        #expect(found.points >= 160)
    }

    @Test("of inclined layers, along their normal")
    func inclined() throws {
        let slope = 0.25
        let (upper, lower) = (
            band(from: 10, to: 20, slope: slope), band(from: 60, to: 70, slope: slope)
        )
        let found = try #require(MaskDistance(from: upper, to: lower, spacing: .init(x: 1, y: 1)))
        let truth = 40 / (1 + slope * slope).squareRoot()
        #expect(abs(found.median - truth) < found.uncertainty)
        #expect(abs(found.mean - truth) < found.uncertainty)
    }

    @Test("is 0 where they overlap, and does not exist for an empty mask")
    func edges() throws {
        let mask = band(from: 20, to: 40, slope: 0)
        let other = band(from: 30, to: 60, slope: 0)
        #expect(MaskDistance(from: mask, to: other, spacing: .init(x: 1, y: 1))?.minimum == 0)
        let empty = Mask(width: 200, height: 160, values: .init(repeating: 0, count: 32000))
        #expect(MaskDistance(from: mask, to: empty, spacing: .init(x: 1, y: 1)) == nil)
    }
}

@Suite("Intervals of half a pixel")
struct UncertaintyTests {
    @Test("a disk that is half a pixel larger lies within the intervals")
    func disk() throws {
        func disk(_ radius: Double) throws -> MaskMeasurements {
            let values = (0..<200 * 200).map { index -> UInt8 in
                let (x, y) = (Double(index % 200) + 0.5 - 100, Double(index / 200) + 0.5 - 100)
                return x * x + y * y <= radius * radius ? 1 : 0
            }
            return try #require(
                MaskMeasurements(
                    Mask(width: 200, height: 200, values: values), spacing: .init(x: 0.5, y: 0.5)))
        }
        let (small, large) = try (disk(60), disk(60.5))
        #expect(abs(large.area - small.area - small.areaUncertainty) < 0.1 * small.areaUncertainty)
        #expect(
            abs(large.perimeter - small.perimeter - small.perimeterUncertainty)
                < 0.3 * small.perimeterUncertainty)
        #expect(large.longAxis - small.longAxis <= small.lengthUncertainty + 0.25)
    }
}
