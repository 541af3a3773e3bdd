import Torch

/// How an engine runs on libtorch.
public struct TorchEngineOptions: Sendable {
    /// The arithmetic of matrix products and convolutions; all else is float32.
    public enum Precision: Sendable {
        case float32
        /// By autocast. Outlines differ a little from float32's.
        case bfloat16

        var dtype: DType {
            switch self {
            case .float32: .float32
            case .bfloat16: .bfloat16
            }
        }
    }

    /// Where it runs.
    public var device: Device
    /// The arithmetic of matrix products and convolutions.
    public var precision: Precision

    /// Options.
    ///
    /// - Parameters:
    ///   - device: where it runs.
    ///   - precision: the arithmetic of matrix products and convolutions.
    public init(device: Device = .cpu, precision: Precision = .float32) {
        self.device = device
        self.precision = precision
    }

    /// Runs a network for inference under these options, on this thread.
    func run<Result>(_ body: () -> Result) -> Result {
        withoutGrad {
            withAutocast(to: precision.dtype, on: Device(device.kind), body)
        }
    }
}
