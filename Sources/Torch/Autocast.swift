import CTorch

/// Runs `body` with matrix products and convolutions in a smaller type, on this thread.
///
/// PyTorch's autocast: operators that need their precision stay in float32.
///
/// - Parameters:
///   - dtype: `.bfloat16` on the CPU, also `.float16` on GPUs; `.float32` switches the mode off,
///     also within another autocast.
///   - device: the kind of device it holds for.
///   - body: synchronous, because the mode belongs to the thread.
/// - Returns: what `body` returns.
public func withAutocast<Result>(
    to dtype: DType, on device: Device = .cpu, _ body: () throws -> Result
) rethrows -> Result {
    let trap = { (message: UnsafeMutablePointer<CChar>?) in
        guard let message else { return }
        let error = TorchError(op: "autocast to \(dtype)", shapes: [], taking: message)
        preconditionFailure(error.description)
    }
    var before = ct_autocast()
    trap(ct_autocast_begin(device.description, dtype != .float32, dtype.rawValue, &before))
    defer { trap(ct_autocast_end(device.description, before)) }
    return try body()
}

/// Whether and to what type a thread's matrix products are cast.
struct AutocastMode: Sendable {
    private let dtype: DType

    /// This thread's mode now.
    static func current(on device: Device) -> AutocastMode {
        var now = ct_autocast()
        if let message = ct_autocast_now(device.description, &now) {
            fatalError(TorchError(op: "autocast", shapes: [], taking: message).description)
        }
        return AutocastMode(dtype: now.enabled ? DType(rawValue: now.dtype) ?? .float32 : .float32)
    }

    /// Runs `body` in this mode, on whatever thread.
    func run<Result>(on device: Device, _ body: () throws -> Result) rethrows -> Result {
        try withAutocast(to: dtype, on: device, body)
    }

    /// The tensor as an operator that is cast would take it.
    func cast(_ x: Tensor) -> Tensor {
        dtype != .float32 && x.dtype == .float32 ? x.to(dtype) : x
    }

    /// Runs `body`, whose tensors are cast already, without the mode.
    func suspended<Result>(_ body: () throws -> Result) rethrows -> Result {
        try withAutocast(to: .float32, body)
    }
}
