import COpenVINO

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
