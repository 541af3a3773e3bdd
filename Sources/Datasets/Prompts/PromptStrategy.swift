import Foundation
import Segmentation

/// How a prompt is made from the label of an object: what `--prompt` of `samus evaluate` and
/// `--prompts` and `--validation-prompts` of `samus train` take.
public enum PromptStrategy: Hashable, Sendable {
    /// One click on the middle one of the object's pixels in row-major order: the authors' click
    /// for validation and test.
    case fixedClick
    /// N prompts of one click each, on random pixels of the object.
    case randomClicks(Int)
    /// One prompt of N clicks on random pixels of the object.
    case clicks(Int)
    /// One click on a random pixel of the object and N clicks on random pixels of the background.
    case backgroundPoints(Int)
    /// The bounding box, grown on each side by a fraction of its own width or height.
    case box(growth: Double = 0)
    /// The bounding box and one click on a random pixel of the object.
    case boxAndClick
    /// A click or a box first, then N clicks, each where the mask so far is wrong. Needs a model in
    /// the loop. In training each click is on a random wrong pixel; in an evaluation the first click is
    /// in the middle of the object and each other one in the middle of the largest error.
    case corrections(Int)
    /// As a user works: a click or a box, at times on nothing, then up to N clicks, each in the
    /// largest error of the mask so far, more often near its middle. Needs a model in the loop: for training only.
    case interactive(Int)
    /// N clicks or boxes where there is no object: the right answer is that nothing was found.
    case onNothing(Int)
    /// No prompt, for prompt-free models.
    case promptFree

    /// Whether it is a bounding box alone.
    package var isBox: Bool {
        if case .box = self { true } else { false }
    }

    /// Whether clicks follow that correct a mask.
    package var isCorrections: Bool {
        if case .corrections = self { true } else { false }
    }

    /// The largest N of ``randomClicks(_:)``.
    public static let maximumRandomClicks = 1000
    /// The largest N of the other strategies.
    public static let maximumClicks = 16
    /// All strategies as text, for messages.
    public static let forms =
        "fixed, random:N, click, clicks:N, background:N, box, box:P%, box+click, corrections:N, "
        + "interactive:N, nothing:N or prompt-free"

    /// Whether the prompt is made from the label.
    public var usesLabel: Bool { self != .promptFree }

    /// How many prompts one object gets.
    public var promptCount: Int {
        switch self {
        case .randomClicks(let count), .onNothing(let count): count
        default: 1
        }
    }

    /// Whether the clicks depend on the model's masks.
    public var needsModelInLoop: Bool {
        switch self {
        case .corrections, .interactive: true
        default: false
        }
    }

    /// The kinds of prompt that a model trained with this strategy has seen.
    public var kinds: Set<PromptKind> {
        switch self {
        case .fixedClick, .randomClicks, .clicks, .backgroundPoints: [.click]
        case .box: [.box]
        case .onNothing: [.click, .box]
        case .boxAndClick: [.box, .click]
        case .corrections, .interactive: [.box, .click, .mask]
        case .promptFree: []
        }
    }
}

extension PromptStrategy {
    /// The strategy for a model's default kind of prompt, as `ModelDescription.defaultPrompt`.
    ///
    /// - Parameter kind: nil for a prompt-free model.
    public init(_ kind: PromptKind?) {
        switch kind {
        case .click: self = .fixedClick
        case .box, .mask: self = .box()
        case nil: self = .promptFree
        }
    }
}

extension PromptStrategy: LosslessStringConvertible {
    /// Reads the text form, for example `fixed`, `random:5`, `clicks:3`, `background:2`, `box`,
    /// `box:10%`, `box+click`, `corrections:2` or `prompt-free`.
    ///
    /// The words of former versions are read too: `none` and `negatives:N`.
    ///
    /// - Parameter text: one strategy; the result is nil for any other text.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let word = parts.first else { return nil }
        guard parts.count == 2 else {
            guard let strategy = Self.withoutNumber[word] else { return nil }
            self = strategy
            return
        }
        if word == "box" {
            guard parts[1].hasSuffix("%"), let percent = Double(parts[1].dropLast()),
                (0...1000).contains(percent)
            else { return nil }
            self = .box(growth: percent / 100)
            return
        }
        let isLarge = word == "random" || word == "nothing"
        let maximum = isLarge ? Self.maximumRandomClicks : Self.maximumClicks
        // Reports have a row for the click before the first correction.
        let minimum = word == "corrections" ? 0 : 1
        guard let count = Int(parts[1]), (minimum...maximum).contains(count) else { return nil }
        switch word {
        case "random": self = .randomClicks(count)
        case "clicks": self = .clicks(count)
        case "background", "negatives": self = .backgroundPoints(count)
        case "corrections": self = .corrections(count)
        case "interactive": self = .interactive(count)
        case "nothing": self = .onNothing(count)
        default: return nil
        }
    }

    private static let withoutNumber: [String: PromptStrategy] = [
        "fixed": .fixedClick, "click": .clicks(1), "box": .box(), "box+click": .boxAndClick,
        "prompt-free": .promptFree, "none": .promptFree,
    ]

    /// The text form.
    public var description: String {
        switch self {
        case .fixedClick: "fixed"
        case .randomClicks(let count): "random:\(count)"
        case .clicks(1): "click"
        case .clicks(let count): "clicks:\(count)"
        case .backgroundPoints(let count): "background:\(count)"
        case .box(0): "box"
        case .box(let growth): "box:\(String(format: "%.10g", growth * 100))%"
        case .boxAndClick: "box+click"
        case .corrections(let count): "corrections:\(count)"
        case .interactive(let count): "interactive:\(count)"
        case .onNothing(let count): "nothing:\(count)"
        case .promptFree: "prompt-free"
        }
    }

    /// Reads strategies separated by commas.
    ///
    /// - Parameter text: for example `fixed,random:5,box`.
    /// - Returns: at least one strategy; nil if a part cannot be read.
    public static func list(_ text: String) -> [PromptStrategy]? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let strategies = parts.compactMap {
            PromptStrategy($0.trimmingCharacters(in: .whitespaces))
        }
        return strategies.count == parts.count ? strategies : nil
    }

    /// A note for texts that use words of former versions.
    ///
    /// - Parameter text: strategies separated by commas, each with or without `*WEIGHT`.
    /// - Returns: one sentence; nil if the text uses none.
    public static func noteOnFormerWords(in text: String) -> String? {
        let words = text.split(whereSeparator: { $0 == "," || $0 == "*" || $0 == ":" })
            .map { $0.trimmingCharacters(in: .whitespaces) }
        let replaced = [("none", "prompt-free"), ("negatives", "background")].filter {
            words.contains($0.0)
        }
        guard !replaced.isEmpty else { return nil }
        return replaced.map { "'\($0.0)' is now '\($0.1)'" }.joined(separator: ", ")
            + "; the former word will not be accepted by the next release"
    }
}

extension PromptStrategy: Codable {
    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let strategy = PromptStrategy(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text)' is not a prompt strategy")
        }
        self = strategy
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
