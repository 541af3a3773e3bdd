import COpenVINO
import Foundation

/// OpenVINO, ready to compile models.
public final class OpenVINOCore: @unchecked Sendable {
    // OpenVINO's core may be used from any thread.
    let library: OpenVINOLibrary
    private let core: OpaquePointer

    /// Starts OpenVINO.
    ///
    /// - Parameter library: opened before.
    /// - Throws: ``OpenVINOError``.
    public init(_ library: OpenVINOLibrary) throws(OpenVINOError) {
        var core: OpaquePointer?
        try library.check("start") { $0.core_create(&core) }
        guard let core else { throw .failed(doing: "start", message: "it gave nothing") }
        self.library = library
        self.core = core
    }

    deinit {
        library.functions.core_free(core)
    }

    /// The devices of this machine, as `CPU` or `GPU.0`.
    ///
    /// - Returns: their names.
    /// - Throws: ``OpenVINOError``.
    public func devices() throws(OpenVINOError) -> [String] {
        var devices = cov_devices()
        try library.check("list devices") { $0.core_get_available_devices(core, &devices) }
        defer { library.functions.available_devices_free(&devices) }
        return (0..<devices.count).compactMap { index in
            devices.names[index].map { String(cString: $0) }
        }
    }

    /// A device's name as its maker calls it; its short name where it tells none.
    ///
    /// - Parameter device: as ``devices()`` names it.
    /// - Returns: as `AMD EPYC 9R14`.
    public func fullName(of device: String) -> String {
        let name = try? text("FULL_DEVICE_NAME", of: device)
        return name.map { $0.trimmingCharacters(in: .whitespaces) } ?? device
    }

    /// What tells a kind of device from another, for compiled models: on virtual machines the name
    /// alone does not.
    func kind(of device: String) -> String {
        let abilities = try? text("OPTIMIZATION_CAPABILITIES", of: device)
        return "\(fullName(of: device)) \(abilities ?? "")"
    }

    private func text(_ key: String, of device: String) throws(OpenVINOError) -> String {
        var value: UnsafeMutablePointer<CChar>?
        try library.check("tell \(key)") { $0.core_get_property(core, device, key, &value) }
        return library.taken(value)
    }

    /// Refuses a device that is not there; OpenVINO's own words for that are a page long.
    ///
    /// - Parameter device: what was asked for.
    /// - Throws: ``OpenVINOError/noDevice(asked:available:)``.
    public func check(_ device: RuntimeOptions.Device) throws(OpenVINOError) {
        guard device != .auto else { return }
        let available = try devices()
        let isThere = available.contains {
            $0 == device.rawValue || $0.hasPrefix(device.rawValue + ".")
        }
        guard isThere else { throw .noDevice(asked: device.rawValue, available: available) }
    }

    /// Compiles a model's file.
    ///
    /// - Parameters:
    ///   - path: an ONNX file.
    ///   - options: how it will run.
    ///   - cache: a folder that OpenVINO keeps the compiled model in, or finds it there.
    /// - Returns: the model, ready to run.
    /// - Throws: ``OpenVINOError`` with OpenVINO's words.
    public func compile(
        file path: String, options: RuntimeOptions, cache: String? = nil
    ) throws(OpenVINOError) -> CompiledModel {
        var compiled: OpaquePointer?
        let properties = options.properties + (cache.map { [("CACHE_DIR", $0)] } ?? [])
        try library.check("compile '\(path)'") { functions in
            Self.withProperties(properties) { list in
                functions.core_compile_model_from_file_props(
                    core, path, options.device.rawValue, list.count, list.baseAddress, &compiled)
            }
        }
        return try model(compiled, file: path)
    }

    /// Compiles a model given as text.
    ///
    /// - Parameters:
    ///   - text: OpenVINO's own XML, without weights.
    ///   - name: what to call it in an error.
    ///   - options: how it will run.
    /// - Returns: the model, ready to run.
    /// - Throws: ``OpenVINOError`` with OpenVINO's words.
    public func compile(
        text: String, name: String, options: RuntimeOptions
    ) throws(OpenVINOError) -> CompiledModel {
        var model: OpaquePointer?
        try library.check("read \(name)") {
            $0.core_read_model_from_memory_buffer(core, text, text.utf8.count, nil, &model)
        }
        defer { library.functions.model_free(model) }
        var compiled: OpaquePointer?
        try library.check("compile \(name)") { functions in
            Self.withProperties(options.properties) { list in
                functions.core_compile_model_props(
                    core, model, options.device.rawValue, list.count, list.baseAddress, &compiled)
            }
        }
        return try self.model(compiled, file: name)
    }

    private func model(
        _ compiled: OpaquePointer?, file: String
    ) throws(OpenVINOError) -> CompiledModel {
        guard let compiled else {
            throw .failed(doing: "compile '\(file)'", message: "it gave nothing")
        }
        return CompiledModel(compiled, core: self, file: file)
    }

    private static func withProperties(
        _ properties: [(key: String, value: String)],
        _ body: (UnsafeBufferPointer<cov_property>) -> cov_status
    ) -> cov_status {
        let texts = properties.map { (strdup($0.key), strdup($0.value)) }
        defer {
            for (key, value) in texts {
                free(key)
                free(value)
            }
        }
        let list = texts.map { cov_property(key: $0, value: $1) }
        return list.withUnsafeBufferPointer(body)
    }
}

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
        /// One image as soon as can be.
        case latency = "LATENCY"
        /// Many images at once, each later.
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
    ///   - goal: one image soon, or many.
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

/// Why OpenVINO cannot be used, or what it could not do.
public enum OpenVINOError: Error, Equatable, Sendable {
    case libraryMissing(looked: [String])
    case libraryUnusable(path: String, reason: String)
    case tooOld(path: String, version: String?, lacking: String?)
    case noDevice(asked: String, available: [String])
    case failed(doing: String, message: String)
    case otherPorts(file: String, port: String, expected: String, found: String)
    case otherShape(port: String, expected: [Int], found: [Int])
}

extension OpenVINOError: CustomStringConvertible {
    private static let remedy =
        "run 'make setup' in the checkout, or name its folder in SAMUS_OPENVINO"

    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .libraryMissing(let looked):
            "OpenVINO, which runs model bundles, is not here: \(Self.remedy) (looked at "
                + "\(looked.joined(separator: ", ")))"
        case .libraryUnusable(let path, let reason):
            "'\(path)' cannot be opened as OpenVINO: \(reason); \(Self.remedy)"
        case .tooOld(let path, let version, let lacking):
            "'\(path)' is \(version.map { "OpenVINO \($0)" } ?? "no OpenVINO, or too old a one"), "
                + "2026.0 or newer is needed"
                + "\(lacking.map { " (it has no function '\($0)')" } ?? ""); \(Self.remedy)"
        case .noDevice(let asked, let available):
            "OpenVINO sees no \(asked) on this machine, only \(available.joined(separator: ", "))"
        case .failed(let doing, let message):
            "OpenVINO cannot \(doing): \(message)"
        case .otherPorts(let file, let port, let expected, let found):
            "'\(file)' does not go with its model.json: '\(port)' is \(found), it should be "
                + expected
        case .otherShape(let port, let expected, let found):
            "the model gave '\(port)' with shape \(found), it should be \(expected)"
        }
    }
}
