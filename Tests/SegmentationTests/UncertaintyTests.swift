import Foundation
import Imaging
import Testing

@testable import Segmentation

/// A decoder whose object is a disc of radius 20 around the click, or the ellipse in the box.
///
/// The edge of its logits has a width of some pixels. The image has 128 x 128 pixels.
private final class DiscImage: EncodedImage, @unchecked Sendable {
    let model: ModelDescription
    let geometry = InputGeometry(
        original: Size(height: 128, width: 128), inputSize: 256, preprocessing: .liteMedSAM)
    private(set) var prompts: [Prompt] = []
    /// For each prompt, whether an object is found.
    private let presence: @Sendable (Int) -> Float

    init(presence: @escaping @Sendable (Int) -> Float = { _ in 0.9 }) {
        model = ModelDescription(name: "m", architecture: .samusLite, sha256: "", licence: nil)
        self.presence = presence
    }

    func predict(_ prompts: [Prompt.Checked], multimask: Bool) -> [[MaskPrediction]] {
        prompts.map { checked in
            let prompt = checked.prompt
            let box =
                prompt.box ?? prompt.clicks.first.map {
                    PixelRectangle(
                        x0: $0.point.x - 20, y0: $0.point.y - 20, x1: $0.point.x + 20,
                        y1: $0.point.y + 20)
                } ?? PixelRectangle(x0: 0, y0: 0, x1: 1, y1: 1)
            let (cx, cy) = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
            let (a, b) = ((box.x1 - box.x0) / 2, (box.y1 - box.y0) / 2)
            let values = (0..<128 * 128).map { index -> Float in
                let (x, y) = (Double(index % 128) - cx, Double(index / 128) - cy)
                return Float(20 * (1 - (x * x / (a * a) + y * y / (b * b)).squareRoot()))
            }
            self.prompts.append(prompt)
            return [
                MaskPrediction(
                    logits: Planes(channels: 1, height: 128, width: 128, values: values),
                    iouEstimate: 0.8, presence: presence(self.prompts.count))
            ]
        }
    }

    func predictPromptFree() throws -> MaskPrediction { throw EngineError.needsPrompt(model: "m") }
}

@Suite("Uncertainty of a mask")
struct UncertaintyTests {
    private func measured(
        _ prompt: Prompt.Checked, in image: DiscImage
    ) throws -> MaskUncertainty {
        let result = try image.segment(prompt, multimask: false)[0]
        return try image.uncertainty(of: result, for: prompt)
    }

    @Test("a click is moved by a tenth of the root of the area, the same in every run")
    func movedClicks() throws {
        let image = DiscImage()
        let prompt = try Prompt.point(x: 64, y: 64).checked(for: image.size)
        let uncertainty = try measured(prompt, in: image)
        let points = image.prompts.dropFirst().map { $0.clicks[0].point }
        #expect(points.count == MaskUncertainty.promptCount - 1)
        let area = Double.pi * 400
        let spread =
            (points.map { ($0.x - 64) * ($0.x - 64) + ($0.y - 64) * ($0.y - 64) }
            .reduce(0, +) / Double(2 * points.count)).squareRoot()
        let expected = 0.1 * area.squareRoot()
        // Sixteen points: a spread between half and twice the one that is meant.
        #expect(spread > expected / 2 && spread < 2 * expected, "\(spread) \(expected)")
        #expect(try measured(prompt, in: DiscImage()) == uncertainty)
    }

    @Test("each side of a box is moved by at most 5 %, and stays in the image")
    func movedBoxes() throws {
        let image = DiscImage()
        let box = PixelRectangle(x0: 0, y0: 20, x1: 80, y1: 60)
        _ = try measured(Prompt(box: box).checked(for: image.size), in: image)
        let boxes = image.prompts.dropFirst().compactMap(\.box)
        #expect(boxes.count == MaskUncertainty.promptCount - 1)
        for moved in boxes {
            #expect((0...4).contains(moved.x0) && (76...84).contains(moved.x1))
            #expect((18...22).contains(moved.y0) && (58...62).contains(moved.y1))
        }
        #expect(Set(boxes.map(\.y0)).count > 10)
    }

    @Test("probabilities: 1 in the middle, 0 outside, between them at the edge of moved masks")
    func probabilities() throws {
        let image = DiscImage()
        let map = try measured(Prompt.point(x: 64, y: 64).checked(for: image.size), in: image)
        func value(_ x: Int, _ y: Int) -> Float { map.probabilities.values[y * 128 + x] }
        #expect(value(64, 64) > 0.99 && value(110, 64) < 0.01)
        #expect(value(84, 64) > 0.1 && value(84, 64) < 0.9)
        #expect(map.image.pixels[64 * 128 + 64] > 250)
        // The disc's area is in the interval, and the interval grows as the level falls.
        let (narrow, wide) = (map.areaInterval(level: 0.4), map.areaInterval(level: 0.05))
        #expect(wide.contains(1257) && wide.contains(narrow.lowerBound))
        #expect(wide.contains(narrow.upperBound) && wide.count > narrow.count)
    }

    @Test("a moved prompt that finds nothing counts as an empty mask")
    func nothingFound() throws {
        let image = DiscImage { $0 <= 9 ? 0.9 : 0.1 }
        let map = try measured(Prompt.point(x: 64, y: 64).checked(for: image.size), in: image)
        let middle = map.probabilities.values[64 * 128 + 64]
        #expect(abs(middle - 9 / 17) < 0.01, "\(middle)")
        let empty = DiscImage { _ in 0.1 }
        let none = try measured(Prompt.point(x: 64, y: 64).checked(for: empty.size), in: empty)
        #expect(none.areaInterval(level: 0.05) == 0...0)
    }

    @Test("the level that contains an area is the largest one whose interval does")
    func levels() {
        // 100 pixels each of probability 0.995, 0.985, ... 0.005.
        let values = (0..<100).flatMap { [Float](repeating: 0.995 - Float($0) / 100, count: 100) }
        let map = MaskUncertainty(
            probabilities: Planes(channels: 1, height: 100, width: 100, values: values))
        for area in [150, 2000, 4950, 5050, 7000, 9990] {
            let level = map.level(containing: area)
            #expect(map.areaInterval(level: level - 0.001).contains(area), "\(area) \(level)")
            #expect(
                level > 0.48 || !map.areaInterval(level: level + 0.02).contains(area),
                "\(area) \(level)")
        }
        #expect(map.level(containing: 5000) > 0.48)
        #expect(map.level(containing: 10_001) == 0)
    }

    @Test("nine of ten areas are inside the interval of the level that is chosen")
    func coverage() throws {
        let levels = (1...99).map { Double($0) / 200 }
        let level = try #require(AreaLevels.level(covering: levels.shuffled()))
        #expect(levels.count { $0 >= level } == 90)
        #expect(AreaLevels.level(covering: []) == nil)
        #expect(AreaLevels.level(covering: [0.3, 0.4]) == 0)
        let stated = AreaLevels(click: 0.1, box: 0.2)
        #expect(stated.level(for: .point(x: 1, y: 1)) == 0.1)
        #expect(stated.level(for: .box(x0: 0, y0: 0, x1: 1, y1: 1)) == 0.2)
    }
}
