import Checkpoints
import Segmentation

/// A network's first weights, and where each comes from.
public struct StartedWeights {
    /// The network's sizes.
    public let sizes: SAMConfiguration
    /// All weights, in the network's order.
    public let tensors: [(name: String, tensor: StoredTensor)]
    /// Names taken as they were.
    public let taken: [String]
    /// Names taken and resized.
    public let resized: [String]
    /// Names that have new values.
    public let new: [String]
    /// Names of the source that the network has no place for.
    public let unused: [String]

    /// Weights.
    ///
    /// - Parameters:
    ///   - sizes: the network's.
    ///   - tensors: all weights, in the network's order.
    ///   - taken: names taken as they were.
    ///   - resized: names taken and resized.
    ///   - new: names that have new values.
    ///   - unused: names of the source that are not used.
    public init(
        sizes: SAMConfiguration, tensors: [(name: String, tensor: StoredTensor)],
        taken: [String], resized: [String], new: [String], unused: [String]
    ) {
        self.sizes = sizes
        self.tensors = tensors
        self.taken = taken
        self.resized = resized
        self.new = new
        self.unused = unused
    }
}
