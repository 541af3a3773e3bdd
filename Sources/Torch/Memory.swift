import CTorch
import Synchronization

extension Tensor {
    /// A tensor with a copy of the elements, row-major, on the CPU.
    ///
    /// - Parameters:
    ///   - elements: as many elements as the shape has.
    ///   - shape: elements along each axis; nil for one axis.
    public init<Element: TensorElement>(_ elements: [Element], shape: [Int]? = nil) {
        let shape = shape ?? [elements.count]
        precondition(
            shape.reduce(1, *) == elements.count,
            "\(elements.count) elements do not fill the shape \(shape)")
        self = .empty(shape, dtype: Element.dtype)
        withUnsafeMutableBytes { target in
            elements.withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }

    /// A tensor of one element and no axes, on the CPU.
    public init<Element: TensorElement>(_ element: Element) {
        self.init([element], shape: [])
    }

    /// A tensor that borrows memory, without a copy.
    ///
    /// - Parameters:
    ///   - memory: as many bytes as shape and type need, row-major; aligned for the type.
    ///   - shape: elements along each axis.
    ///   - dtype: type of the elements.
    ///   - owner: retained as long as any tensor uses the memory.
    public init(
        over memory: UnsafeMutableRawBufferPointer, shape: [Int], dtype: DType, owner: AnyObject
    ) {
        let needed = shape.reduce(dtype.byteCount, *)
        precondition(memory.count >= needed, "\(memory.count) bytes where \(needed) are needed")
        let context = Unmanaged.passRetained(owner).toOpaque()
        var result: OpaquePointer?
        let message = shape.map(Int64.init).withUnsafeBufferPointer { sizes in
            ct_from_memory(
                memory.baseAddress, sizes.baseAddress, Int32(shape.count), dtype.rawValue, context,
                { $0.map { Unmanaged<AnyObject>.fromOpaque($0).release() } }, &result)
        }
        guard message == nil, let result else {
            preconditionFailure(message.map { String(cString: $0) } ?? "no tensor")
        }
        self.init(Handle(result))
    }

    /// Reads the elements as bytes, row-major; copies them first unless they are contiguous CPU
    /// memory.
    ///
    /// - Parameter body: receives `elementCount * dtype.byteCount` bytes, valid until it returns.
    /// - Returns: what `body` returns.
    public func withUnsafeBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        Trace.current?.recordRead(of: self)
        let here = device.kind == .cpu ? self : to(.cpu)
        let dense = here.contiguous()
        return try dense.handle.with { raw in
            try body(
                UnsafeRawBufferPointer(
                    start: ct_memory(raw),
                    count: dense.elementCount * dense.dtype.byteCount))
        }
    }

    /// Writes into the tensor's memory, which must be contiguous CPU memory.
    ///
    /// - Parameter body: receives `elementCount * dtype.byteCount` bytes, valid until it returns.
    /// - Returns: what `body` returns.
    public func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        precondition(
            device.kind == .cpu && isContiguous, "\(self) is not contiguous CPU memory")
        defer { bumpVersion() }
        return try handle.with { raw in
            try body(
                UnsafeMutableRawBufferPointer(
                    start: ct_memory(raw), count: elementCount * dtype.byteCount))
        }
    }

    /// The elements, row-major; `Element` must match the tensor's type.
    public func elements<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element]
    {
        precondition(dtype == Element.dtype, "\(self) does not have elements of type \(type)")
        return withUnsafeBytes { bytes in
            [Element](unsafeUninitializedCapacity: elementCount) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                count = elementCount
            }
        }
    }

    /// The elements as float32, row-major, converted if needed.
    public func floats() -> [Float] {
        detached().to(.float32).elements()
    }

    /// The elements of tensors of one element each, as float64, in a single copy to the CPU.
    ///
    /// - Parameter tensors: tensors of one type on one device.
    /// - Returns: the elements, in order.
    public static func items(_ tensors: [Tensor]) -> [Double] {
        // On the CPU there is nothing to save.
        guard tensors.count > 1, tensors[0].device.kind != .cpu else {
            return tensors.map { $0.item() }
        }
        return withoutGrad {
            stack(tensors.map { $0.detached().to(.float32).reshaped([]) }).to(.float64).elements()
        }
    }

    /// The element of a tensor with one element, as float64.
    public func item() -> Double {
        precondition(elementCount == 1, "\(self) does not have exactly one element")
        return detached().to(.float64).elements(as: Double.self)[0]
    }
}

/// Settings and version of libtorch.
public enum TorchRuntime {
    /// Number of threads that one operator may use, called from any thread; positive.
    public static var threads: Int {
        get { Int(ct_threads()) }
        set {
            precondition(newValue > 0, "the number of threads must be positive, not \(newValue)")
            guard let message = ct_set_threads(Int32(newValue)) else { return }
            fatalError(TorchError(op: "set_num_threads", shapes: [], taking: message).description)
        }
    }

    /// Keeps the memory that tensors free in this process instead of returning it to the system.
    ///
    /// A training step then takes its tensors from the same pages. Memory stays at its peak. Applies to glibc; call it before the first tensor is made.
    public static func keepFreedMemory() {
        ct_keep_freed_memory()
    }

    /// What to do if the memory of a device is not sufficient, for the message that ends the
    /// process; a clause that follows "the memory is not sufficient;".
    public static var outOfMemoryAdvice: String? {
        get { advice.withLock { $0 } }
        set { advice.withLock { $0 = newValue } }
    }

    private static let advice = Mutex<String?>(nil)

    /// Loads libtorch's library for NVIDIA GPUs, where there is one.
    ///
    /// Programs call it at their start: libtorch looks for GPUs only once.
    public static func loadDevices() {
        ct_load_devices()
    }

    /// The peak of a GPU's memory since the start of the program.
    ///
    /// - Parameter device: the GPU.
    /// - Returns: bytes of tensors, and bytes that libtorch has taken from the GPU; nil for the CPU,
    ///   and for versions of libtorch before 2.11, which do not report it.
    public static func peakMemory(of device: Device) -> (allocated: Int, reserved: Int)? {
        var (allocated, reserved) = (Int64(0), Int64(0))
        guard ct_peak_memory(device.description, &allocated, &reserved) else { return nil }
        return (Int(allocated), Int(reserved))
    }

    /// libtorch's version, for example `2.13.0`.
    public static var version: String {
        String(cString: ct_version())
    }
}
