import CTorch

/// An n-dimensional array on a device: a value type that wraps a libtorch tensor.
///
/// Copies share their elements, as do the views that indexing and reshaping return. Operators
/// return new tensors; the few that write in place have names that say so. Operators trap on shapes
/// that do not fit, with libtorch's message; ``attempt(_:_:)`` throws instead.
public struct Tensor: Sendable {
    let handle: Handle

    init(_ handle: Handle) {
        self.handle = handle
    }

    /// Elements along each axis.
    public var shape: [Int] {
        handle.with { raw in
            guard let sizes = ct_sizes(raw) else { return [] }
            return (0..<Int(ct_dimensions(raw))).map { Int(sizes[$0]) }
        }
    }

    /// Distance in memory, in elements, between neighbours along each axis.
    public var strides: [Int] {
        handle.with { raw in
            guard let strides = ct_strides(raw) else { return [] }
            return (0..<Int(ct_dimensions(raw))).map { Int(strides[$0]) }
        }
    }

    /// Number of axes.
    public var rank: Int {
        Int(handle.with(ct_dimensions))
    }

    /// Number of elements.
    public var elementCount: Int {
        Int(handle.with(ct_element_count))
    }

    /// The type of the elements.
    public var dtype: DType {
        let number = handle.with(ct_dtype)
        guard let dtype = DType(rawValue: number) else {
            preconditionFailure("libtorch's element type \(number) is not supported")
        }
        return dtype
    }

    /// The device that holds the elements.
    public var device: Device {
        guard let name = handle.with(ct_device_kind),
            let kind = Device.Kind(rawValue: String(cString: name))
        else { preconditionFailure("a tensor on an unsupported kind of device") }
        let index = Int(handle.with(ct_device_index))
        return Device(kind, index: index < 0 ? nil : index)
    }

    /// Whether the elements are in row-major order without gaps in memory.
    public var isContiguous: Bool {
        handle.with(ct_is_contiguous)
    }

    /// Whether the elements fill their memory without gaps or overlaps, in any order of the axes.
    public var isDense: Bool {
        handle.with(ct_is_dense)
    }

    /// The number of elements along one axis; negative counts from the end.
    public func size(_ axis: Int) -> Int {
        let shape = shape
        return shape[axis < 0 ? axis + shape.count : axis]
    }
}

extension Tensor {
    /// The identity and version of a tensor, to detect later changes.
    ///
    /// It retains the tensor, so that no other tensor can get the same address.
    public struct Snapshot {
        private let handle: Handle
        private let edits: Int64

        /// Takes a snapshot of a tensor.
        public init(of tensor: Tensor) {
            handle = tensor.handle
            edits = tensor.handle.with { ct_edits($0) }
        }

        /// Whether `tensor` is the same tensor and has not been written to since the snapshot.
        public func isCurrent(_ tensor: Tensor) -> Bool {
            tensor.handle === handle && handle.with { ct_edits($0) } == edits
        }
    }
}

extension Tensor {
    /// Increments the version counter, after operators such as fused Adam that do not.
    public func bumpVersion() {
        handle.with { ct_count_edit($0) }
    }
}

extension Tensor: CustomStringConvertible {
    /// Type, shape and device, not the elements.
    public var description: String {
        "Tensor(\(dtype), \(shape), \(device))"
    }
}

/// A reference to a libtorch tensor, released together with the last `Tensor` that holds it.
final class Handle: Sendable {
    // The pointer is opaque and never changes; libtorch counts its references atomically.
    nonisolated(unsafe) let raw: OpaquePointer
    /// The number of the traced value (see ``Trace``); 0 for tensors that are not traced.
    ///
    /// Written once, by the thread that made the tensor, before the tensor is shared.
    nonisolated(unsafe) var value = 0

    init(_ raw: OpaquePointer) {
        self.raw = raw
    }

    /// Creates a handle with its own reference to a tensor that is also held elsewhere.
    convenience init(retaining raw: OpaquePointer) {
        ct_retain(raw)
        self.init(raw)
    }

    /// Runs `body` with the pointer, which is valid until `body` returns.
    ///
    /// Reading ``raw`` does not keep a temporary tensor alive: its handle, and with it the libtorch
    /// tensor, may be released before the pointer is used.
    func with<Result>(_ body: (OpaquePointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(raw) }
    }

    deinit {
        ct_release(raw)
    }
}

/// The type of a tensor's elements; raw values are libtorch's.
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

    /// Size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .int16, .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64: 8
        }
    }

    /// Whether the elements are floating-point numbers; only these can have gradients.
    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64: true
        default: false
        }
    }
}

/// A Swift type that can be the element type of a tensor.
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

/// The device that holds a tensor's memory and runs its operators.
public struct Device: Hashable, Sendable, CustomStringConvertible {
    /// The kind of processor.
    public enum Kind: String, Sendable, CaseIterable {
        case cpu, cuda, mps
        /// Tensors without memory, to compute shapes only.
        case meta
    }

    /// The kind of processor.
    public let kind: Kind
    /// Index of the device; nil means the current one.
    public let index: Int?

    /// Creates a device.
    public init(_ kind: Kind, index: Int? = nil) {
        self.kind = kind
        self.index = index
    }

    /// Creates a device from PyTorch's name, for example `cpu`, `cuda`, `cuda:1` or `mps`.
    ///
    /// - Parameter name: the name; the result is nil if it is invalid.
    public init?(_ name: String) {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard let first = parts.first, let kind = Kind(rawValue: String(first)), parts.count <= 2
        else { return nil }
        guard parts.count == 2 else {
            self.init(kind)
            return
        }
        guard let index = Int(parts[1]), index >= 0 else { return nil }
        self.init(kind, index: index)
    }

    /// The CPU.
    public static let cpu = Device(.cpu)
    /// The current NVIDIA GPU.
    public static let cuda = Device(.cuda)
    /// Apple's GPU.
    public static let mps = Device(.mps)

    /// PyTorch's name of the device.
    public var description: String {
        index.map { "\(kind.rawValue):\($0)" } ?? kind.rawValue
    }

    /// Checks that this build of libtorch can use the device on this machine.
    ///
    /// - Throws: ``TorchError`` with libtorch's reason.
    public func check() throws(TorchError) {
        guard let message = ct_check_device(description) else { return }
        throw TorchError(op: "use of device '\(description)'", shapes: [], taking: message)
    }
}
