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

/// An input or output of a model.
public struct Port: Equatable, Sendable {
    /// The length of each axis; nil where any length will do.
    public let shape: [Int?]
    /// Whether it holds 32-bit floating-point numbers.
    public let isFloat32: Bool

    init(_ port: OpaquePointer, _ library: OpenVINOLibrary) throws(OpenVINOError) {
        var type: Int32 = 0
        try library.check("tell a type") { $0.port_get_element_type(port, &type) }
        isFloat32 = Int(type) == COV_F32
        var partial = cov_partial_shape()
        try library.check("tell a shape") { $0.port_get_partial_shape(port, &partial) }
        defer { library.functions.partial_shape_free(&partial) }
        // A rank that may vary has no list of sizes.
        let rank = partial.rank.min == partial.rank.max ? Int(partial.rank.min) : 0
        shape = (0..<rank).map { axis in
            let size = partial.sizes[axis]
            return size.min == size.max ? Int(size.min) : nil
        }
    }

    /// Whether float32 tensors of a shape go in or come out.
    ///
    /// - Parameter expected: nil where the caller will give, or take, any length.
    /// - Returns: false where a length is fixed, to another one.
    func fits(_ expected: [Int?]) -> Bool {
        isFloat32 && shape.count == expected.count
            && zip(shape, expected).allSatisfy { $0 == nil || $1 == nil || $0 == $1 }
    }

    /// As `float32 [?, 3, 256, 256]`.
    var text: String { isFloat32 ? Self.text(shape) : "not float32" }

    static func text(_ shape: [Int?]) -> String {
        "float32 [\(shape.map { $0.map(String.init) ?? "?" }.joined(separator: ", "))]"
    }
}

/// One run of a model at a time.
final class InferRequest: @unchecked Sendable {
    // Used by one thread at a time: see `CompiledModel.run`.
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

    /// Runs once; the inputs' memory is OpenVINO's for as long.
    ///
    /// - Parameters:
    ///   - inputs: by name.
    ///   - outputs: names of what is wanted.
    /// - Returns: copies of what was wanted, in that order.
    /// - Throws: ``OpenVINOError``; `CancellationError` when the task that calls is cancelled.
    func run(_ inputs: [String: FloatTensor], outputs: [String]) throws -> [FloatTensor] {
        try withTensors(inputs[...]) {
            try infer()
            return try outputs.map(output)
        }
    }

    /// Lends the inputs' memory one by one, and calls `body` within all of them.
    private func withTensors<Result>(
        _ inputs: [String: FloatTensor].SubSequence, _ body: () throws -> Result
    ) throws -> Result {
        guard let (name, input) = inputs.first else { return try body() }
        var shape = input.shape.map(Int64.init)
        // An empty array has no memory, and OpenVINO takes none without.
        var values = input.values.isEmpty ? [0] : input.values
        return try values.withUnsafeMutableBufferPointer { memory in
            var tensor: OpaquePointer?
            try shape.withUnsafeMutableBufferPointer { sizes throws(OpenVINOError) in
                let shape = cov_shape(rank: Int64(sizes.count), sizes: sizes.baseAddress)
                try library.check("take '\(name)'") {
                    $0.tensor_create_from_host_ptr(
                        Int32(COV_F32), shape, memory.baseAddress, &tensor)
                }
            }
            defer { library.functions.tensor_free(tensor) }
            try library.check("take '\(name)' of shape \(input.shape) for '\(file)'") {
                $0.infer_request_set_tensor(request, name, tensor)
            }
            return try withTensors(inputs.dropFirst(), body)
        }
    }

    /// Milliseconds until a cancelled task is noticed; a result is noticed at once.
    private static let patience: Int64 = 20

    private func infer() throws {
        try library.check("run '\(file)'") { $0.infer_request_start_async(request) }
        var isCancelled = false
        while true {
            let status = library.functions.infer_request_wait_for(request, Self.patience)
            if status == COV_RESULT_NOT_READY {
                guard Task.isCancelled, !isCancelled else { continue }
                isCancelled = true
                _ = library.functions.infer_request_cancel(request)
                continue
            }
            // The memory lent is in use until here, cancelled or not.
            if isCancelled || status == COV_INFER_CANCELLED { throw CancellationError() }
            return try library.check("run '\(file)'") { _ in status }
        }
    }

    private func output(_ name: String) throws(OpenVINOError) -> FloatTensor {
        var tensor: OpaquePointer?
        try library.check("give '\(name)' of '\(file)'") {
            $0.infer_request_get_tensor(request, name, &tensor)
        }
        defer { library.functions.tensor_free(tensor) }
        var type: Int32 = 0
        try library.check("tell a type") { $0.tensor_get_element_type(tensor, &type) }
        guard Int(type) == COV_F32 else {
            throw .otherPorts(
                file: file, port: name, expected: "float32", found: "another type's")
        }
        var shape = cov_shape()
        try library.check("tell a shape") { $0.tensor_get_shape(tensor, &shape) }
        defer { _ = library.functions.shape_free(&shape) }
        let sizes = (0..<Int(shape.rank)).map { Int(shape.sizes[$0]) }
        let count = sizes.reduce(1, *)
        var data: UnsafeMutableRawPointer?
        try library.check("give '\(name)' of '\(file)'") { $0.tensor_data(tensor, &data) }
        let floats = UnsafeBufferPointer(
            start: data?.assumingMemoryBound(to: Float.self), count: data == nil ? 0 : count)
        return FloatTensor(Array(floats), shape: data == nil ? [0] : sizes)
    }
}

/// Numbers and their shape, in the last axis's order.
public struct FloatTensor: Equatable, Sendable {
    /// The numbers.
    public var values: [Float]
    /// The length of each axis.
    public let shape: [Int]

    /// A tensor.
    ///
    /// - Parameters:
    ///   - values: as many as the shape has.
    ///   - shape: the length of each axis.
    public init(_ values: [Float], shape: [Int]) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) numbers for \(shape)")
        self.values = values
        self.shape = shape
    }
}
