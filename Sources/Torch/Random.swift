import CTorch

/// A seeded stream of random numbers on the CPU: the same seed gives the same numbers.
public final class Generator: OperatorArgument, @unchecked Sendable {
    // libtorch locks a generator while it draws.
    private let raw: OpaquePointer

    /// A stream that starts from a seed.
    public init(seed: UInt64) {
        var result: OpaquePointer?
        let message = ct_generator_make(seed, &result)
        guard message == nil, let result else {
            preconditionFailure(message.map { String(cString: $0) } ?? "no generator")
        }
        raw = result
    }

    deinit {
        ct_generator_release(raw)
    }

    /// The generator's handle.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_GENERATOR, pointer: UnsafeRawPointer(raw))
    }

    /// Seeds the streams that are used where no generator is given, on all devices.
    public static func seedDefault(_ seed: UInt64) {
        guard let message = ct_seed(seed) else { return }
        fatalError(TorchError(op: "manual_seed", shapes: [], taking: message).description)
    }
}

extension Tensor {
    /// Numbers spread evenly from 0 to 1, without 1.
    public static func uniform(_ shape: [Int], generator: Generator? = nil) -> Tensor {
        call("rand.generator", shape, generator)
    }

    /// Numbers of a normal distribution, mean 0, deviation 1.
    public static func normal(_ shape: [Int], generator: Generator? = nil) -> Tensor {
        call("randn.generator", shape, generator)
    }

    /// Whole numbers from `range`, as 64-bit integers.
    public static func integers(
        in range: Range<Int>, _ shape: [Int], generator: Generator? = nil
    ) -> Tensor {
        call("randint.low_generator", range.lowerBound, range.upperBound, shape, generator)
    }

    /// The whole numbers below `count` in random order.
    public static func permutation(_ count: Int, generator: Generator? = nil) -> Tensor {
        call("randperm.generator", count, generator)
    }
}
