import Ultrasound

/// What of one report is compared with what of the other.
struct PairedVariant: Equatable {
    let first: Variant
    let second: Variant

    /// The one with a prompt, for tables.
    var shown: Variant { first.isPrompted || !second.isPrompted ? first : second }

    /// All that two reports have in common: the same prompts, or those of one and masks that the
    /// other made without any.
    ///
    /// - Parameters:
    ///   - first: what differences are taken from.
    ///   - second: what is compared with it.
    ///   - only: these prompts alone.
    /// - Returns: at least one.
    /// - Throws: ``EvaluationError/notComparable(_:)`` when prompts or random clicks differ.
    static func all(
        of first: EvaluationReport, _ second: EvaluationReport, only: [LabelPrompt]?
    ) throws(EvaluationError) -> [PairedVariant] {
        let (one, other) = (first.cases.prompts, second.cases.prompts)
        let (alone, otherAlone) = (unprompted(one), unprompted(other))
        if let alone, otherAlone == nil {
            return try variants(other, only).map { PairedVariant(first: alone, second: $0) }
        }
        if let otherAlone, alone == nil {
            return try variants(one, only).map { PairedVariant(first: $0, second: otherAlone) }
        }
        if let alone, let otherAlone, only == nil {
            return [PairedVariant(first: alone, second: otherAlone)]
        }
        if only == nil, Set(one) != Set(other) {
            throw .notComparable(
                "their prompts differ: \(words(one)) and \(words(other)); name those of both "
                    + "with --prompt")
        }
        let chosen = try variants(one, only)
        _ = try variants(other, only)
        guard
            !chosen.contains(where: { ($0.prompt?.count ?? 1) > 1 })
                || first.options.seed == second.options.seed
        else {
            throw .notComparable(
                "their random clicks differ: the seeds are \(first.options.seed) and "
                    + "\(second.options.seed)")
        }
        return chosen.map { PairedVariant(first: $0, second: $0) }
    }

    /// The way masks were made where no label told of the object; nil where one did.
    private static func unprompted(_ prompts: [LabelPrompt?]) -> Variant? {
        guard prompts.count == 1, let prompt = prompts.first, prompt?.isPrompted != true else {
            return nil
        }
        return Variant(prompt: prompt, reduction: .single)
    }

    private static func variants(
        _ prompts: [LabelPrompt?], _ only: [LabelPrompt]?
    ) throws(EvaluationError) -> [Variant] {
        if let missing = only?.first(where: { !prompts.contains($0) }) {
            throw .notComparable("not both have '\(missing)': one has \(words(prompts))")
        }
        return (only.map { $0.map(Optional.some) } ?? prompts).flatMap(Variant.all)
    }

    private static func words(_ prompts: [LabelPrompt?]) -> String {
        prompts.map { $0?.description ?? "masks as given" }.joined(separator: ", ")
    }
}

extension Variant {
    fileprivate var isPrompted: Bool { prompt?.isPrompted == true }
}
