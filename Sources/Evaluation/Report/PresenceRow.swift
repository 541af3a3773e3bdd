import Ultrasound

/// How often masks say rightly whether an object is in the picture.
public struct PresenceRow: Codable, Equatable, Sendable {
    /// How masks were asked for; nil where they come from files.
    public var prompt: LabelPrompt?
    /// The data set; nil for all of them together.
    public var dataset: String?
    /// The class; nil for all of them together.
    public var label: Int?
    /// Masks of objects that are there.
    public var found: Int
    /// Empty masks of objects that are there: false negatives.
    public var missed: Int
    /// Masks of objects that are not there: false positives.
    public var invented: Int
    /// Empty masks of objects that are not there.
    public var absent: Int
}

extension [EvaluatedCase] {
    /// Presence by prompt, set and class; each of several clicks counts.
    ///
    /// - Returns: rows in the order of `summaries(seed:)`.
    public func presence() -> [PresenceRow] {
        prompts.flatMap { prompt in
            groups.map { group in
                let members = filter { $0.prompt == prompt && group.contains($0) }
                func count(_ presence: Presence) -> Int {
                    members.count { $0.presence == presence }
                }
                return PresenceRow(
                    prompt: prompt, dataset: group.dataset, label: group.label,
                    found: count(.found), missed: count(.missed), invented: count(.invented),
                    absent: count(.absent))
            }
        }
    }
}
