import Torch

/// An exponential moving average of a network's trained weights (EMA).
///
/// `average = decay * average + (1 - decay) * weight` after each step, with a decay that starts
/// small, `min(decay, (1 + steps) / (10 + steps))`, so that the first weights are soon forgotten.
public final class MovingAverage {
    /// The decay once the average has settled.
    public let decay: Double
    /// Steps taken in.
    public private(set) var steps = 0
    private let tracked: [(name: String, parameter: Parameter)]
    private var averages: [Tensor]

    /// An average that starts from the weights as they are.
    ///
    /// - Parameters:
    ///   - network: its trainable parameters are followed.
    ///   - decay: below 1; 0.999 follows about the last thousand steps.
    public init(of network: Module, decay: Double) {
        self.decay = decay
        tracked = network.namedParameters().filter(\.parameter.isTrainable)
        averages = withoutGrad { [tracked] in tracked.map { $0.parameter.value.detached().clone() }
        }
    }

    /// Takes the weights as they are now in.
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

    /// Runs `body` while the network has the averages for its weights.
    ///
    /// - Parameter body: must not train.
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

    /// Goes on from kept averages.
    ///
    /// - Parameters:
    ///   - source: must hold every followed parameter in its shape.
    ///   - steps: taken in so far.
    /// - Throws: `ModuleLoadError` when one is missing or of another shape, and the reader's error.
    public func load(_ source: some TensorSource, steps: Int) throws {
        let loaded = try tracked.map { name, parameter in
            try source.tensor(name, like: parameter.value)
        }
        averages = loaded
        self.steps = steps
    }
}

extension TensorSource {
    /// A tensor of the source, of the shape and type of another.
    ///
    /// - Parameters:
    ///   - name: its name.
    ///   - other: what it must be like; its memory is laid out alike.
    /// - Returns: a new tensor.
    /// - Throws: `ModuleLoadError` when it is missing or of another shape, and the reader's error.
    func tensor(_ name: String, like other: Tensor) throws -> Tensor {
        guard let shape = shape(of: name) else {
            throw ModuleLoadError(missing: [name], unexpected: [], misshapen: [], mistyped: [])
        }
        guard shape == other.shape else {
            throw ModuleLoadError(
                missing: [], unexpected: [],
                misshapen: [.init(name: name, expected: other.shape, found: shape)], mistyped: [])
        }
        return try withoutGrad {
            let tensor = other.detached().zerosLike()
            try read(name, into: tensor)
            return tensor
        }
    }
}
