/// What one element of a tensor is; the raw value is PyTorch's name for it.
public enum ElementType: String, Sendable, CaseIterable {
    case float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8, bool

    /// Bytes that one element takes.
    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// Whether it is a floating point number.
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

    /// The type that a safetensors header names, or nil for one that is not supported.
    public init?(safetensorsName name: String) {
        guard let type = Self.allCases.first(where: { $0.safetensorsName == name }) else {
            return nil
        }
        self = type
    }
}

/// Numbers of 16 bits as bit patterns: Swift has no `Float16` on every platform, and no bfloat16.
///
/// Rounds to the nearest, ties to even, as PyTorch does.
enum HalfPrecision {
    /// IEEE 754's binary16; what is too large becomes infinite.
    static func float16(_ value: Float) -> UInt16 {
        let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
        let magnitude = value.bitPattern & 0x7FFF_FFFF
        if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
        // From half a step above the largest, 65504, on.
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        // Below the smallest normal number steps are of one size, 2^-24.
        if magnitude < 0x3880_0000 {
            let steps = (Float(bitPattern: magnitude) * 0x1p24).rounded(.toNearestOrEven)
            return sign | UInt16(steps)
        }
        let rebased = magnitude - (127 - 15) << 23
        return sign | UInt16((rebased + 0x0FFF + (rebased >> 13 & 1)) >> 13)
    }

    /// The number that a binary16 stands for.
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

    /// The upper half of a float32.
    static func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        guard !value.isNaN else { return 0x7FC0 }
        return UInt16((UInt64(bits) + 0x7FFF + UInt64(bits >> 16 & 1)) >> 16)
    }

    /// The number that a bfloat16 stands for.
    static func float(bfloat16 bits: UInt16) -> Float {
        Float(bitPattern: UInt32(bits) << 16)
    }
}

extension [UInt8] {
    /// The little-endian integer at `offset`; the caller has checked that it lies inside.
    func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
        var value: Value = 0
        for index in 0..<(Value.bitWidth / 8) {
            value |= Value(truncatingIfNeeded: self[offset + index]) << (8 * index)
        }
        return value
    }

    /// The text that these bytes are in UTF-8, or nil when they are not.
    var validUTF8: String? {
        let text = String(decoding: self, as: UTF8.self)
        // Decoding repairs what is invalid, which changes the bytes.
        return text.utf8.elementsEqual(self) ? text : nil
    }
}
