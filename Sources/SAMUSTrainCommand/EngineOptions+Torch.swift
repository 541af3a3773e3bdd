import SAMUSCommand
import Torch
import TorchEngine

extension Device {
    init(_ processor: EngineOptions.Processor) {
        self =
            switch processor {
            case .cpu: .cpu
            case .cuda: .cuda
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
