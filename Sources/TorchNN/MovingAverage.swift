import Torch

/// An exponential moving average of a network's trained weights (EMA).
///
/// `average = decay * average + (1 - decay) * weight` after each step, with a decay that starts
/// small, `min(decay, (1 + steps) / (10 + steps))`, so that the initial weights soon lose
/// influence.
public final class MovingAverage {
    /// The decay after the first steps.
    public let decay: Double
    /// Number of updates.
    public private(set) var steps = 0
    private let tracked: [(name: String, parameter: Parameter)]
    private var averages: [Tensor]

    /// Creates an average that starts at the current weights.
    ///
    /// - Parameters:
    ///   - network: the network whose trainable parameters are averaged.
    ///   - decay: below 1; 0.999 averages over about the last thousand steps.
    public init(of network: Module, decay: Double) {
        self.decay = decay
        tracked = network.namedParameters().filter(\.parameter.isTrainable)
        averages = withoutGrad { [tracked] in tracked.map { $0.parameter.value.detached().clone() }
        }
    }

    /// Updates the averages with the current weights.
    public func update() {
        let decay = min(decay, Double(1 + steps) / Double(10 + steps))
        steps += 1
        withoutGrad {
            for (average, entry) in zip(averages, tracked) {
                average.assign(
                    from: average * decay + entry.parameter.value.detached() * (1 - decay))
            }
        }
    }

    /// Runs `body` while the network's weights are replaced by the averages.
    ///
    /// - Parameter body: a closure that must not train the network.
    /// - Returns: what `body` returns.
    public func applied<Result>(_ body: () throws -> Result) rethrows -> Result {
        swap()
        defer { swap() }
        return try body()
    }

    private func swap() {
        withoutGrad {
            for (index, entry) in tracked.enumerated() {
                let weight = entry.parameter.value.detached().clone()
                entry.parameter.value.detached().assign(from: averages[index])
                entry.parameter.value.bumpVersion()
                averages[index] = weight
            }
        }
    }

    /// The averages by name.
    public var stateDictionary: StateDictionary {
        zip(tracked, averages).reduce(into: StateDictionary()) { $0[$1.0.name] = $1.1 }
    }

    /// Restores saved averages.
    ///
    /// - Parameters:
    ///   - source: the averages of all parameters that are averaged.
    ///   - steps: number of updates so far.
    /// - Throws: `ModuleLoadError` when one is missing or has another shape, and the reader's
    ///   error.
    public func load(_ source: some TensorSource, steps: Int) throws {
        let loaded = try tracked.map { name, parameter in
            try source.tensor(name, like: parameter.value)
        }
        averages = loaded
        self.steps = steps
    }
}

extension TensorSource {
    /// Reads a tensor with the shape, type and memory layout of another tensor.
    ///
    /// - Parameters:
    ///   - name: the name of the tensor.
    ///   - other: the tensor that determines shape, type and layout.
    /// - Returns: a new tensor.
    /// - Throws: `ModuleLoadError` when it is missing or has another shape, and the reader's error.
    func tensor(_ name: String, like other: Tensor) throws -> Tensor {
        guard let shape = shape(of: name) else {
            throw ModuleLoadError(
                missing: [name], unexpected: [], shapeMismatches: [], typeMismatches: [])
        }
        guard shape == other.shape else {
            throw ModuleLoadError(
                missing: [], unexpected: [],
                shapeMismatches: [.init(name: name, expected: other.shape, found: shape)],
                typeMismatches: [])
        }
        return try withoutGrad {
            let tensor = other.detached().zerosLike()
            try read(name, into: tensor)
            return tensor
        }
    }
}
