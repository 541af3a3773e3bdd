/// Follows a training: writes files, shows progress, or asks it to stop.
///
/// The trainer calls its observer on one thread. An error that a call throws ends the training.
public protocol TrainingObserver: AnyObject {
    /// Whether the training should end after the step at hand.
    var isStopRequested: Bool { get }

    /// The training starts, or resumes at `trainer.position`.
    func trainingWillStart(_ trainer: Trainer) throws
    /// A batch is done.
    func stepDidEnd(_ step: StepReport, _ trainer: Trainer) throws
    /// The validation has done `count` samples of `total`.
    func validationDidAdvance(_ count: Int, of total: Int)
    /// The validation of an epoch is done; the network has the weights that were validated.
    func validationDidEnd(_ result: Validation.Result, isBest: Bool, _ trainer: Trainer) throws
    /// An epoch is done; the network has the weights that were validated.
    func epochDidEnd(_ epoch: EpochReport, _ trainer: Trainer) throws
    /// A checkpoint will be written: files must hold everything up to this step.
    func checkpointWillBeSaved(_ trainer: Trainer) throws
    /// The training has ended; the network has its averaged weights, where there is an average.
    func trainingDidEnd(_ end: TrainingEnd, _ trainer: Trainer) throws
}

extension TrainingObserver {
    /// False.
    public var isStopRequested: Bool { false }
    /// Does nothing.
    public func trainingWillStart(_ trainer: Trainer) throws {}
    /// Does nothing.
    public func stepDidEnd(_ step: StepReport, _ trainer: Trainer) throws {}
    /// Does nothing.
    public func validationDidAdvance(_ count: Int, of total: Int) {}
    /// Does nothing.
    public func validationDidEnd(
        _ result: Validation.Result, isBest: Bool, _ trainer: Trainer
    ) throws {}
    /// Does nothing.
    public func epochDidEnd(_ epoch: EpochReport, _ trainer: Trainer) throws {}
    /// Does nothing.
    public func checkpointWillBeSaved(_ trainer: Trainer) throws {}
    /// Does nothing.
    public func trainingDidEnd(_ end: TrainingEnd, _ trainer: Trainer) throws {}
}

/// Several observers as one: each call goes to all of them, in their order.
public final class TrainingObserverList: TrainingObserver {
    private let observers: [any TrainingObserver]

    /// - Parameter observers: the observers, in the order in which they are called.
    public init(_ observers: [any TrainingObserver]) {
        self.observers = observers
    }

    /// Whether any observer asks the training to stop.
    public var isStopRequested: Bool { observers.contains { $0.isStopRequested } }

    /// Calls all observers.
    public func trainingWillStart(_ trainer: Trainer) throws {
        for observer in observers { try observer.trainingWillStart(trainer) }
    }

    /// Calls all observers.
    public func stepDidEnd(_ step: StepReport, _ trainer: Trainer) throws {
        for observer in observers { try observer.stepDidEnd(step, trainer) }
    }

    /// Calls all observers.
    public func validationDidAdvance(_ count: Int, of total: Int) {
        for observer in observers { observer.validationDidAdvance(count, of: total) }
    }

    /// Calls all observers.
    public func validationDidEnd(
        _ result: Validation.Result, isBest: Bool, _ trainer: Trainer
    ) throws {
        for observer in observers {
            try observer.validationDidEnd(result, isBest: isBest, trainer)
        }
    }

    /// Calls all observers.
    public func epochDidEnd(_ epoch: EpochReport, _ trainer: Trainer) throws {
        for observer in observers { try observer.epochDidEnd(epoch, trainer) }
    }

    /// Calls all observers.
    public func checkpointWillBeSaved(_ trainer: Trainer) throws {
        for observer in observers { try observer.checkpointWillBeSaved(trainer) }
    }

    /// Calls all observers.
    public func trainingDidEnd(_ end: TrainingEnd, _ trainer: Trainer) throws {
        for observer in observers { try observer.trainingDidEnd(end, trainer) }
    }
}

/// Why a training ended.
public enum TrainingEnd: String, Sendable {
    /// All epochs are done.
    case finished
    /// The validation has not become better for as many epochs as the patience allows.
    case patience
    /// The time limit is reached; the run can be resumed.
    case timeLimit = "time limit"
    /// An observer requested the end, for example after Ctrl-C; the run can be resumed.
    case interrupted

    /// Whether resuming would train further.
    public var isResumable: Bool { self == .timeLimit || self == .interrupted }
}

/// The result of one batch.
public struct StepReport: Sendable {
    /// The epoch, from 0.
    public let epoch: Int
    /// Batches of the epoch that are done.
    public let batch: Int
    /// Batches of the epoch in all.
    public let batches: Int
    /// Optimizer steps so far.
    public let step: Int
    /// The loss.
    public let loss: Double
    /// Cross entropy in the loss.
    public let crossEntropy: Double
    /// Dice loss in the loss.
    public let dice: Double
    /// Distance to the teacher's embedding.
    public let teacher: Double
    /// Norm of the gradient before clipping; nil where the optimizer took no step.
    public let gradientNorm: Double?
    /// The learning rate.
    public let learningRate: Double
    /// Samples of all processes.
    public let samples: Int
    /// Seconds, waiting included.
    public let seconds: Double
    /// Seconds of waiting for data.
    public let waited: Double
}

/// The result of one epoch.
public struct EpochReport: Sendable {
    /// The epoch, from 1.
    public let number: Int
    /// Values by their columns in `results.csv`.
    public let row: [String: Double]
}

/// Training speed since the start of the program.
public struct Throughput: Sendable {
    /// Samples of all processes.
    public private(set) var samples = 0
    /// Seconds, waiting included.
    public private(set) var seconds = 0.0
    /// Seconds of waiting for data.
    public private(set) var waited = 0.0

    mutating func add(_ report: StepReport) {
        samples += report.samples
        seconds += report.seconds
        waited += report.waited
    }

    /// Samples per second.
    public var rate: Double { seconds > 0 ? Double(samples) / seconds : 0 }
    /// Fraction of the time spent waiting for data, 0 to 1.
    public var waitedFraction: Double { seconds > 0 ? waited / seconds : 0 }
}
