import Torch
import TorchNN

/// The processes that train one network together: gradients averaged, Dice pooled over all of them.
public final class ProcessTraining {
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
    func pool(_ tensor: Tensor) throws -> Tensor {
        try group.sum(tensor, for: "the Dice of all processes")
    }

    /// Announces the backward pass whose gradients are exchanged.
    func willRunBackward(isLast: Bool) {
        if isLast { parallel.expectGradients() }
    }

    /// Makes the gradients the means over all processes.
    func finishGradients() throws {
        try parallel.averageGradients()
    }

    /// Waits until all processes are here.
    func meet() throws {
        try group.meet()
    }

    /// The means of figures over all processes.
    func mean(_ figures: [Double]) throws -> [Double] {
        let means = Tensor(figures)
        try group.meanInPlace(means, for: "the mean of the loss")
        return means.elements(as: Double.self)
    }

    /// What any process wants.
    func union(_ wish: StepWish) throws -> StepWish {
        let all: [StepWish] = [.interrupted, .timeLimit, .keep]
        let counts = Tensor(all.map { Float(wish.contains($0) ? 1 : 0) })
        try group.sumInPlace(counts, for: "the question whether to stop")
        return StepWish(zip(all, counts.floats()).filter { $0.1 > 0 }.map(\.0))
    }

    /// Rows of shares that were cut with ``ShardRemainder/uneven``, together in the items' order.
    func gather<Row: Codable>(_ rows: [Row]) throws -> [Row] {
        try group.meet()
        return try group.gather(rows: rows, for: "the gathering of the validation")
    }

    /// Gives all processes the weights and batch statistics of rank 0.
    func shareValues() throws {
        try parallel.broadcastValues()
    }

    /// Makes sure that all processes stand at the same place.
    func expectEqual(_ text: String, _ about: String) throws {
        try group.expectEqual(text, about)
    }
}
