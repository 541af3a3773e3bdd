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

/// Weights as 8-bit integers, with a scale for each output channel.
struct QuantizedWeight {
    /// `[O, ...]`, -127 to 127.
    let integers: Tensor
    /// `[O]`.
    let scales: Tensor

    /// Rounds a weight of the shape `[O, ...]`.
    init(_ weight: Tensor) {
        let rows = weight.reshaped([weight.size(0), -1])
        let largest = rows.abs().max(axes: [1], keepingAxes: true)
        let scales = largest.maximum(Tensor(Float(1e-12))) / 127
        let rounded = call(rounding: rows / scales).clamped(from: -127, to: 127)
        integers = rounded.to(.int8).reshaped(weight.shape)
        self.scales = scales.flattened()
    }

    /// The weight as it comes back.
    var restored: Tensor {
        let shape = integers.shape
        return (integers.to(.float32).reshaped([shape[0], -1]) * scales.unsqueezed(1))
            .reshaped(shape)
    }
}

/// To the nearest integer, halves to even.
private func call(rounding x: Tensor) -> Tensor {
    guard let rounded = try? attempt("round", [x]).first else {
        preconditionFailure("libtorch cannot round")
    }
    return rounded
}
