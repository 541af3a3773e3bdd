import TorchNN

/// The numbers of a training; what is trained on what is given beside them.
public struct TrainingSettings: Sendable, Codable, Equatable {
    /// Epochs.
    public var epochs = 200
    /// Samples of a step, in one process.
    public var batch = 8
    /// Batches whose gradients make one step.
    public var accumulation = 1
    /// The highest learning rate.
    public var learningRate = 5e-4
    /// How the rate goes on.
    public var shape = LearningRateSchedule.Shape.constant
    /// Steps in which the rate grows.
    public var warmUp = 0
    /// Decay of weights.
    public var weightDecay = 0.0
    /// Whether weights decay by themselves (AdamW) rather than in the gradient (Adam).
    public var isDecoupled = false
    /// Greatest length of the gradient; nil for any.
    public var clip: Double?
    /// Decay of the moving average of weights; nil for none.
    public var averageDecay: Double?
    /// What a mask costs.
    public var loss = SegmentationLoss()
    /// Weight of the distance to a teacher's embedding.
    public var teacherWeight = 0.0
    /// Whether products and convolutions are in bfloat16.
    public var isBFloat16 = false
    /// Seed of everything that is random.
    public var seed: UInt64 = 0
    /// Threads that prepare examples.
    public var workers = 2
    /// Epochs without a better validation before it ends; nil for never.
    public var patience: Int?
    /// Seconds after which it ends, the last state kept; nil for never.
    public var timeLimit: Double?
    /// Seconds between kept states within an epoch.
    public var keepEvery = 300.0
    /// How far the smoothed loss may rise above its lowest; 0 for any.
    public var divergence = 4.0

    /// The authors' numbers.
    public init() {}
}
