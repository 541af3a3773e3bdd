/// One tensor as stored: its bytes stay in the file until they are copied.
public struct StoredTensor: Sendable {
    enum Source: Sendable {
        /// The first element lies at byte `offset`.
        case file(SourceFile, offset: Int)
        case memory([UInt8])
        /// Writes all bytes, row-major, when they are asked for.
        case closure(@Sendable (UnsafeMutableRawBufferPointer) -> Void)
        /// Another tensor, all of whose elements must be finite, here also in this tensor's type.
        indirect case finite(StoredTensor, name: String)
    }

    /// What one element is.
    public let elementType: ElementType
    /// Lengths of the axes; empty for a single number.
    public let shape: [Int]
    /// Elements from one index to the next, along each axis.
    let strides: [Int]
    let source: Source

    /// A tensor in a file; `nil` when shape and strides do not fit an `Int`.
    init?(elementType: ElementType, shape: [Int], strides: [Int]? = nil, source: Source) {
        guard let rowMajor = StoredTensor.rowMajorStrides(of: shape, elementType) else {
            return nil
        }
        self.elementType = elementType
        self.shape = shape
        self.strides = strides ?? rowMajor
        self.source = source
    }

    /// A tensor in memory, for writing.
    ///
    /// - Parameters:
    ///   - elementType: what one element is.
    ///   - shape: lengths of the axes.
    ///   - bytes: the elements, row-major, little-endian; exactly as many as the shape needs.
    public init(elementType: ElementType, shape: [Int], bytes: [UInt8]) {
        guard
            let tensor = StoredTensor(
                elementType: elementType, shape: shape, source: .memory(bytes)),
            tensor.byteCount == bytes.count
        else {
            preconditionFailure("\(bytes.count) bytes do not make a \(elementType) of \(shape)")
        }
        self = tensor
    }

    /// A tensor whose bytes are made only when they are written, so that they are not held twice.
    ///
    /// - Parameters:
    ///   - elementType: what one element is.
    ///   - shape: lengths of the axes; with the element's size, their product must fit an `Int`.
    ///   - copy: fills exactly ``byteCount`` bytes, row-major and little-endian; may be called more
    ///     than once.
    public init(
        elementType: ElementType, shape: [Int],
        copy: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
    ) {
        guard
            let tensor = StoredTensor(
                elementType: elementType, shape: shape, source: .closure(copy))
        else { preconditionFailure("no \(elementType) can have the shape \(shape)") }
        self = tensor
    }

    /// Number of elements.
    public var elementCount: Int { shape.reduce(1, *) }

    /// Bytes of all elements, one after the other.
    public var byteCount: Int { elementCount * elementType.byteCount }

    /// Whether the elements lie row-major, one after the other; axes of length 1 do not matter.
    var isContiguous: Bool { contiguousAxes == shape.count }

    /// How many of the last axes lie row-major, one element after the other.
    var contiguousAxes: Int {
        var expected = 1
        var axes = 0
        for (length, stride) in zip(shape, strides).reversed() {
            guard length == 1 || stride == expected else { break }
            expected *= length
            axes += 1
        }
        return axes
    }

    /// Strides of a row-major tensor; nil when the size in bytes does not fit an `Int`.
    ///
    /// Axes of length 0 are left out of the product, so that no part of the shape overflows either.
    private static func rowMajorStrides(of shape: [Int], _ type: ElementType) -> [Int]? {
        var strides = [Int](repeating: 1, count: shape.count)
        var step = 1
        for axis in shape.indices.reversed() {
            strides[axis] = step
            let (next, overflows) = step.multipliedReportingOverflow(by: max(shape[axis], 1))
            guard shape[axis] >= 0, !overflows else { return nil }
            step = next
        }
        return step.multipliedReportingOverflow(by: type.byteCount).overflow ? nil : strides
    }
}
