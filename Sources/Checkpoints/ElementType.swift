/// The element type of a tensor; the raw value is PyTorch's name.
public enum ElementType: String, Sendable, CaseIterable {
    case float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8, bool

    /// Size of an element in bytes.
    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// Whether the elements are floating-point numbers.
    public var isFloatingPoint: Bool {
        switch self {
        case .float64, .float32, .float16, .bfloat16: true
        case .int64, .int32, .int16, .int8, .uint8, .bool: false
        }
    }

    /// The name in a safetensors header.
    public var safetensorsName: String {
        switch self {
        case .float64: "F64"
        case .float32: "F32"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .int64: "I64"
        case .int32: "I32"
        case .int16: "I16"
        case .int8: "I8"
        case .uint8: "U8"
        case .bool: "BOOL"
        }
    }

    /// The type with this name in a safetensors header; nil if it is not supported.
    public init?(safetensorsName name: String) {
        guard let type = Self.allCases.first(where: { $0.safetensorsName == name }) else {
            return nil
        }
        self = type
    }
}

/// Conversions of float16 and bfloat16, as bit patterns: Swift has no bfloat16, and `Float16` not on
/// every platform.
///
/// Rounds to nearest, ties to even, as PyTorch does.
enum HalfPrecision {
    /// Converts to IEEE 754 binary16; values that are too large become infinite.
    static func float16(_ value: Float) -> UInt16 {
        let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
        let magnitude = value.bitPattern & 0x7FFF_FFFF
        if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
        // Half a step above the largest finite number, 65504, and more.
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        // Subnormal numbers are multiples of 2^-24.
        if magnitude < 0x3880_0000 {
            let steps = (Float(bitPattern: magnitude) * 0x1p24).rounded(.toNearestOrEven)
            return sign | UInt16(steps)
        }
        let rebased = magnitude - (127 - 15) << 23
        return sign | UInt16((rebased + 0x0FFF + (rebased >> 13 & 1)) >> 13)
    }

    /// Converts from IEEE 754 binary16.
    static func float(float16 bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let magnitude = UInt32(bits & 0x7FFF)
        if magnitude < 0x0400 {
            let value = Float(magnitude) * 0x1p-24
            return sign == 0 ? value : -value
        }
        let exponents: UInt32 = magnitude >= 0x7C00 ? 0x7F80_0000 : (127 - 15) << 23
        return Float(bitPattern: sign | (exponents + (magnitude & 0x7FFF) << 13) & 0x7FFF_FFFF)
    }

    /// Converts to bfloat16, the upper half of a float32.
    static func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        guard !value.isNaN else { return 0x7FC0 }
        return UInt16((UInt64(bits) + 0x7FFF + UInt64(bits >> 16 & 1)) >> 16)
    }

    /// Converts from bfloat16.
    static func float(bfloat16 bits: UInt16) -> Float {
        Float(bitPattern: UInt32(bits) << 16)
    }
}

extension [UInt8] {
    /// The little-endian integer at `offset`, which must be within the bounds.
    func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
        var value: Value = 0
        for index in 0..<(Value.bitWidth / 8) {
            value |= Value(truncatingIfNeeded: self[offset + index]) << (8 * index)
        }
        return value
    }

    /// The bytes as UTF-8 text; nil if they are not valid UTF-8.
    var validUTF8: String? { String(validating: self, as: UTF8.self) }
}
