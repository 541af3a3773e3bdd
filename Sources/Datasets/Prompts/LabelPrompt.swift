import Foundation
import Imaging
import Segmentation

/// How a prompt is made from a label: what `--prompt` of `samus evaluate` means.
public enum LabelPrompt: Hashable, Sendable {
    /// The middle one of the object's pixels in row-major order: the authors' click of validation
    /// and test.
    case fixed
    /// As many pixels of the object by chance, each a prompt of its own.
    case random(clicks: Int)
    /// The object's bounding box, grown on each side by a share of its own extent.
    case box(growth: Double)
    /// Nothing: the model finds the object by itself.
    case unprompted

    /// Whether the label says where the object is.
    public var isPrompted: Bool { self != .unprompted }

    /// How many prompts it makes of one label.
    public var count: Int {
        if case .random(let clicks) = self { clicks } else { 1 }
    }

    /// The most random clicks for one object.
    public static let mostClicks = 1000
}

extension LabelPrompt {
    /// Makes prompts of a kind from labels, as `ModelDescription.defaultPrompt` names it.
    ///
    /// - Parameter kind: nil for a prompt-free model.
    public init(_ kind: PromptKind?) {
        switch kind {
        case .click: self = .fixed
        case .box, .mask: self = .box(growth: 0)
        case nil: self = .unprompted
        }
    }
}

extension LabelPrompt: LosslessStringConvertible {
    /// Reads `fixed`, `random:5`, `box`, `box:10%` or `none`.
    ///
    /// - Parameter text: as the command line takes it; nil comes back for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("fixed", 1):
            self = .fixed
        case ("box", 1):
            self = .box(growth: 0)
        case ("none", 1):
            self = .unprompted
        case ("random", 2):
            guard let clicks = Int(parts[1]), (1...Self.mostClicks).contains(clicks) else {
                return nil
            }
            self = .random(clicks: clicks)
        case ("box", 2):
            guard parts[1].hasSuffix("%"), let percent = Double(parts[1].dropLast()),
                (0...1000).contains(percent)
            else { return nil }
            self = .box(growth: percent / 100)
        default:
            return nil
        }
    }

    /// As the command line takes it.
    public var description: String {
        switch self {
        case .fixed: "fixed"
        case .random(let clicks): "random:\(clicks)"
        case .box(0): "box"
        case .box(let growth):
            "box:\(String(format: "%.10g", growth * 100))%"
        case .unprompted: "none"
        }
    }
}

extension LabelPrompt: Codable {
    /// Reads the text of ``description``.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let prompt = LabelPrompt(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text)' is no prompt of a label")
        }
        self = prompt
    }

    /// Writes the text of ``description``.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension LabelPrompt {
    /// The prompts of one object.
    ///
    /// Where the label is empty there is nothing to point at, and each prompt is one click on a
    /// background pixel, told as such, as in the authors' program: the middle one, or random ones.
    ///
    /// - Parameters:
    ///   - mask: the object's pixels, in the image's size.
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
                isEmpty ? Prompt(backgroundPoints: [$0]) : Prompt(foregroundPoints: [$0])
            }
        case .box(let growth):
            prompts = [
                mask.promptBox.map { Prompt(box: $0.grown(byShare: growth, inside: mask.size)) }
                    ?? Prompt(backgroundPoints: mask.middlePixel(inside: false).map { [$0] } ?? [])
            ]
        case .fixed:
            let click = mask.middlePixel(inside: !isEmpty).map { [$0] } ?? []
            prompts = [isEmpty ? Prompt(backgroundPoints: click) : Prompt(foregroundPoints: click)]
        }
        return prompts.map { prompt in
            do throws(PromptError) {
                return try prompt.checked(for: mask.size, allowingOnlyBackgroundPoints: true)
            } catch {
                preconditionFailure("a prompt of a label fits its image: \(error)")
            }
        }
    }
}
