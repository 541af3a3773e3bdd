/// What a loss makes of its values at each element; raw values are libtorch's own numbers.
public enum LossReduction: Int, Sendable {
    case none = 0
    case mean = 1
    case sum = 2
}

/// Cross entropy of independent truth values, from logits.
///
/// - Parameters:
///   - logits: any shape.
///   - targets: from 0 to 1, of that shape.
///   - positiveWeight: factor of the positive term, broadcast to that shape.
///   - reduction: how the elements become one number.
/// - Returns: one element, or the shape of `logits` without reduction.
public func binaryCrossEntropy(
    logits: Tensor, targets: Tensor, positiveWeight: Tensor? = nil,
    reduction: LossReduction = .mean
) -> Tensor {
    call(
        "binary_cross_entropy_with_logits", logits, targets, nil, positiveWeight,
        reduction.rawValue)
}

/// Cross entropy of one class among several, from logits.
///
/// - Parameters:
///   - logits: `[B, classes, ...]`.
///   - classes: 64-bit integers, `[B, ...]`.
///   - weight: factor of each class, `[classes]`.
///   - ignored: a class whose elements do not count.
///   - reduction: how the elements become one number; the mean is weighted as its elements are.
/// - Returns: one element, or `[B, ...]` without reduction.
public func crossEntropy(
    logits: Tensor, classes: Tensor, weight: Tensor? = nil, ignoring ignored: Int = -100,
    reduction: LossReduction = .mean
) -> Tensor {
    call("cross_entropy_loss", logits, classes, weight, reduction.rawValue, ignored)
}

/// The squared difference of two tensors.
///
/// - Parameters:
///   - values: any shape.
///   - targets: of that shape.
///   - reduction: how the elements become one number.
/// - Returns: one element, or the shape of `values` without reduction.
public func meanSquaredError(
    _ values: Tensor, _ targets: Tensor, reduction: LossReduction = .mean
) -> Tensor {
    call("mse_loss", values, targets, reduction.rawValue)
}
