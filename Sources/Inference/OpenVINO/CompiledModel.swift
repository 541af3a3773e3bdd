import COpenVINO
import Synchronization

/// A model that OpenVINO has compiled, and its requests.
public final class CompiledModel: @unchecked Sendable {
    // A compiled model may be used from any thread; of the requests each by one at a time.
    private let compiled: OpaquePointer
    private let core: OpenVINOCore
    private let idle = Mutex<[InferRequest]>([])
    /// Where the model came from.
    public let file: String

    init(_ compiled: OpaquePointer, core: OpenVINOCore, file: String) {
        self.compiled = compiled
        self.core = core
        self.file = file
    }

    deinit {
        // Requests go before the model they belong to.
        idle.withLock { $0.removeAll() }
        core.library.functions.compiled_model_free(compiled)
    }

    /// Whether it came out of OpenVINO's cache; nil where OpenVINO does not tell.
    var isFromCache: Bool? {
        var value: UnsafeMutablePointer<CChar>?
        let functions = core.library.functions
        guard functions.compiled_model_get_property(compiled, "LOADED_FROM_CACHE", &value) == COV_OK
        else { return nil }
        return ["YES", "TRUE", "1"].contains(core.library.taken(value).uppercased())
    }

    /// Refuses a model with other inputs or outputs.
    ///
    /// - Parameters:
    ///   - inputs: all there should be, and their shapes; nil for a length that varies.
    ///   - outputs: those wanted, and their shapes.
    /// - Throws: ``OpenVINOError/otherPorts(file:port:expected:found:)``.
    public func check(
        inputs: KeyValuePairs<String, [Int?]>, outputs: KeyValuePairs<String, [Int?]>
    ) throws(OpenVINOError) {
        let functions = core.library.functions
        for (name, shape) in inputs {
            try check(name, shape, functions.compiled_model_input_by_name)
        }
        for (name, shape) in outputs {
            try check(name, shape, functions.compiled_model_output_by_name)
        }
        var count = 0
        try core.library.check("count inputs") { $0.compiled_model_inputs_size(compiled, &count) }
        guard count == inputs.count else {
            throw .otherPorts(
                file: file, port: "inputs", expected: "\(inputs.count) of them", found: "\(count)")
        }
    }

    private func check(
        _ name: String, _ shape: [Int?],
        _ find: (
            OpaquePointer?, UnsafePointer<CChar>?, UnsafeMutablePointer<OpaquePointer?>?
        ) -> cov_status
    ) throws(OpenVINOError) {
        var found: OpaquePointer?
        guard find(compiled, name, &found) == COV_OK, let found else {
            throw .otherPorts(
                file: file, port: name, expected: Port.text(shape), found: "missing")
        }
        defer { core.library.functions.output_const_port_free(found) }
        let port = try Port(found, core.library)
        guard port.fits(shape) else {
            throw .otherPorts(
                file: file, port: name, expected: Port.text(shape), found: port.text)
        }
    }

    /// Runs the model once, on a request of its own: calls may come from many threads.
    ///
    /// - Parameters:
    ///   - inputs: by name.
    ///   - outputs: names of what is wanted.
    /// - Returns: what was wanted, in that order.
    /// - Throws: ``OpenVINOError``; `CancellationError` when the task that calls is cancelled.
    public func run(_ inputs: [String: FloatTensor], outputs: [String]) throws -> [FloatTensor] {
        try Task.checkCancellation()
        let request = try idle.withLock { $0.popLast() } ?? makeRequest()
        // One that failed or was cancelled is not used again.
        let results = try request.run(inputs, outputs: outputs)
        idle.withLock { $0.append(request) }
        return results
    }

    private func makeRequest() throws(OpenVINOError) -> InferRequest {
        var request: OpaquePointer?
        let doing = "prepare '\(file)' for running"
        try core.library.check(doing) {
            $0.compiled_model_create_infer_request(compiled, &request)
        }
        guard let request else { throw .failed(doing: doing, message: "it gave nothing") }
        return InferRequest(request, library: core.library, file: file)
    }
}
