/// How far a run is.
public enum RunNotice {
    /// A batch is done.
    case step(StepReport, StepMeter)
    /// So many samples of the validation are done.
    case validation(Int, of: Int)
    /// An epoch is done: its number from 1 and its row in the results.
    case epoch(Int, [String: Double])
}

/// How fast the steps since the start of the program were.
public struct StepMeter: Sendable {
    /// Samples of all processes.
    public private(set) var samples = 0
    /// Seconds, waiting included.
    public private(set) var seconds = 0.0
    /// Seconds waited for the loader.
    public private(set) var waited = 0.0

    mutating func add(_ report: StepReport) {
        samples += report.samples
        seconds += report.seconds
        waited += report.waited
    }

    /// Samples a second.
    public var rate: Double { seconds > 0 ? Double(samples) / seconds : 0 }
    /// The share of the time waited for the loader.
    public var waitedShare: Double { seconds > 0 ? waited / seconds : 0 }
}
