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
