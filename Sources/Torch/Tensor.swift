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
        handle.with { raw in
            guard let sizes = ct_sizes(raw) else { return [] }
            return (0..<Int(ct_dimensions(raw))).map { Int(sizes[$0]) }
        }
    }

    /// Elements to skip in memory for a step along each axis.
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
            preconditionFailure("a tensor of libtorch's type \(number)")
        }
        return dtype
    }

    /// Where the elements lie.
    public var device: Device {
        guard let name = handle.with(ct_device_kind),
            let kind = Device.Kind(rawValue: String(cString: name))
        else { preconditionFailure("a tensor on a device of unknown kind") }
        let index = Int(handle.with(ct_device_index))
        return Device(kind, index: index < 0 ? nil : index)
    }

    /// Whether the elements lie in memory in row-major order without gaps.
    public var isContiguous: Bool {
        handle.with(ct_is_contiguous)
    }

    /// Whether the elements fill their memory without gap or overlap, whatever the order of the axes.
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
    /// The elements as they are now, to be asked later whether they still are.
    ///
    /// Keeps the tensor alive, so that no other can take its place unseen.
    public struct Snapshot {
        private let handle: Handle
        private let edits: Int64

        /// Remembers a tensor.
        public init(of tensor: Tensor) {
            handle = tensor.handle
            edits = tensor.handle.with { ct_edits($0) }
        }

        /// Whether it is this tensor, and nothing was written into it since.
        public func isCurrent(_ tensor: Tensor) -> Bool {
            tensor.handle === handle && handle.with { ct_edits($0) } == edits
        }
    }
}

extension Tensor {
    /// Counts a write into the elements that its operator does not count, as fused Adam does not.
    public func countEdit() {
        handle.with { ct_count_edit($0) }
    }
}

extension Tensor: CustomStringConvertible {
    /// Type, shape and device, not the elements.
    public var description: String {
        "Tensor(\(dtype), \(shape), \(device))"
    }
}
