/// A tensor of a checkpoint, or one to be written; the data of a file is not read until it is copied.
public struct StoredTensor: Sendable {
    enum Source: Sendable {
        /// The first element is at byte `offset` of the file.
        case file(CheckpointFile, offset: Int)
        case memory([UInt8])
        /// Writes all bytes, row-major.
        case closure(@Sendable (UnsafeMutableRawBufferPointer) -> Void)
        /// Another tensor, whose elements must be finite and are converted to this tensor's type.
        indirect case finite(StoredTensor, name: String)
    }

    /// The element type.
    public let elementType: ElementType
    /// The length of each axis; empty for a scalar.
    public let shape: [Int]
    /// The stride of each axis, in elements.
    let strides: [Int]
    let source: Source

    /// Creates a tensor; nil if its size in bytes does not fit an `Int`.
    init?(elementType: ElementType, shape: [Int], strides: [Int]? = nil, source: Source) {
        guard let rowMajor = StoredTensor.rowMajorStrides(of: shape, elementType) else {
            return nil
        }
        self.elementType = elementType
        self.shape = shape
        self.strides = strides ?? rowMajor
        self.source = source
    }

    /// Creates a tensor in memory, for writing.
    ///
    /// - Parameters:
    ///   - elementType: the element type.
    ///   - shape: the length of each axis.
    ///   - bytes: the elements, row-major and little-endian; exactly as many as the shape has.
    public init(elementType: ElementType, shape: [Int], bytes: [UInt8]) {
        guard
            let tensor = StoredTensor(
                elementType: elementType, shape: shape, source: .memory(bytes)),
            tensor.byteCount == bytes.count
        else {
            preconditionFailure(
                "\(bytes.count) bytes are not a \(elementType) tensor of shape \(shape)")
        }
        self = tensor
    }

    /// Creates a tensor whose bytes are computed when they are written, so that they are never in
    /// memory twice.
    ///
    /// - Parameters:
    ///   - elementType: the element type.
    ///   - shape: the length of each axis; the size in bytes must fit an `Int`.
    ///   - copy: fills exactly ``byteCount`` bytes, row-major and little-endian; may be called more
    ///     than once.
    public init(
        elementType: ElementType, shape: [Int],
        copy: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
    ) {
        guard
            let tensor = StoredTensor(
                elementType: elementType, shape: shape, source: .closure(copy))
        else { preconditionFailure("a \(elementType) tensor of shape \(shape) is too large") }
        self = tensor
    }

    /// Number of elements.
    public var elementCount: Int { shape.reduce(1, *) }

    /// Position of the first element in the tensor's file; nil for a tensor that is not in a file.
    public var fileOffset: Int? {
        if case .file(_, let offset) = source { offset } else { nil }
    }

    /// Total size of all elements in bytes.
    public var byteCount: Int { elementCount * elementType.byteCount }

    /// Whether the elements are contiguous in row-major order; axes of length 1 do not matter.
    var isContiguous: Bool { contiguousAxes == shape.count }

    /// The number of last axes whose elements are contiguous in row-major order.
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

    /// Strides of a row-major tensor; nil if its size in bytes does not fit an `Int`.
    ///
    /// Axes of length 0 count as 1, so that the product of the other axes must not overflow either.
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

extension StoredTensor {
    /// Copies the elements in row-major order, little-endian.
    ///
    /// The bytes are read from the file directly into `destination`, so that weights are never in
    /// memory twice. Only a tensor that is not contiguous (a view saved with its strides) is first
    /// read as a whole and then gathered.
    ///
    /// The file is not mapped into memory. If it were, a program that overwrites the file would
    /// change weights that are in use, and one that truncates it would end this program. Instead,
    /// this call throws.
    ///
    /// - Parameter destination: exactly ``byteCount`` bytes; undefined after an error.
    /// - Throws: ``CheckpointError/changedWhileOpen(path:)`` if the file was written to since it was
    ///   opened, ``CheckpointError/readFailed(path:reason:)``.
    public func copy(into destination: UnsafeMutableRawBufferPointer) throws(CheckpointError) {
        precondition(
            destination.count == byteCount,
            "a \(elementType) tensor of shape \(shape) has \(byteCount) bytes, not "
                + "\(destination.count)")
        switch source {
        case .memory(let bytes):
            destination.copyBytes(from: bytes)
        case .closure(let copy):
            copy(destination)
        case .finite(let original, let name):
            try copy(finite: original, name: name, into: destination)
        case .file(let file, let offset):
            guard !destination.isEmpty else { return }
            if isContiguous {
                try file.read(into: destination, at: offset)
            } else {
                let last = zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
                let stored = UnsafeMutableRawBufferPointer.allocate(
                    byteCount: (last + 1) * elementType.byteCount, alignment: 16)
                defer { stored.deallocate() }
                try file.read(into: stored, at: offset)
                gather(from: UnsafeRawBufferPointer(stored), into: destination)
            }
            try file.checkUnchanged()
        }
    }

    /// All bytes, in the order of ``copy(into:)``.
    public func bytes() throws(CheckpointError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { buffer.deallocate() }
        try copy(into: buffer)
        return [UInt8](buffer)
    }

    /// Copies one run after the other; a run is a contiguous block along the last axes.
    private func gather(
        from stored: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer
    ) {
        let outer = shape.count - contiguousAxes
        let runLength = shape[outer...].reduce(elementType.byteCount, *)
        let steps = strides.map { $0 * elementType.byteCount }
        var index = [Int](repeating: 0, count: outer)
        var start = 0
        for run in 0..<(byteCount / runLength) {
            let target = UnsafeMutableRawBufferPointer(
                rebasing: destination[run * runLength..<(run + 1) * runLength])
            target.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: stored[start..<start + runLength]))
            var axis = outer - 1
            while axis >= 0 {
                index[axis] += 1
                start += steps[axis]
                if index[axis] < shape[axis] { break }
                start -= shape[axis] * steps[axis]
                index[axis] = 0
                axis -= 1
            }
        }
    }
}

/// A Swift type with the memory layout of a tensor's element.
public protocol StoredElement: BitwiseCopyable {
    /// The element types that can be read as this type.
    static var elementTypes: [ElementType] { get }
}

extension Double: StoredElement {
    /// Only ``ElementType/float64``.
    public static var elementTypes: [ElementType] { [.float64] }
}

extension Float: StoredElement {
    /// Only ``ElementType/float32``.
    public static var elementTypes: [ElementType] { [.float32] }
}

extension Int64: StoredElement {
    /// Only ``ElementType/int64``.
    public static var elementTypes: [ElementType] { [.int64] }
}

extension Int32: StoredElement {
    /// Only ``ElementType/int32``.
    public static var elementTypes: [ElementType] { [.int32] }
}

extension Int16: StoredElement {
    /// Only ``ElementType/int16``.
    public static var elementTypes: [ElementType] { [.int16] }
}

extension Int8: StoredElement {
    /// Only ``ElementType/int8``.
    public static var elementTypes: [ElementType] { [.int8] }
}

extension UInt16: StoredElement {
    /// The bit patterns of half-precision numbers, which Swift does not have on every platform.
    public static var elementTypes: [ElementType] { [.float16, .bfloat16] }
}

extension UInt8: StoredElement {
    /// Also the Boolean type, because a file may contain other bytes than 0 and 1.
    public static var elementTypes: [ElementType] { [.uint8, .bool] }
}

extension StoredTensor {
    /// Reads the elements in row-major order.
    ///
    /// - Parameter type: a type with the memory layout of ``elementType``; any other type traps.
    /// - Returns: ``elementCount`` values.
    /// - Throws: ``CheckpointError``, as ``copy(into:)`` does.
    public func elements<Element: StoredElement>(
        as type: Element.Type
    ) throws(CheckpointError) -> [Element] {
        precondition(
            Element.elementTypes.contains(elementType), "\(elementType) cannot be read as \(type)")
        let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elementCount)
        defer { buffer.deallocate() }
        try copy(into: UnsafeMutableRawBufferPointer(buffer))
        return [Element](buffer)
    }

    /// Creates a tensor of `elements` in memory, for writing.
    ///
    /// - Parameters:
    ///   - elements: in row-major order, as many as the shape has; `UInt16` values are stored as
    ///     ``ElementType/float16``, `UInt8` values as ``ElementType/uint8``.
    ///   - shape: the length of each axis.
    public init<Element: StoredElement>(_ elements: [Element], shape: [Int]) {
        self.init(
            elementType: Element.elementTypes[0], shape: shape,
            bytes: elements.withUnsafeBytes { [UInt8]($0) })
    }
}

extension StoredTensor {
    /// The same tensor, checked for NaN and infinity and optionally converted to 16 bits when it is
    /// copied.
    ///
    /// This call reads no data: ``copy(into:)`` reads, checks and converts.
    ///
    /// - Parameters:
    ///   - name: the tensor's name in errors.
    ///   - type: ``ElementType/float16``, ``ElementType/bfloat16`` or ``ElementType/float32``, rounded
    ///     to nearest; nil for the tensor's own type. Integer and Boolean tensors are not converted.
    /// - Returns: a tensor whose ``copy(into:)`` throws ``CheckpointError/notFinite(tensor:)``, and
    ///   ``CheckpointError/outOfRange(tensor:value:type:)`` if a number would become infinite.
    public func finite(named name: String, as type: ElementType? = nil) -> StoredTensor {
        guard elementType.isFloatingPoint else { return self }
        precondition(
            type.map { [.float16, .bfloat16, .float32].contains($0) } ?? true,
            "the type must be float16, bfloat16 or float32")
        guard
            let tensor = StoredTensor(
                elementType: type ?? elementType, shape: shape,
                source: .finite(self, name: name))
        else { preconditionFailure("a tensor of this shape in float32 is too large") }
        return tensor
    }

    /// Writes the elements of `original`, converted to this tensor's type.
    func copy(
        finite original: StoredTensor, name: String,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(CheckpointError) {
        guard original.elementType != elementType else {
            try original.copy(into: destination)
            guard original.allFinite(UnsafeRawBufferPointer(destination)) else {
                throw .notFinite(tensor: name)
            }
            return
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: original.byteCount, alignment: 16)
        defer { buffer.deallocate() }
        try original.copy(into: buffer)
        let bytes = UnsafeRawBufferPointer(buffer)
        guard original.allFinite(bytes) else { throw .notFinite(tensor: name) }
        guard elementType != .float32 else {
            for index in 0..<elementCount {
                let value = original.float(at: index, of: bytes)
                guard value.isFinite else {
                    throw .outOfRange(tensor: name, value: "\(value)", type: elementType)
                }
                destination.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
            }
            return
        }
        let encode = elementType == .float16 ? HalfPrecision.float16 : HalfPrecision.bfloat16
        // The bit pattern of infinity: all bits of the exponent are set.
        let infinity: UInt16 = elementType == .float16 ? 0x7C00 : 0x7F80
        for index in 0..<elementCount {
            // PyTorch also converts float64 via float32.
            let value = original.float(at: index, of: bytes)
            let bits = encode(value)
            guard bits & 0x7FFF < infinity else {
                throw .outOfRange(tensor: name, value: "\(value)", type: elementType)
            }
            destination.storeBytes(of: bits, toByteOffset: 2 * index, as: UInt16.self)
        }
    }

    private func float(at index: Int, of bytes: UnsafeRawBufferPointer) -> Float {
        func load<Element: BitwiseCopyable>(_ type: Element.Type) -> Element {
            bytes.loadUnaligned(fromByteOffset: index * elementType.byteCount, as: type)
        }
        return switch elementType {
        case .float64: Float(load(Double.self))
        case .float32: load(Float.self)
        case .float16: HalfPrecision.float(float16: load(UInt16.self))
        case .bfloat16: HalfPrecision.float(bfloat16: load(UInt16.self))
        default: preconditionFailure("\(elementType) is not a floating-point type")
        }
    }

    private func allFinite(_ bytes: UnsafeRawBufferPointer) -> Bool {
        func all<Bits: FixedWidthInteger & BitwiseCopyable>(_ exponent: Bits) -> Bool {
            stride(from: 0, to: bytes.count, by: MemoryLayout<Bits>.size).allSatisfy {
                bytes.loadUnaligned(fromByteOffset: $0, as: Bits.self) & exponent != exponent
            }
        }
        return switch elementType {
        case .float64: all(0x7FF0_0000_0000_0000 as UInt64)
        case .float32: all(0x7F80_0000 as UInt32)
        case .float16: all(0x7C00 as UInt16)
        case .bfloat16: all(0x7F80 as UInt16)
        default: true
        }
    }
}
