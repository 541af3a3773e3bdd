import Datasets
import Segmentation

/// The prompts of training: strategies and how often each is drawn.
///
/// As text: `click*3,box*2,clicks:3,background:2,corrections:2,prompt-free`.
public struct PromptMix: Hashable, Sendable {
    /// A strategy and how often it is drawn.
    public struct Part: Hashable, Sendable {
        /// How the prompt is made.
        public let strategy: PromptStrategy
        /// Its weight among the parts.
        public let weight: Double

        /// - Parameters:
        ///   - strategy: how the prompt is made.
        ///   - weight: its weight among the parts, positive.
        public init(_ strategy: PromptStrategy, weight: Double = 1) {
            self.strategy = strategy
            self.weight = weight
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
    /// - Parameter random: generator of the draw.
    /// - Returns: the strategy of one part.
    public func draw(using random: inout SampleRandom) -> PromptStrategy {
        var place = random.uniform(0..<parts.reduce(0) { $0 + $1.weight })
        for part in parts {
            place -= part.weight
            if place < 0 { return part.strategy }
        }
        return parts[parts.count - 1].strategy
    }

    /// Whether some steps have no prompt.
    var containsPromptFree: Bool { parts.contains { $0.strategy == .promptFree } }

    /// The kinds of prompt that a network trained with this mix has seen.
    public var promptKinds: Set<PromptKind> {
        parts.reduce(into: []) { $0.formUnion($1.strategy.kinds) }
    }
}

extension PromptMix: CustomStringConvertible {
    /// The text form.
    public var description: String {
        parts.map { part in
            let weight = part.weight == 1 ? "" : "*\(part.weight.formatted())"
            return "\(part.strategy)" + weight
        }
        .joined(separator: ",")
    }

    /// Reads the text form.
    ///
    /// - Parameter text: strategies with their weights, separated by commas.
    /// - Throws: ``TrainingError/prompts(_:)`` with the part that cannot be read.
    public init(_ text: String) throws(TrainingError) {
        var parts: [Part] = []
        for word in text.split(separator: ",").map({ $0.trimmingPrefix(" ") }) {
            let pieces = word.split(separator: "*", maxSplits: 1)
            let weight = pieces.count == 2 ? Double(pieces[1]) : 1
            guard let name = pieces.first, let weight, weight > 0, weight.isFinite,
                let strategy = PromptStrategy(String(name)), strategy.promptCount == 1,
                strategy != .onNothing(1)
            else { throw .prompts(String(word)) }
            parts.append(Part(strategy, weight: weight))
        }
        guard !parts.isEmpty else { throw .prompts(text) }
        self.init(parts)
    }
}
