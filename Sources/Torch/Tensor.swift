import CTorch

/// An n-dimensional array on a device: a value over one libtorch handle.
///
/// Copies share their elements, as do the views that indexing and reshaping give; the operators
/// give new tensors, and the few that write in place say so in their names. Operators trap on
/// shapes that do not fit, with libtorch's message; ``attempt(_:_:)`` throws instead.
public struct Tensor: Sendable {
    let handle: Handle

    init(_ handle: Handle) {
        self.handle = handle
    }

    /// Elements along each axis.
    public var shape: [Int] {
        let count = Int(ct_dimensions(handle.raw))
        guard count > 0, let sizes = ct_sizes(handle.raw) else { return [] }
        return withExtendedLifetime(handle) { (0..<count).map { Int(sizes[$0]) } }
    }

    /// Elements to skip in memory for a step along each axis.
    public var strides: [Int] {
        let count = Int(ct_dimensions(handle.raw))
        guard count > 0, let strides = ct_strides(handle.raw) else { return [] }
        return withExtendedLifetime(handle) { (0..<count).map { Int(strides[$0]) } }
    }

    /// Number of axes.
    public var rank: Int {
        Int(ct_dimensions(handle.raw))
    }

    /// Number of elements.
    public var elementCount: Int {
        Int(ct_element_count(handle.raw))
    }

    /// The type of the elements.
    public var dtype: DType {
        guard let dtype = DType(rawValue: ct_dtype(handle.raw)) else {
            preconditionFailure("a tensor of libtorch's type \(ct_dtype(handle.raw))")
        }
        return dtype
    }

    /// Where the elements lie.
    public var device: Device {
        guard let name = ct_device_kind(handle.raw),
            let kind = Device.Kind(rawValue: String(cString: name))
        else { preconditionFailure("a tensor on a device of unknown kind") }
        let index = Int(ct_device_index(handle.raw))
        return Device(kind, index: index < 0 ? nil : index)
    }

    /// Whether the elements lie in memory in row-major order without gaps.
    public var isContiguous: Bool {
        ct_is_contiguous(handle.raw)
    }

    /// The number of elements along one axis; negative counts from the end.
    public func size(_ axis: Int) -> Int {
        let shape = shape
        return shape[axis < 0 ? axis + shape.count : axis]
    }
}

extension Tensor: CustomStringConvertible {
    /// Type, shape and device, not the elements.
    public var description: String {
        "Tensor(\(dtype), \(shape), \(device))"
    }
}
