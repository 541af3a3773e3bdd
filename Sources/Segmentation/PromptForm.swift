/// What has to agree for prompts to be decoded together.
private struct PromptForm: Hashable {
    let clicks: Int
    let hasBox: Bool
    let hasMask: Bool

    init(_ prompt: Prompt) {
        clicks = prompt.points.count + prompt.negatives.count
        hasBox = prompt.box != nil
        hasMask = prompt.mask != nil
    }
}

extension [Prompt.Checked] {
    /// Decodes prompts in as few passes as their forms allow, for an engine's
    /// ``EmbeddedImage/predict(_:multimask:)``.
    ///
    /// - Parameters:
    ///   - limit: prompts in one pass; more would only cost memory.
    ///   - decode: takes prompts with as many clicks, all or none with a box, all or none with a
    ///     mask, and gives the masks of each.
    /// - Returns: for each prompt its masks.
    /// - Throws: what `decode` throws.
    public func predictedTogether(
        atMost limit: Int = 64, _ decode: ([Prompt]) throws -> [[MaskPrediction]]
    ) rethrows -> [[MaskPrediction]] {
        var results = [[MaskPrediction]](repeating: [], count: count)
        let forms = Dictionary(grouping: indices) { PromptForm(self[$0].prompt) }
        for places in forms.values {
            for start in stride(from: 0, to: places.count, by: limit) {
                let taken = places[start..<Swift.min(start + limit, places.count)]
                for (place, masks) in zip(taken, try decode(taken.map { self[$0].prompt })) {
                    results[place] = masks
                }
            }
        }
        return results
    }
}
