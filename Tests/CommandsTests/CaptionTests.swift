import Testing

@testable import Commands

@Suite("The caption of an overlay")
struct CaptionTests {
    private func estimate(_ iou: Float, isFound: Bool = true) -> MaskEstimate {
        MaskEstimate(
            iou: iou, presence: isFound ? 0.9 : 0.25, isFound: isFound,
            isUnsure: isFound && iou < 0.6)
    }

    @Test("the estimates of a few masks are listed")
    func few() {
        let masks = [estimate(0.914), estimate(0.41), estimate(0.2, isFound: false)]
        #expect(
            masks.caption
                == "IoU estimate 0.91, 0.41 (low confidence), none (nothing found, presence 0.25)")
    }

    @Test("those of many are summed up, so that the caption stays short")
    func many() {
        let masks =
            (0..<990).map { _ in estimate(0.8) } + [estimate(0.93), estimate(0.5)]
            + (0..<8).map { _ in estimate(0.1, isFound: false) }
        #expect(
            masks.caption
                == "1000 masks: IoU estimates 0.50 to 0.93, 1 of low confidence, nothing found for 8"
        )
        let empty = (0..<13).map { _ in estimate(0.1, isFound: false) }
        #expect(empty.caption == "13 masks: nothing found for 13")
    }
}
