import Foundation
import Testing

@testable import Segmentation

@Suite("Non-maximum suppression agrees with torchvision")
struct NonMaximumSuppressionTests {
    /// A result of torchvision's compiled `nms`, from `Tools/fixtures/nms.py`.
    struct Case: Decodable {
        let threshold: Double
        let boxes: [[Int]]
        let scores: [Float]
        let kept: [Int]
    }

    private struct File: Decodable {
        let cases: [Case]
    }

    @Test("ties, boxes without area and overlaps equal to the threshold")
    func torchvision() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/automatic/nms.json")
        let cases = try JSONDecoder().decode(File.self, from: Data(contentsOf: file)).cases
        #expect(cases.count == 80)
        for (index, expected) in cases.enumerated() {
            let boxes = expected.boxes.map { MaskBox(x0: $0[0], y0: $0[1], x1: $0[2], y1: $0[3]) }
            let kept = nonMaximumSuppression(
                boxes, scores: expected.scores, threshold: expected.threshold)
            #expect(kept == expected.kept, "case \(index)")
        }
    }
}
