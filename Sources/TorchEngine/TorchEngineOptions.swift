import Torch

/// How an engine runs on libtorch.
public struct TorchEngineOptions: Sendable {
    /// Where it runs.
    public var device: Device
    /// The type of matrix products and convolutions: `.float32`, or `.bfloat16` by autocast.
    public var precision: DType

    /// Options.
    ///
    /// - Parameters:
    ///   - device: where it runs.
    ///   - precision: `.float32` or `.bfloat16`.
    public init(device: Device = .cpu, precision: DType = .float32) {
        self.device = device
        self.precision = precision
    }

    /// Runs a network for inference under these options, on this thread.
    func run<Result>(_ body: () -> Result) -> Result {
        withoutGrad {
            withAutocast(to: precision, on: Device(device.kind), body)
        }
    }
}
