import Ultrasound

/// One way of asking for masks, and of bringing several masks of an object to one number.
public struct Variant: Hashable, Codable, Sendable {
    /// What becomes of the several prompts of one object.
    public enum Reduction: String, Codable, Sendable {
        /// There is only one.
        case single
        /// Their mean.
        case mean
        /// The one with the lowest Dice.
        case worst
    }

    /// How prompts are made; nil where masks come from files.
    public var prompt: LabelPrompt?
    /// What becomes of several.
    public var reduction: Reduction

    /// - Parameters:
    ///   - prompt: how prompts are made; nil where masks come from files.
    ///   - reduction: what becomes of several.
    public init(prompt: LabelPrompt?, reduction: Reduction) {
        self.prompt = prompt
        self.reduction = reduction
    }

    /// The ways of a prompt: one, or mean and worst of several.
    static func all(of prompt: LabelPrompt?) -> [Variant] {
        (prompt?.count ?? 1) == 1
            ? [Variant(prompt: prompt, reduction: .single)]
            : [.init(prompt: prompt, reduction: .mean), .init(prompt: prompt, reduction: .worst)]
    }

    /// As tables call it.
    public var title: String {
        switch (prompt, reduction) {
        case (.random(let clicks)?, .worst): "worst of \(clicks) random clicks"
        case (.random(let clicks)?, .mean): "mean of \(clicks) random clicks"
        default: prompt.title
        }
    }
}

extension LabelPrompt? {
    /// As tables call it.
    var title: String {
        switch self {
        case nil: "masks as given"
        case .fixed: "fixed click"
        case .random(let clicks): clicks == 1 ? "1 random click" : "\(clicks) random clicks"
        case .box(0): "box"
        case .box: "\(self?.description.replacing("box:", with: "box grown by ") ?? "")"
        case .unprompted: "no prompt"
        }
    }

    /// Whether the label told the model where the object is: beside every figure.
    var promptedWord: String {
        switch self {
        case nil: "not stated"
        case let prompt?: prompt.isPrompted ? "prompted" : "unprompted"
        }
    }
}
