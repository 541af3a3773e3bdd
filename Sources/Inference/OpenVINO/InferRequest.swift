import COpenVINO

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
