import Imaging
import Segmentation

extension LabelPrompt {
    /// The prompts of one object.
    ///
    /// Where the label is empty there is nothing to point at, and each prompt is one click on a
    /// background pixel, told as such, as in the authors' program: the middle one, or random ones.
    ///
    /// - Parameters:
    ///   - mask: the object's pixels, in the picture's size.
    ///   - random: what random clicks are drawn from.
    /// - Returns: ``count`` prompts; nil for ``unprompted``.
    public func prompts(
        for mask: Mask, using random: inout some RandomNumberGenerator
    ) -> [Prompt.Checked]? {
        let isEmpty = !mask.values.contains(1)
        let prompts: [Prompt]
        switch self {
        case .unprompted:
            return nil
        case .random(let clicks):
            prompts = mask.randomPixels(clicks, inside: !isEmpty, using: &random).map {
                isEmpty ? Prompt(negatives: [$0]) : Prompt(points: [$0])
            }
        case .box(let growth):
            prompts = [
                mask.promptBox.map { Prompt(box: $0.grown(byShare: growth, inside: mask.size)) }
                    ?? Prompt(negatives: mask.middlePixel(inside: false).map { [$0] } ?? [])
            ]
        case .fixed:
            let click = mask.middlePixel(inside: !isEmpty).map { [$0] } ?? []
            prompts = [isEmpty ? Prompt(negatives: click) : Prompt(points: click)]
        }
        return prompts.map { prompt in
            do throws(PromptError) {
                return try prompt.checked(for: mask.size, allowingOnlyNegatives: true)
            } catch {
                preconditionFailure("a prompt of a label fits its picture: \(error)")
            }
        }
    }
}
