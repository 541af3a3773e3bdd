import Torch

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
        let rounded = (rows / scales).rounded().clamped(from: -127, to: 127)
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
