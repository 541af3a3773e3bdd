/// The type of a tensor's elements; raw values are libtorch's own numbers.
public enum DType: Int32, Sendable, CaseIterable {
    case uint8 = 0
    case int8 = 1
    case int16 = 2
    case int32 = 3
    case int64 = 4
    case float16 = 5
    case float32 = 6
    case float64 = 7
    case bool = 11
    case bfloat16 = 15

    /// Bytes that one element takes.
    public var byteCount: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .int16, .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64: 8
        }
    }

    /// Whether the elements are floating-point numbers, which alone can have gradients.
    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64: true
        default: false
        }
    }
}

/// A Swift type whose values a tensor can be made from and read as.
///
/// bfloat16 has no Swift type: convert such a tensor to `.float32` first.
public protocol TensorElement: Sendable, BitwiseCopyable {
    /// The element type that has the same layout.
    static var dtype: DType { get }
}

extension Float: TensorElement {
    /// 32-bit floating point.
    public static var dtype: DType { .float32 }
}

extension Double: TensorElement {
    /// 64-bit floating point.
    public static var dtype: DType { .float64 }
}

extension Int: TensorElement {
    /// 64-bit integers.
    public static var dtype: DType { .int64 }
}

extension Int64: TensorElement {
    /// 64-bit integers.
    public static var dtype: DType { .int64 }
}

extension Int32: TensorElement {
    /// 32-bit integers.
    public static var dtype: DType { .int32 }
}

extension Int16: TensorElement {
    /// 16-bit integers.
    public static var dtype: DType { .int16 }
}

extension Int8: TensorElement {
    /// 8-bit integers.
    public static var dtype: DType { .int8 }
}

extension UInt8: TensorElement {
    /// 8-bit unsigned integers.
    public static var dtype: DType { .uint8 }
}

extension Bool: TensorElement {
    /// Truth values, one byte each.
    public static var dtype: DType { .bool }
}

#if !(os(macOS) && arch(x86_64))
    extension Float16: TensorElement {
        /// 16-bit floating point.
        public static var dtype: DType { .float16 }
    }
#endif
