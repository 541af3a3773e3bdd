import Imaging

/// `summary.json`: what came out of a run, in figures.
public struct RunSummary: Codable, Equatable, Sendable {
    /// "research use only, not a medical device".
    public private(set) var notice = ResearchNotice.text
    /// Epochs done.
    public var epochs: Int
    /// Optimizer steps done.
    public var steps: Int
    /// Seconds of work, resumed starts included.
    public var seconds: Double
    /// The step whose weights are `best.safetensors`; nil when nothing was validated.
    public var bestStep: Int?
    /// The validation that made them best, by column of `results.csv`.
    public var best: [String: Double]
    /// The last validation.
    public var last: [String: Double]
    /// Numbers of the network trained in this run.
    public var trainedParameters: Int
    /// Numbers of the network in all.
    public var parameters: Int
    /// Bytes of memory at most; nil where the system does not tell.
    public var peakMemory: Int?
    /// Why the run ended.
    public var end: String

    /// - Parameters:
    ///   - epochs: epochs done.
    ///   - steps: optimizer steps done.
    ///   - seconds: seconds of work, resumed starts included.
    ///   - bestStep: the step whose weights are `best.safetensors`.
    ///   - best: the validation that made them best.
    ///   - last: the last validation.
    ///   - trainedParameters: numbers of the network trained in this run.
    ///   - parameters: numbers of the network in all.
    ///   - peakMemory: bytes of memory at most.
    ///   - end: why the run ended.
    public init(
        epochs: Int, steps: Int, seconds: Double, bestStep: Int?, best: [String: Double],
        last: [String: Double], trainedParameters: Int, parameters: Int,
        peakMemory: Int? = ProcessMemory.peak(), end: String
    ) {
        self.epochs = epochs
        self.steps = steps
        self.seconds = seconds
        self.bestStep = bestStep
        self.best = best
        self.last = last
        self.trainedParameters = trainedParameters
        self.parameters = parameters
        self.peakMemory = peakMemory
        self.end = end
    }

    /// Writes the file, whole or not at all.
    ///
    /// - Parameter path: the file to make or replace.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public func write(to path: String) throws(RunFolderError) {
        try RunJSON.write(self, to: path)
    }
}
