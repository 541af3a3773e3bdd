import Datasets

/// What a training step shows of the object, drawn by given shares.
///
/// As text: `click*3,box*2,clicks:3,negatives:2,corrections:2,none`.
public struct PromptMix: Hashable, Sendable {
    /// One way to point at the object.
    public enum Kind: Hashable, Sendable {
        /// Random pixels of the object, as many.
        case clicks(Int)
        /// One random pixel of the object, and as many beside it.
        case backgroundPoints(Int)
        /// The object's box, its sides moved at random.
        case box
        /// The box and one click.
        case boxAndClick
        /// A click or a box first, then as many clicks, each where the mask so far is wrong.
        case corrections(Int)
        /// Nothing: the network finds the object itself.
        case none
    }

    /// A kind and how often it comes.
    public struct Part: Hashable, Sendable {
        /// How it points.
        public let kind: Kind
        /// Its weight among the parts.
        public let share: Double

        /// - Parameters:
        ///   - kind: how it points.
        ///   - share: its weight among the parts, positive.
        public init(_ kind: Kind, share: Double = 1) {
            self.kind = kind
            self.share = share
        }
    }

    /// The parts; at least one.
    public let parts: [Part]

    /// - Parameter parts: at least one.
    public init(_ parts: [Part]) {
        precondition(!parts.isEmpty, "a step needs a way to point")
        self.parts = parts
    }

    /// Draws a kind.
    ///
    /// - Parameter random: of the step.
    /// - Returns: one of the parts' kinds.
    public func draw(using random: inout SampleRandom) -> Kind {
        var place = random.uniform(0..<parts.reduce(0) { $0 + $1.share })
        for part in parts {
            place -= part.share
            if place < 0 { return part.kind }
        }
        return parts[parts.count - 1].kind
    }

    /// Whether every step is without a prompt.
    public var isPromptFree: Bool { parts.allSatisfy { $0.kind == .none } }
}

extension PromptMix: CustomStringConvertible {
    /// As it is written on the command line.
    public var description: String {
        parts.map { part in
            let share = part.share == 1 ? "" : "*\(part.share.formatted())"
            return "\(part.kind)" + share
        }
        .joined(separator: ",")
    }
}

extension PromptMix.Kind: CustomStringConvertible {
    /// As it is written on the command line.
    public var description: String {
        switch self {
        case .clicks(1): "click"
        case .clicks(let count): "clicks:\(count)"
        case .backgroundPoints(let count): "negatives:\(count)"
        case .box: "box"
        case .boxAndClick: "box+click"
        case .corrections(let count): "corrections:\(count)"
        case .none: "none"
        }
    }
}

extension PromptMix {
    /// Reads the form of ``description``.
    ///
    /// - Parameter text: kinds with their shares, separated by commas.
    /// - Throws: ``TrainingError/prompts(_:)`` with the part that means nothing.
    public init(_ text: String) throws(TrainingError) {
        var parts: [Part] = []
        for word in text.split(separator: ",").map({ $0.trimmingPrefix(" ") }) {
            let pieces = word.split(separator: "*", maxSplits: 1)
            let share = pieces.count == 2 ? Double(pieces[1]) : 1
            guard let name = pieces.first, let share, share > 0, share.isFinite,
                let kind = Kind(name)
            else { throw .prompts(String(word)) }
            parts.append(Part(kind, share: share))
        }
        guard !parts.isEmpty else { throw .prompts(text) }
        self.init(parts)
    }
}

extension PromptMix.Kind {
    init?(_ text: Substring) {
        let pieces = text.split(separator: ":", maxSplits: 1)
        let count = pieces.count == 2 ? Int(pieces[1]) : 1
        guard let count, (1...16).contains(count) else { return nil }
        switch (pieces.first, pieces.count) {
        case ("click", 1): self = .clicks(1)
        case ("clicks", 2): self = .clicks(count)
        case ("negatives", 2): self = .backgroundPoints(count)
        case ("box", 1): self = .box
        case ("box+click", 1): self = .boxAndClick
        case ("corrections", 2): self = .corrections(count)
        case ("none", 1): self = .none
        default: return nil
        }
    }
}
