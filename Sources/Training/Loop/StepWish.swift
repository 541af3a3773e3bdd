/// What is to happen after a step.
struct StepWish: OptionSet {
    let rawValue: Int

    /// The training ends here, for somebody wants it.
    static let interrupted = StepWish(rawValue: 1)
    /// The training ends here, for the time is over.
    static let timeLimit = StepWish(rawValue: 2)
    /// The state is kept.
    static let keep = StepWish(rawValue: 4)
}
