/// What one batch gave.
public struct StepReport: Sendable {
    /// The epoch, from 0.
    public let epoch: Int
    /// Batches of it that are done.
    public let batch: Int
    /// Steps of the optimizer so far.
    public let step: Int
    /// The loss.
    public let loss: Double
    /// Its cross entropy.
    public let crossEntropy: Double
    /// Its Dice loss.
    public let dice: Double
    /// Distance to the teacher's embedding.
    public let teacher: Double
    /// Length of the gradient; nil where the optimizer took no step.
    public let gradientNorm: Double?
    /// The learning rate.
    public let learningRate: Double
    /// Samples of all processes.
    public let samples: Int
    /// Batches of the epoch.
    public internal(set) var batches = 0
    /// Seconds, waiting included.
    public internal(set) var seconds = 0.0
    /// Seconds waited for the loader.
    public internal(set) var waited = 0.0
}
