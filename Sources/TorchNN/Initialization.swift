import Torch

/// How new weights get their first values.
public enum Initialization {
    /// Whether modules made now leave their memory as it is, because a checkpoint fills it.
    @TaskLocal static var isSkipped = false

    /// What values made now are drawn from; nil for libtorch's own stream.
    @TaskLocal private static var generator: Generator?

    /// Makes modules whose values depend on a seed alone, whatever else draws numbers meanwhile.
    ///
    /// - Parameters:
    ///   - seed: the same gives the same values.
    ///   - body: makes the modules.
    /// - Returns: what `body` returns.
    public static func seeded<Result>(
        _ seed: UInt64, _ body: () throws -> Result
    ) rethrows -> Result {
        try $generator.withValue(Generator(seed: seed), operation: body)
    }

    /// Makes modules without giving their weights values: every one must be loaded afterwards.
    ///
    /// Memory that is not written to is not taken: the weights then exist once, while they load.
    ///
    /// - Parameter body: makes the modules.
    /// - Returns: what `body` returns.
    public static func skipped<Result>(_ body: () throws -> Result) rethrows -> Result {
        try $isSkipped.withValue(true, operation: body)
    }

    /// Even numbers between plus and minus `1 / sqrt(fanIn)`: PyTorch's default for weight and bias
    /// of linear layers and convolutions.
    static func uniform(_ shape: [Int], fanIn: Int) -> Tensor {
        filled(shape) { tensor in
            let bound = 1 / Double(fanIn).squareRoot()
            tensor.assign(from: (Tensor.uniform(shape, generator: generator) * 2 - 1) * bound)
        }
    }

    static func normal(_ shape: [Int]) -> Tensor {
        filled(shape) { $0.assign(from: .normal(shape, generator: generator)) }
    }

    static func constant(_ shape: [Int], _ value: Double) -> Tensor {
        filled(shape) { $0.fill(with: value) }
    }

    private static func filled(_ shape: [Int], _ fill: (Tensor) -> Void) -> Tensor {
        let tensor = Tensor.empty(shape)
        if !isSkipped {
            fill(tensor)
        }
        return tensor
    }
}

extension Parameter {
    /// A weight of even numbers between plus and minus `1 / sqrt(fanIn)`, PyTorch's default.
    ///
    /// - Parameters:
    ///   - shape: elements along each axis.
    ///   - fanIn: values that one value of the layer's result is summed from.
    public convenience init(uniform shape: [Int], fanIn: Int) {
        self.init(Initialization.uniform(shape, fanIn: fanIn))
    }

    /// A weight of zeros, or another value.
    ///
    /// - Parameters:
    ///   - value: what each holds at first.
    ///   - shape: elements along each axis.
    public convenience init(constant value: Double = 0, _ shape: [Int]) {
        self.init(Initialization.constant(shape, value))
    }

    /// A weight of normally distributed numbers, mean 0, deviation 1.
    public convenience init(normal shape: [Int]) {
        self.init(Initialization.normal(shape))
    }
}

extension Buffer {
    /// A buffer of normally distributed numbers, mean 0.
    ///
    /// - Parameters:
    ///   - shape: elements along each axis.
    ///   - deviation: their standard deviation.
    public convenience init(normal shape: [Int], deviation: Double = 1) {
        self.init(Initialization.normal(shape) * deviation)
    }

    /// A buffer of zeros, or another value.
    ///
    /// - Parameters:
    ///   - value: what each holds at first.
    ///   - shape: elements along each axis.
    public convenience init(constant value: Double = 0, _ shape: [Int]) {
        self.init(Initialization.constant(shape, value))
    }
}

extension Module {
    /// Sets all weights of a new module to zero, so that a path that ends in it adds nothing at
    /// first.
    public func setToZero() {
        guard !Initialization.isSkipped else { return }
        withoutGrad {
            for parameter in parameters { parameter.value.detached().fill(with: 0.0) }
        }
    }
}

extension ConvTranspose2d {
    /// Sets the weights of a new layer with as many channels out as in so that it repeats pixels.
    public func setToNearest() {
        guard !Initialization.isSkipped else { return }
        let shape = weight.value.shape
        withoutGrad {
            let channels = Tensor.arange(to: Double(shape[0])).reshaped([-1, 1])
            let identity = (channels .== channels.transposed(0, 1)).to(.float32)
            weight.value.detached().assign(
                from: identity.reshaped([shape[0], shape[1], 1, 1]).expanded(shape))
            bias?.value.detached().fill(with: 0.0)
        }
    }
}
