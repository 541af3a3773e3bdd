import Datasets

/// The prompts of training: strategies and how often each is drawn.
///
/// As text: `click*3,box*2,clicks:3,background:2,corrections:2,prompt-free`.
public struct PromptMix: Hashable, Sendable {
    /// A strategy and how often it is drawn.
    public struct Part: Hashable, Sendable {
        /// How the prompt is made.
        public let kind: PromptStrategy
        /// Its weight among the parts.
        public let share: Double

        /// - Parameters:
        ///   - kind: how the prompt is made.
        ///   - share: its weight among the parts, positive.
        public init(_ kind: PromptStrategy, share: Double = 1) {
            self.kind = kind
            self.share = share
        }
    }

    /// The parts; at least one.
    public let parts: [Part]

    /// - Parameter parts: at least one.
    public init(_ parts: [Part]) {
        precondition(!parts.isEmpty, "a step needs a prompt strategy")
        self.parts = parts
    }

    /// Draws a strategy.
    ///
    /// - Parameter random: of the step.
    /// - Returns: one of the parts' strategies.
    public func draw(using random: inout SampleRandom) -> PromptStrategy {
        var place = random.uniform(0..<parts.reduce(0) { $0 + $1.share })
        for part in parts {
            place -= part.share
            if place < 0 { return part.kind }
        }
        return parts[parts.count - 1].kind
    }

    /// Whether every step is without a prompt.
    public var isPromptFree: Bool { parts.allSatisfy { $0.kind == .promptFree } }
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

extension PromptMix {
    /// Reads the form of ``description``.
    ///
    /// - Parameter text: strategies with their shares, separated by commas.
    /// - Throws: ``TrainingError/prompts(_:)`` with the part that means nothing.
    public init(_ text: String) throws(TrainingError) {
        var parts: [Part] = []
        for word in text.split(separator: ",").map({ $0.trimmingPrefix(" ") }) {
            let pieces = word.split(separator: "*", maxSplits: 1)
            let share = pieces.count == 2 ? Double(pieces[1]) : 1
            guard let name = pieces.first, let share, share > 0, share.isFinite,
                let kind = PromptStrategy(String(name)),
                kind.promptCount == 1
            else { throw .prompts(String(word)) }
            parts.append(Part(kind, share: share))
        }
        guard !parts.isEmpty else { throw .prompts(text) }
        self.init(parts)
    }
}
