/// How models run on OpenVINO.
public struct RuntimeOptions: Hashable, Sendable {
    /// The kind of processor, by OpenVINO's names.
    public enum Device: String, Sendable, CaseIterable {
        case cpu = "CPU"
        case gpu = "GPU"
        case npu = "NPU"
        /// What OpenVINO thinks best.
        case auto = "AUTO"
    }

    /// The arithmetic of what the processor can do faster; the model's own where it cannot.
    public enum Precision: String, Sendable, CaseIterable {
        case float32 = "f32"
        /// Outlines differ a little from float32's.
        case bfloat16 = "bf16"
        /// Outlines differ a little from float32's.
        case float16 = "f16"
    }

    /// What the processor's parts are arranged for.
    public enum Goal: String, Sendable, CaseIterable {
        /// One picture as soon as can be.
        case latency = "LATENCY"
        /// Many pictures at once, each later.
        case throughput = "THROUGHPUT"
    }

    /// Where it runs.
    public var device: Device
    /// The arithmetic.
    public var precision: Precision
    /// Threads on the CPU; nil for as many as OpenVINO takes, one for each core.
    public var threads: Int?
    /// What is asked of it.
    public var goal: Goal
    /// Requests that run at the same time; nil for what goes with the goal.
    public var streams: Int?

    /// Options.
    ///
    /// - Parameters:
    ///   - device: where it runs.
    ///   - precision: the arithmetic.
    ///   - threads: on the CPU; nil for one for each core.
    ///   - goal: one picture soon, or many.
    ///   - streams: requests that run at the same time; nil for what goes with the goal.
    public init(
        device: Device = .cpu, precision: Precision = .float32, threads: Int? = nil,
        goal: Goal = .latency, streams: Int? = nil
    ) {
        self.device = device
        self.precision = precision
        self.threads = threads
        self.goal = goal
        self.streams = streams
    }

    /// By OpenVINO's names.
    ///
    /// Precision is always said: OpenVINO's own choice may be bfloat16.
    var properties: [(key: String, value: String)] {
        var properties = [
            ("INFERENCE_PRECISION_HINT", precision.rawValue), ("PERFORMANCE_HINT", goal.rawValue),
        ]
        if let threads, device == .cpu {
            properties.append(("INFERENCE_NUM_THREADS", "\(threads)"))
        }
        if let streams, device == .cpu || device == .gpu {
            properties.append(("NUM_STREAMS", "\(streams)"))
        }
        return properties
    }
}
