import Torch

/// Initialization of new weights.
public enum Initialization {
    /// Whether new modules leave their weights uninitialized, because a checkpoint will be loaded.
    @TaskLocal static var isSkipped = false

    /// The generator of initial values; nil for libtorch's default generator.
    @TaskLocal fileprivate static var generator: Generator?

    /// Makes modules whose initial values depend only on a seed.
    ///
    /// - Parameters:
    ///   - seed: the seed; equal seeds give equal values.
    ///   - body: makes the modules.
    /// - Returns: what `body` returns.
    public static func seeded<Result>(
        _ seed: UInt64, _ body: () throws -> Result
    ) rethrows -> Result {
        try $generator.withValue(Generator(seed: seed), operation: body)
    }

    /// Makes modules with uninitialized weights, all of which must be loaded afterwards.
    ///
    /// The system does not allocate memory that is never written to, so that the weights are in
    /// memory only once while they are loaded.
    ///
    /// - Parameter body: makes the modules.
    /// - Returns: what `body` returns.
    public static func skipped<Result>(_ body: () throws -> Result) rethrows -> Result {
        try $isSkipped.withValue(true, operation: body)
    }

    /// Uniform values between plus and minus `1 / sqrt(fanIn)`: PyTorch's default for weight and
    /// bias of linear layers and convolutions.
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
    /// A weight with uniform values between plus and minus `1 / sqrt(fanIn)`, PyTorch's default.
    ///
    /// - Parameters:
    ///   - shape: elements along each axis.
    ///   - fanIn: number of inputs of each output of the layer.
    public convenience init(uniform shape: [Int], fanIn: Int) {
        self.init(Initialization.uniform(shape, fanIn: fanIn))
    }

    /// A weight with a constant value, by default 0.
    ///
    /// - Parameters:
    ///   - value: initial value of each element.
    ///   - shape: elements along each axis.
    public convenience init(constant value: Double = 0, _ shape: [Int]) {
        self.init(Initialization.constant(shape, value))
    }

    /// A weight with values from the standard normal distribution.
    public convenience init(normal shape: [Int]) {
        self.init(Initialization.normal(shape))
    }
}

extension Buffer {
    /// A buffer with values from a normal distribution with mean 0.
    ///
    /// - Parameters:
    ///   - shape: elements along each axis.
    ///   - deviation: standard deviation.
    public convenience init(normal shape: [Int], deviation: Double = 1) {
        self.init(Initialization.normal(shape) * deviation)
    }

    /// A buffer with a constant value, by default 0.
    ///
    /// - Parameters:
    ///   - value: initial value of each element.
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

extension Module {
    /// Sets all kernels and matrices of a new module to normal values, and the biases to zero.
    ///
    /// - Parameter deviation: the standard deviation for a shape, by default 0.02, as vision
    ///   transformers have it.
    public func setToNormal(deviation: ([Int]) -> Double = { _ in 0.02 }) {
        setKernels { shape in
            .normal(shape, generator: Initialization.generator) * deviation(shape)
        }
    }

    /// Sets all kernels and matrices of a new module to uniform values by Glorot's rule (Xavier),
    /// bounded by the square root of `6 / (fan-in + fan-out)`, and the biases to zero.
    public func setToXavierUniform() {
        setKernels { shape in
            let area = shape.dropFirst(2).reduce(1, *)
            let bound = (6 / Double(area * (shape[0] + shape[1]))).squareRoot()
            return (.uniform(shape, generator: Initialization.generator) * 2 - 1) * bound
        }
    }

    private func setKernels(_ values: ([Int]) -> Tensor) {
        guard !Initialization.isSkipped else { return }
        withoutGrad {
            for (name, parameter) in namedParameters() {
                if parameter.value.rank > 1 {
                    parameter.value.detached().assign(from: values(parameter.value.shape))
                } else if name == "bias" || name.hasSuffix(".bias") {
                    parameter.value.detached().fill(with: 0.0)
                }
            }
        }
    }
}

extension Conv2d {
    /// Sets the bias of a new layer to zero.
    public func setBiasToZero() {
        guard !Initialization.isSkipped else { return }
        withoutGrad { bias?.value.detached().fill(with: 0.0) }
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
