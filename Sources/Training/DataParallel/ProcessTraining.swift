import Torch
import TorchNN

/// A process group as a ``Trainer`` takes it: gradients averaged, Dice pooled over all processes.
public final class ProcessTraining: TrainingGroup {
    private let group: ProcessGroup
    private let parallel: DataParallel

    /// Makes the weights of all processes those of rank 0.
    ///
    /// - Parameters:
    ///   - network: the same in all processes, frozen where it is not trained.
    ///   - group: the processes.
    /// - Throws: `ProcessGroupError` for different networks, or when another process has gone.
    public init(_ network: Module, in group: ProcessGroup) throws(ProcessGroupError) {
        self.group = group
        parallel = try DataParallel(network, in: group)
    }

    /// This process's number.
    public var rank: Int { group.rank }

    /// How many there are.
    public var count: Int { group.size }

    /// Adds a tensor up over all processes, gradients too.
    public func pool(_ tensor: Tensor) throws -> Tensor {
        try group.sum(tensor, for: "the Dice of all processes")
    }

    /// Announces the backward pass whose gradients are exchanged.
    public func willRunBackward(isLast: Bool) {
        if isLast { parallel.expectGradients() }
    }

    /// Makes the gradients the means over all processes.
    public func finishGradients() throws {
        try parallel.averageGradients()
    }
}
