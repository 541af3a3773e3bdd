import SAMUSCommand
import Torch
import TorchEngine

extension Device {
    /// - Parameters:
    ///   - processor: of which kind.
    ///   - index: which of several GPUs; nil for the current one.
    init(_ processor: EngineOptions.Processor, index: Int? = nil) {
        self =
            switch processor {
            case .cpu: .cpu
            case .cuda: Device(Device.Kind.cuda, index: index)
            case .mps: .mps
            }
    }
}

extension TorchEngineOptions.Precision {
    init(_ precision: EngineOptions.Precision) {
        self =
            switch precision {
            case .f32: .float32
            case .bf16: .bfloat16
            }
    }
}
