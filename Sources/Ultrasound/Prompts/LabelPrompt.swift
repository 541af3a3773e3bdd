import Foundation

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
