import COpenVINO
import Synchronization

/// A model compiled by OpenVINO, and its inference requests.
package final class CompiledModel: @unchecked Sendable {
    // A compiled model can be used from any thread, and each request from one thread at a time.
    private let compiled: OpaquePointer
    private let core: OpenVINOCore
    private let idle = Mutex<[InferRequest]>([])
    /// The file that the model was compiled from.
    package let file: String

    init(_ compiled: OpaquePointer, core: OpenVINOCore, file: String) {
        self.compiled = compiled
        self.core = core
        self.file = file
    }

    deinit {
        // Requests must be freed before their model.
        idle.withLock { $0.removeAll() }
        core.library.functions.compiled_model_free(compiled)
    }

    /// Whether the model was loaded from OpenVINO's cache; nil if OpenVINO does not report it.
    var isFromCache: Bool? {
        property("LOADED_FROM_CACHE").map { ["YES", "TRUE", "1"].contains($0.uppercased()) }
    }

    /// The precision that OpenVINO computes in; nil if OpenVINO does not report it.
    ///
    /// A processor without bfloat16 arithmetic computes in float32, whatever was requested.
    package var precision: RuntimeOptions.Precision? {
        property("INFERENCE_PRECISION_HINT").flatMap(RuntimeOptions.Precision.init)
    }

    /// The devices that run the model, by OpenVINO's names; empty if OpenVINO does not report them.
    package var devices: [String] {
        // AUTO puts a device that runs the model for the time being in brackets.
        let list = property("EXECUTION_DEVICES") ?? ""
        return list.split { " ,()[]{}".contains($0) }.map(String.init)
    }

    private func property(_ name: String) -> String? {
        var value: UnsafeMutablePointer<CChar>?
        guard
            core.library.functions.compiled_model_get_property(compiled, name, &value) == COV_OK
        else { return nil }
        return core.library.takeString(value)
    }

    /// Whether the model has an input of this name.
    func hasInput(_ name: String) -> Bool {
        var found: OpaquePointer?
        let functions = core.library.functions
        guard functions.compiled_model_input_by_name(compiled, name, &found) == COV_OK, let found
        else { return false }
        functions.output_const_port_free(found)
        return true
    }

    /// Whether the model has an output of this name.
    func hasOutput(_ name: String) -> Bool {
        var found: OpaquePointer?
        let functions = core.library.functions
        guard functions.compiled_model_output_by_name(compiled, name, &found) == COV_OK, let found
        else { return false }
        functions.output_const_port_free(found)
        return true
    }

    /// Checks the inputs and outputs of the model.
    ///
    /// - Parameters:
    ///   - inputs: all inputs with their shapes; nil for a variable length.
    ///   - outputs: the required outputs with their shapes.
    /// - Throws: ``OpenVINOError/portMismatch(file:port:expected:found:)``.
    package func check(
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
            throw .portMismatch(
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
            throw .portMismatch(
                file: file, port: name, expected: Port.text(shape), found: "missing")
        }
        defer { core.library.functions.output_const_port_free(found) }
        let port = try Port(found, core.library)
        guard port.fits(shape) else {
            throw .portMismatch(
                file: file, port: name, expected: Port.text(shape), found: port.text)
        }
    }

    /// Runs the model once.
    ///
    /// Can be called from several threads; each call has its own request.
    ///
    /// - Parameters:
    ///   - inputs: tensors by name.
    ///   - outputs: names of the outputs to return.
    /// - Returns: the outputs, in the order of their names.
    /// - Throws: ``OpenVINOError``; `CancellationError` if the calling task is cancelled.
    package func run(_ inputs: [String: FloatTensor], outputs: [String]) throws -> [FloatTensor] {
        try Task.checkCancellation()
        let request = try idle.withLock { $0.popLast() } ?? makeRequest()
        // A request that failed or was cancelled is not reused.
        let results = try request.run(inputs, outputs: outputs)
        idle.withLock { $0.append(request) }
        return results
    }

    func makeRequest() throws(OpenVINOError) -> InferRequest {
        var request: OpaquePointer?
        let doing = "create a request for '\(file)'"
        try core.library.check(doing) {
            $0.compiled_model_create_infer_request(compiled, &request)
        }
        guard let request else { throw .failed(doing: doing, message: "OpenVINO returned nothing") }
        return InferRequest(request, library: core.library, file: file)
    }
}

/// Shape and type of a model's input or output.
package struct Port: Equatable, Sendable {
    /// Length of each axis; nil for any length.
    package let shape: [Int?]
    /// Whether the element type is float32.
    package let isFloat32: Bool

    init(_ port: OpaquePointer, _ library: OpenVINOLibrary) throws(OpenVINOError) {
        var type: Int32 = 0
        try library.check("read an element type") { $0.port_get_element_type(port, &type) }
        isFloat32 = Int(type) == COV_F32
        var partial = cov_partial_shape()
        try library.check("read a shape") { $0.port_get_partial_shape(port, &partial) }
        defer { library.functions.partial_shape_free(&partial) }
        // A variable rank has no list of sizes.
        let rank = partial.rank.min == partial.rank.max ? Int(partial.rank.min) : 0
        shape = (0..<rank).map { axis in
            let size = partial.sizes[axis]
            return size.min == size.max ? Int(size.min) : nil
        }
    }

    /// Whether the port takes float32 tensors of a shape.
    ///
    /// - Parameter expected: length of each axis; nil for any length.
    /// - Returns: false if the type or a fixed length differs.
    func fits(_ expected: [Int?]) -> Bool {
        isFloat32 && shape.count == expected.count
            && zip(shape, expected).allSatisfy { $0 == nil || $1 == nil || $0 == $1 }
    }

    /// Type and shape, for example `float32 [?, 3, 256, 256]`.
    var text: String { isFloat32 ? Self.text(shape) : "not float32" }

    static func text(_ shape: [Int?]) -> String {
        "float32 [\(shape.map { $0.map(String.init) ?? "?" }.joined(separator: ", "))]"
    }
}

/// An inference request, which runs the model once at a time.
final class InferRequest: @unchecked Sendable {
    // Used by one thread at a time, see `CompiledModel.run`.
    private let request: OpaquePointer
    private let library: OpenVINOLibrary
    private let file: String

    init(_ request: OpaquePointer, library: OpenVINOLibrary, file: String) {
        self.request = request
        self.library = library
        self.file = file
    }

    deinit {
        library.functions.infer_request_free(request)
    }

    /// Runs the model once.
    ///
    /// OpenVINO reads the inputs in place, without copying them.
    ///
    /// - Parameters:
    ///   - inputs: tensors by name.
    ///   - outputs: names of the outputs to return.
    /// - Returns: copies of the outputs, in the order of their names.
    /// - Throws: ``OpenVINOError``; `CancellationError` if the calling task is cancelled.
    func run(_ inputs: [String: FloatTensor], outputs: [String]) throws -> [FloatTensor] {
        try withTensors(inputs[...]) {
            try infer()
            return try outputs.map(output)
        }
    }

    /// Sets the inputs one after the other, and calls `body` while all of them are in memory.
    private func withTensors<Result>(
        _ inputs: [String: FloatTensor].SubSequence, _ body: () throws -> Result
    ) throws -> Result {
        guard let (name, input) = inputs.first else { return try body() }
        var shape = input.shape.map(Int64.init)
        // An empty array has no memory, which OpenVINO refuses.
        var values = input.values.isEmpty ? [0] : input.values
        return try values.withUnsafeMutableBufferPointer { memory in
            var tensor: OpaquePointer?
            try shape.withUnsafeMutableBufferPointer { sizes throws(OpenVINOError) in
                let shape = cov_shape(rank: Int64(sizes.count), sizes: sizes.baseAddress)
                try library.check("set the input '\(name)'") {
                    $0.tensor_create_from_host_ptr(
                        Int32(COV_F32), shape, memory.baseAddress, &tensor)
                }
            }
            defer { library.functions.tensor_free(tensor) }
            try library.check("set the input '\(name)' of shape \(input.shape) for '\(file)'") {
                $0.infer_request_set_tensor(request, name, tensor)
            }
            return try withTensors(inputs.dropFirst(), body)
        }
    }

    /// Milliseconds between checks for cancellation; the wait ends as soon as there is a result.
    private static let cancellationInterval: Int64 = 20

    private func infer() throws {
        try library.check("run '\(file)'") { $0.infer_request_start_async(request) }
        var isCancelled = false
        while true {
            if Task.isCancelled, !isCancelled {
                isCancelled = true
                _ = library.functions.infer_request_cancel(request)
            }
            let status = library.functions.infer_request_wait_for(
                request, Self.cancellationInterval)
            if status == COV_RESULT_NOT_READY { continue }
            // OpenVINO reads the inputs until here, even if cancelled.
            if isCancelled || status == COV_INFER_CANCELLED { throw CancellationError() }
            return try library.check("run '\(file)'") { _ in status }
        }
    }

    private func output(_ name: String) throws(OpenVINOError) -> FloatTensor {
        var tensor: OpaquePointer?
        try library.check("read the output '\(name)' of '\(file)'") {
            $0.infer_request_get_tensor(request, name, &tensor)
        }
        defer { library.functions.tensor_free(tensor) }
        var type: Int32 = 0
        try library.check("read an element type") { $0.tensor_get_element_type(tensor, &type) }
        guard Int(type) == COV_F32 else {
            throw .portMismatch(
                file: file, port: name, expected: "float32", found: "another type")
        }
        var shape = cov_shape()
        try library.check("read a shape") { $0.tensor_get_shape(tensor, &shape) }
        defer { _ = library.functions.shape_free(&shape) }
        let sizes = (0..<Int(shape.rank)).map { Int(shape.sizes[$0]) }
        let count = sizes.reduce(1, *)
        var data: UnsafeMutableRawPointer?
        try library.check("read the output '\(name)' of '\(file)'") {
            $0.tensor_data(tensor, &data)
        }
        let floats = UnsafeBufferPointer(
            start: data?.assumingMemoryBound(to: Float.self), count: data == nil ? 0 : count)
        return FloatTensor(Array(floats), shape: data == nil ? [0] : sizes)
    }
}

/// A float32 tensor in row-major order.
package struct FloatTensor: Equatable, Sendable {
    /// The elements.
    package var values: [Float]
    /// Length of each axis.
    package let shape: [Int]

    /// Creates a tensor.
    ///
    /// - Parameters:
    ///   - values: the elements; their number must be the product of `shape`.
    ///   - shape: length of each axis.
    package init(_ values: [Float], shape: [Int]) {
        precondition(
            values.count == shape.reduce(1, *), "\(values.count) elements do not fit shape \(shape)"
        )
        self.values = values
        self.shape = shape
    }
}
