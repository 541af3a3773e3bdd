import ArgumentParser
import SAMUSCommand
import Torch
import TorchEngine

/// The kinds of processor that libtorch runs on here.
enum TorchProcessor: String, ExpressibleByArgument, CaseIterable {
    case cpu, cuda, mps
}

extension Device {
    /// - Parameters:
    ///   - processor: of which kind.
    ///   - index: which of several GPUs; nil for the current one.
    init(_ processor: TorchProcessor, index: Int? = nil) {
        self =
            switch processor {
            case .cpu: .cpu
            case .cuda: Device(Device.Kind.cuda, index: index)
            case .mps: .mps
            }
    }
}

extension TorchEngineOptions {
    /// Options as asked for on the command line.
    ///
    /// - Throws: ``UnsupportedOption`` for what only model bundles have.
    init(_ options: EngineOptions) throws(UnsupportedOption) {
        guard let processor = TorchProcessor(rawValue: options.device.rawValue) else {
            throw UnsupportedOption(
                option: "--device \(options.device.rawValue)",
                known: TorchProcessor.allCases.map(\.rawValue))
        }
        let precision: Precision
        switch options.precision {
        case .f32: precision = .float32
        case .bf16: precision = .bfloat16
        case .f16:
            throw UnsupportedOption(option: "--precision f16", known: ["f32", "bf16"])
        }
        self.init(device: Device(processor), precision: precision)
    }
}

/// An option that only model bundles have.
struct UnsupportedOption: Error, CustomStringConvertible {
    let option: String
    let known: [String]

    var description: String {
        "\(option) is for model bundles; a checkpoint runs on libtorch, which takes "
            + known.joined(separator: ", ")
    }
}
