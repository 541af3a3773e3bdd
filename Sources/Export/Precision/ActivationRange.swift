import Torch

/// How a layer's input is stored as 8-bit integers: `x = scale (q - zero)`.
struct ActivationRange: Equatable {
    let scale: Double
    let zero: Int

    /// The range of numbers from `low` to `high`, widened to hold 0.
    init(low: Double, high: Double) {
        let (low, high) = (min(low, 0), max(high, 0))
        scale = max(high - low, 1e-12) / 255
        zero = min(max(Int((-low / scale).rounded()), 0), 255)
    }

    /// Numbers as they come back from 8 bits.
    func rounded(_ x: Tensor) throws(TorchError) -> Tensor {
        try attempt("fake_quantize_per_tensor_affine", [x, scale, zero, 0, 255])[0]
    }
}
