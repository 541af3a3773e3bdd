/// One tensor as stored: its bytes stay in the file until they are copied.
public struct StoredTensor: Sendable {
    enum Source: Sendable {
        /// The first element lies at byte `offset`.
        case file(CheckpointFile, offset: Int)
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

extension StoredTensor {
    /// Copies the elements, row-major and little-endian, following strides.
    ///
    /// The bytes are read from the file straight into `destination`, so that weights are never held
    /// twice; only a tensor that is not contiguous (a view saved with its strides) is first read
    /// as it lies, and then gathered. The file is not mapped: overwriting it in place would then
    /// change live weights, and shortening it end the program. Instead, this call throws.
    ///
    /// - Parameter destination: exactly ``byteCount`` bytes; undefined after an error.
    /// - Throws: ``CheckpointError/changedWhileOpen(path:)`` when the file was written to since it
    ///   was read and checked, ``CheckpointError/readFailed(path:reason:)``.
    public func copy(into destination: UnsafeMutableRawBufferPointer) throws(CheckpointError) {
        precondition(
            destination.count == byteCount,
            "a \(elementType) of \(shape) has \(byteCount) bytes, not \(destination.count)")
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

    /// All bytes, as ``copy(into:)`` gives them.
    public func bytes() throws(CheckpointError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { buffer.deallocate() }
        try copy(into: buffer)
        return [UInt8](buffer)
    }

    /// Copies run after run, where a run is what lies contiguous along the last axes.
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

/// A Swift type whose memory is that of a tensor's element.
public protocol StoredElement: BitwiseCopyable {
    /// The element types that can be taken as this type.
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
    /// The bits of half-precision numbers, which Swift does not have on every platform.
    public static var elementTypes: [ElementType] { [.float16, .bfloat16] }
}

extension UInt8: StoredElement {
    /// Truth values too: a file may hold other bytes than 0 and 1.
    public static var elementTypes: [ElementType] { [.uint8, .bool] }
}

extension StoredTensor {
    /// The elements, row-major.
    ///
    /// - Parameter type: a type with the memory of ``elementType``; any other is a mistake, and traps.
    /// - Returns: as many values as the shape has places.
    /// - Throws: ``CheckpointError`` as ``copy(into:)`` does.
    public func elements<Element: StoredElement>(
        as type: Element.Type
    ) throws(CheckpointError) -> [Element] {
        precondition(
            Element.elementTypes.contains(elementType), "\(elementType) taken as \(type)")
        let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elementCount)
        defer { buffer.deallocate() }
        try copy(into: UnsafeMutableRawBufferPointer(buffer))
        return [Element](buffer)
    }

    /// A tensor of `elements` in memory, for writing.
    ///
    /// - Parameters:
    ///   - elements: row-major, as many as the shape needs; `UInt16` makes ``ElementType/float16``
    ///     and `UInt8` makes ``ElementType/uint8``.
    ///   - shape: lengths of the axes.
    public init<Element: StoredElement>(_ elements: [Element], shape: [Int]) {
        self.init(
            elementType: Element.elementTypes[0], shape: shape,
            bytes: elements.withUnsafeBytes { [UInt8]($0) })
    }
}

extension StoredTensor {
    /// The same tensor, of which no element may be NaN or infinite, in the same or a shorter type.
    ///
    /// Nothing is read now: copying reads, converts and throws.
    ///
    /// - Parameters:
    ///   - name: what errors call it.
    ///   - type: ``ElementType/float16`` or ``ElementType/bfloat16``, rounded to the nearest; nil
    ///     for its own. Tensors that are not of floating point numbers keep theirs.
    /// - Returns: a tensor whose ``copy(into:)`` throws ``CheckpointError/notFinite(tensor:)``, and
    ///   ``CheckpointError/outOfRange(tensor:value:type:)`` where a number would become infinite.
    public func finite(named name: String, as type: ElementType? = nil) -> StoredTensor {
        guard elementType.isFloatingPoint else { return self }
        precondition(type.map { [.float16, .bfloat16].contains($0) } ?? true, "16 bits or none")
        guard
            let tensor = StoredTensor(
                elementType: type ?? elementType, shape: shape,
                source: .finite(self, name: name))
        else { preconditionFailure("a shorter type of \(shape) does not fit") }
        return tensor
    }

    /// Writes the elements of `original` in this tensor's type.
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
        let encode = elementType == .float16 ? HalfPrecision.float16 : HalfPrecision.bfloat16
        // All bits of the exponent set: infinite.
        let infinity: UInt16 = elementType == .float16 ? 0x7C00 : 0x7F80
        for index in 0..<elementCount {
            // PyTorch too goes from float64 by way of float32.
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
        default: preconditionFailure("\(elementType) is no floating point number")
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
