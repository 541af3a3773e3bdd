/// The boxes that no better box covers: non-maximum suppression, as torchvision's `nms`.
///
/// - Parameters:
///   - boxes: any number of them.
///   - scores: one for each; higher is better, and of equals the first.
///   - threshold: boxes that overlap a kept one more than this are dropped.
/// - Returns: places of the kept ones, best first.
func nonMaximumSuppression(
    _ boxes: [MaskBox], scores: [Float], threshold: Double
) -> [Int] {
    // Sorting is not promised to be stable.
    let order = boxes.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
    var kept: [Int] = []
    for candidate in order {
        let isCovered = kept.contains { Double(boxes[$0].overlap(boxes[candidate])) > threshold }
        if !isCovered { kept.append(candidate) }
    }
    return kept
}
