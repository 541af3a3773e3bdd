import Imaging
import Segmentation
import Ultrasound

extension PromptMix.Kind {
    /// Points at an object at random.
    ///
    /// An object without pixels gets one click beside it, whatever the kind.
    ///
    /// - Parameters:
    ///   - inside: the object in the input's frame.
    ///   - extent: the picture's part of the input, where all clicks lie.
    ///   - random: of the sample in this epoch.
    /// - Returns: in pixels of the input; corrections begin with a click or a box.
    func prompt(
        on inside: Mask, within extent: Size, using random: inout SampleRandom
    ) -> Prompt {
        let prompts = TrainingPrompts(of: inside.cropped(to: extent))
        switch self {
        case .none: return Prompt()
        case .clicks(let count): return prompts.clicks(count, using: &random)
        case .negatives(let count):
            return prompts.clicks(1, negatives: count, using: &random)
        case .box: return prompts.box(using: &random)
        case .boxAndClick:
            var prompt = prompts.clicks(1, using: &random)
            prompt.box = prompts.box(using: &random).box
            return prompt
        case .corrections:
            return random.happens(0.5)
                ? prompts.box(using: &random) : prompts.clicks(1, using: &random)
        }
    }
}

extension Prompt {
    /// The fixed prompt of a validation: the authors' click, or the object's box.
    ///
    /// - Parameters:
    ///   - pointing: which of them.
    ///   - inside: the object.
    init(_ pointing: Validation.Pointing, on inside: Mask) {
        self.init()
        switch pointing {
        case .box where inside.area > 0: box = inside.promptBox
        case .box, .click:
            let click = inside.middlePixel(inside: inside.area > 0)
            if inside.area > 0 {
                points += [click].compactMap(\.self)
            } else {
                negatives += [click].compactMap(\.self)
            }
        case .none: break
        }
    }

    /// What has to agree for prompts to be decoded together.
    struct Form: Hashable {
        let clicks: Int
        let hasBox: Bool
    }

    var form: Form { Form(clicks: points.count + negatives.count, hasBox: box != nil) }

    /// The same prompt with its clicks in a grid finer by a factor: the middles of the same places.
    func scaled(by factor: Double) -> Prompt {
        func scaled(_ point: PixelPoint) -> PixelPoint {
            PixelPoint(x: (point.x + 0.5) * factor - 0.5, y: (point.y + 0.5) * factor - 0.5)
        }
        return Prompt(
            points: points.map(scaled), negatives: negatives.map(scaled), box: box, mask: mask)
    }
}
