import ArgumentParser
import Imaging
import Segmentation

/// A prompt on one frame, on the command line: `40:point=120,88`.
struct FramePrompt: ExpressibleByArgument, Equatable, Sendable {
    enum Kind: String, CaseIterable {
        case point
        case backgroundPoint = "background-point"
        case box
    }

    /// From 1.
    let frame: Int
    /// One click or a box.
    let prompt: Prompt

    init?(argument: String) {
        guard let match = argument.wholeMatch(of: #/([0-9]{1,7}):([a-z-]+)=(.+)/#),
            let frame = Int(match.1), frame > 0, let kind = Kind(rawValue: String(match.2))
        else { return nil }
        let value = String(match.3)
        self.frame = frame
        switch kind {
        case .point, .backgroundPoint:
            guard let point = PixelPoint(argument: value) else { return nil }
            prompt = Prompt(clicks: [PromptClick(point, isForeground: kind == .point)])
        case .box:
            guard let box = PixelRectangle(argument: value) else { return nil }
            prompt = Prompt(box: box)
        }
    }
}

/// The options of `samus track` that mark the object.
struct TrackPromptOptions: ParsableArguments {
    @OptionGroup
    var clicks: ClickOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("A box around the object, in pixels.", valueName: "x0,y0,x1,y1"))
    var box: PixelRectangle?

    @Option(
        help: ArgumentHelp("The frame of these prompts, from 1.", valueName: "n"))
    var frame = 1

    @Option(
        name: .customLong("at"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A prompt on another frame: 40:point=120,88, 40:background-point=60,20 or "
                + "40:box=90,50,160,120. Repeatable.", valueName: "frame:prompt"))
    var others: [FramePrompt] = []

    func validate() throws {
        guard frame > 0 else { throw ValidationError("--frame counts from 1") }
        guard !clicks.point.isEmpty || box != nil || !others.isEmpty else {
            throw ValidationError(
                "no prompt: give --point x,y or --box x0,y0,x1,y1 on the frame of --frame, or --at "
                    + "FRAME:point=x,y")
        }
        for (number, prompt) in prompts.sorted(by: { $0.key < $1.key }) {
            let boxes = others.count { $0.frame == number && $0.prompt.box != nil }
            guard boxes + (number == frame && box != nil ? 1 : 0) <= 1 else {
                throw ValidationError("frame \(number) has two boxes: give one")
            }
            if number == prompts.keys.min(), prompt.foregroundPoints.isEmpty, prompt.box == nil {
                throw ValidationError(
                    "background points alone do not mark an object: add a point on the object or a "
                        + "box on frame \(number), the first one with a prompt")
            }
        }
    }

    /// The prompts by the numbers of their frames.
    var prompts: [Int: Prompt] {
        var prompts: [Int: Prompt] = [:]
        let clicks = clicks.inOrder
        if !clicks.isEmpty || box != nil { prompts[frame] = Prompt(clicks: clicks, box: box) }
        for other in others {
            var prompt = prompts[other.frame] ?? Prompt()
            prompt.clicks += other.prompt.clicks
            prompt.box = other.prompt.box ?? prompt.box
            prompts[other.frame] = prompt
        }
        return prompts
    }
}
