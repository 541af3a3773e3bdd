import FileIO
import Inference
import Segmentation

/// A model that is ready to segment images.
struct ReadyModel {
    let engine: any SegmentationEngine
    let runtime: EngineRuntime
    /// What the user has to know about precision and device.
    let notes: [String]
    /// The options of the engine, with a precision other than `auto`.
    let options: EngineOptions
}

/// How an engine runs: what it computes in and on, which can differ from what was requested.
struct EngineRuntime: Equatable {
    /// The precision that ran: `f32`.
    let precision: String
    /// The device that ran: `cpu`, or `gpu.1`.
    let device: String
    /// nil means one thread for each core.
    let threads: Int?
    /// What differs from the request, for the user.
    let notes: [String]

    /// Asks an engine how it runs.
    ///
    /// - Parameters:
    ///   - engine: the engine.
    ///   - options: what was requested, with a precision other than `auto`.
    init(_ engine: any SegmentationEngine, _ options: EngineOptions) {
        self.init(
            options, precision: (engine as? BundleEngine)?.precision?.rawValue,
            devices: (engine as? BundleEngine)?.devices ?? [])
    }

    /// Compares what an engine reports with what was requested.
    ///
    /// - Parameters:
    ///   - options: what was requested.
    ///   - precision: the precision that the engine reports; nil if it reports none.
    ///   - devices: the devices that the engine reports, by OpenVINO's names.
    ///   - processor: of this machine.
    init(
        _ options: EngineOptions, precision: String?, devices: [String],
        processor: Processor = .current
    ) {
        let requested = options.precision.rawValue
        self.precision = precision ?? requested
        device =
            devices.isEmpty
            ? options.device.rawValue : devices.map { $0.lowercased() }.joined(separator: ",")
        threads = options.threads
        var notes: [String] = []
        if let precision, precision != requested {
            notes.append(
                "note: this device does not compute in \(requested): OpenVINO computes in "
                    + "\(precision), and the results say so")
        }
        if precision == nil, options.precision == .bf16, options.device == .cpu,
            !processor.hasBFloat16
        {
            notes.append(
                "note: this processor has no bfloat16 arithmetic: libtorch converts each number, "
                    + "which is slower than f32")
        }
        if options.device.kind == .auto {
            notes.append("note: --device auto runs the model on \(device)")
        }
        self.notes = notes
    }

    /// Precision, device and threads for a report.
    var text: String {
        "\(precision) on \(device), " + (threads.map { "\($0) threads" } ?? "all threads")
    }
}
