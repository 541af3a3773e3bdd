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
