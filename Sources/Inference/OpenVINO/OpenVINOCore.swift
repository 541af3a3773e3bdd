import COpenVINO
import Foundation

/// OpenVINO's core: lists devices and compiles models.
package final class OpenVINOCore: @unchecked Sendable {
    // OpenVINO's core is thread-safe.
    let library: OpenVINOLibrary
    private let core: OpaquePointer

    /// Starts OpenVINO.
    ///
    /// - Parameter library: the opened library.
    /// - Throws: ``OpenVINOError``.
    package init(_ library: OpenVINOLibrary) throws(OpenVINOError) {
        var core: OpaquePointer?
        try library.check("start") { $0.core_create(&core) }
        guard let core else { throw .failed(doing: "start", message: "OpenVINO returned nothing") }
        self.library = library
        self.core = core
    }

    deinit {
        library.functions.core_free(core)
    }

    /// Names of this machine's devices, for example `CPU` and `GPU.0`.
    ///
    /// - Returns: the names.
    /// - Throws: ``OpenVINOError``.
    package func devices() throws(OpenVINOError) -> [String] {
        var devices = cov_devices()
        try library.check("list devices") { $0.core_get_available_devices(core, &devices) }
        defer { library.functions.available_devices_free(&devices) }
        return (0..<devices.count).compactMap { index in
            devices.names[index].map { String(cString: $0) }
        }
    }

    /// The product name of a device, for example `AMD EPYC 9R14`; the short name if it has none.
    ///
    /// - Parameter device: a name of ``devices()``.
    /// - Returns: the product name.
    package func fullName(of device: String) -> String {
        let name = try? text("FULL_DEVICE_NAME", of: device)
        return name.map { $0.trimmingCharacters(in: .whitespaces) } ?? device
    }

    /// What a device can compute, by OpenVINO's names: `FP32`, `BF16`, `INT8` and others.
    ///
    /// - Parameter device: a name of ``devices()``.
    /// - Returns: the names; empty if OpenVINO does not report them.
    package func capabilities(of device: String) -> [String] {
        let list = (try? text("OPTIMIZATION_CAPABILITIES", of: device)) ?? ""
        return list.split { $0 == " " || $0 == "," }.map(String.init)
    }

    /// Product name and capabilities of a device; a compiled model is only valid for the same identity.
    ///
    /// On virtual machines, the name alone is ambiguous.
    func identity(of device: String) -> String {
        let abilities = try? text("OPTIMIZATION_CAPABILITIES", of: device)
        return "\(fullName(of: device)) \(abilities ?? "")"
    }

    private func text(_ key: String, of device: String) throws(OpenVINOError) -> String {
        var value: UnsafeMutablePointer<CChar>?
        try library.check("read \(key)") { $0.core_get_property(core, device, key, &value) }
        return library.takeString(value)
    }

    /// Throws if a device is missing, with a shorter message than OpenVINO's own.
    ///
    /// - Parameter device: the requested device.
    /// - Throws: ``OpenVINOError/noDevice(requested:available:)``.
    package func check(_ device: RuntimeOptions.Device) throws(OpenVINOError) {
        guard device != .auto else { return }
        let available = try devices()
        // OpenVINO calls a single GPU `GPU`, and takes `GPU.0` for it too.
        let isThere = available.contains {
            $0 == device.rawValue || $0.hasPrefix(device.rawValue + ".")
                || $0 + ".0" == device.rawValue
        }
        guard isThere else { throw .noDevice(requested: device.rawValue, available: available) }
    }

    /// Compiles an ONNX file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - options: device, precision and threads.
    ///   - cache: folder from which OpenVINO loads the compiled model, or in which it stores it.
    /// - Returns: the compiled model.
    /// - Throws: ``OpenVINOError`` with OpenVINO's message.
    package func compile(
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
    ///   - name: the model's name in error messages.
    ///   - options: device, precision and threads.
    /// - Returns: the compiled model.
    /// - Throws: ``OpenVINOError`` with OpenVINO's message.
    package func compile(
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
            throw .failed(doing: "compile '\(file)'", message: "OpenVINO returned nothing")
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

/// Device, precision and threads of models on OpenVINO.
package struct RuntimeOptions: Hashable, Sendable {
    /// The device, by OpenVINO's names: `CPU`, `GPU`, or `GPU.1` where there are several.
    package struct Device: RawRepresentable, Hashable, Sendable {
        /// OpenVINO's name.
        package let rawValue: String

        /// A device by OpenVINO's name.
        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The processor.
        package static let cpu = Device(rawValue: "CPU")
        /// The first GPU.
        package static let gpu = Device(rawValue: "GPU")
        /// The neural processing unit.
        package static let npu = Device(rawValue: "NPU")
        /// OpenVINO chooses the device.
        package static let auto = Device(rawValue: "AUTO")

        /// Whether it is a GPU or NPU, by any number.
        var isAccelerator: Bool { rawValue.hasPrefix("GPU") || rawValue.hasPrefix("NPU") }
    }

    /// The arithmetic precision; float32 on devices without the requested one.
    package enum Precision: String, Sendable, CaseIterable {
        case float32 = "f32"
        /// Masks differ slightly from those of float32.
        case bfloat16 = "bf16"
        /// Masks differ slightly from those of float32.
        case float16 = "f16"
    }

    /// What OpenVINO optimizes for.
    package enum Goal: String, Sendable, CaseIterable {
        /// Shortest time for one image.
        case latency = "LATENCY"
        /// Most images per second.
        case throughput = "THROUGHPUT"
    }

    /// The device.
    package var device: Device
    /// The arithmetic precision.
    package var precision: Precision
    /// Threads on the CPU; nil for one per core.
    package var threads: Int?
    /// What OpenVINO optimizes for.
    package var goal: Goal
    /// Requests that run concurrently; nil for OpenVINO's default for the goal.
    package var streams: Int?

    /// Creates options.
    ///
    /// - Parameters:
    ///   - device: the device.
    ///   - precision: the arithmetic precision.
    ///   - threads: threads on the CPU; nil for one per core.
    ///   - goal: latency or throughput.
    ///   - streams: requests that run concurrently; nil for the default.
    package init(
        device: Device = .cpu, precision: Precision = .float32, threads: Int? = nil,
        goal: Goal = .latency, streams: Int? = nil
    ) {
        self.device = device
        self.precision = precision
        self.threads = threads
        self.goal = goal
        self.streams = streams
    }

    /// OpenVINO's properties.
    ///
    /// The precision is always set, because OpenVINO's default may be bfloat16.
    var properties: [(key: String, value: String)] {
        var properties = [
            ("INFERENCE_PRECISION_HINT", precision.rawValue), ("PERFORMANCE_HINT", goal.rawValue),
        ]
        if let threads, device == .cpu {
            properties.append(("INFERENCE_NUM_THREADS", "\(threads)"))
        }
        if let streams, device == .cpu || device.rawValue.hasPrefix("GPU") {
            properties.append(("NUM_STREAMS", "\(streams)"))
        }
        return properties
    }
}

/// Why OpenVINO cannot be used, or which call failed.
package enum OpenVINOError: Error, Equatable, Sendable {
    case libraryMissing(searched: [String])
    case libraryUnusable(path: String, reason: String)
    case tooOld(path: String, version: String?, missingFunction: String?)
    case noDevice(requested: String, available: [String])
    case failed(doing: String, message: String)
    case portMismatch(file: String, port: String, expected: String, found: String)
    case shapeMismatch(port: String, expected: [Int], found: [Int])
}

extension OpenVINOError: CustomStringConvertible {
    private static let remedy =
        "run 'make setup' in the checkout, or set SAMUS_OPENVINO to its folder"

    /// One sentence for the person at the terminal.
    package var description: String {
        switch self {
        case .libraryMissing(let searched):
            "OpenVINO, which runs model bundles, is not installed: \(Self.remedy) (searched "
                + "\(searched.joined(separator: ", ")))"
        case .libraryUnusable(let path, let reason):
            "'\(path)' cannot be opened as OpenVINO: \(reason); \(Self.remedy)"
        case .tooOld(let path, let version, let function):
            "'\(path)' is \(version.map { "OpenVINO \($0)" } ?? "not OpenVINO, or an old version"); "
                + "2026.0 or newer is required"
                + "\(function.map { " (function '\($0)' is missing)" } ?? ""); \(Self.remedy)"
        case .noDevice(let requested, let available):
            "this machine has no device \(requested) for OpenVINO; available: "
                + available.joined(separator: ", ")
        case .failed(let doing, let message):
            "OpenVINO cannot \(doing): \(message)"
        case .portMismatch(let file, let port, let expected, let found):
            "'\(file)' does not match its model.json: '\(port)' is \(found), expected \(expected)"
        case .shapeMismatch(let port, let expected, let found):
            "the model's output '\(port)' has shape \(found), expected \(expected)"
        }
    }
}
