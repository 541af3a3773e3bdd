import Imaging

/// What somebody says about one object in a picture, in the picture's own pixels.
public struct Prompt: Equatable, Sendable {
    /// Clicks on the object.
    public var points: [PixelPoint]
    /// Clicks beside it.
    public var negatives: [PixelPoint]
    /// A box around it.
    public var box: PixelRectangle?
    /// A rough mask of it, of the picture's size.
    public var mask: Mask?

    /// A prompt of any combination.
    ///
    /// - Parameters:
    ///   - points: clicks on the object.
    ///   - negatives: clicks beside it.
    ///   - box: a box around it.
    ///   - mask: a rough mask of it, of the picture's size.
    public init(
        points: [PixelPoint] = [], negatives: [PixelPoint] = [], box: PixelRectangle? = nil,
        mask: Mask? = nil
    ) {
        self.points = points
        self.negatives = negatives
        self.box = box
        self.mask = mask
    }

    /// The kinds of prompt it uses.
    public var kinds: Set<PromptKind> {
        var kinds: Set<PromptKind> = []
        if !points.isEmpty || !negatives.isEmpty { kinds.insert(.click) }
        if box != nil { kinds.insert(.box) }
        if mask != nil { kinds.insert(.mask) }
        return kinds
    }
}

/// A way to say which object is meant.
public enum PromptKind: String, Sendable, CaseIterable, Codable {
    case click, box, mask
}

extension PromptKind {
    /// Where a file of weights states the prompts it was trained with, as `box,click`.
    public static let metadataKey = "samus.prompts"

    /// The prompts that a file of weights states.
    ///
    /// - Parameter metadata: the file's remarks.
    /// - Returns: nil where it states none, or something else.
    public static func stated(in metadata: [String: String]) -> Set<PromptKind>? {
        guard let text = metadata[metadataKey] else { return nil }
        let words = text.split(separator: ",")
        let kinds = words.compactMap { PromptKind(rawValue: String($0)) }
        return kinds.count == words.count ? Set(kinds) : nil
    }
}
