/// ReLU: each element, or zero where it is negative.
public func relu(_ x: Tensor) -> Tensor {
    call("relu", x)
}

/// The exact GELU: `x * Phi(x)` with the error function, not its tanh approximation.
public func gelu(_ x: Tensor) -> Tensor {
    call("gelu", x)
}

/// The logistic function of each element.
public func sigmoid(_ x: Tensor) -> Tensor {
    call("sigmoid", x)
}

/// Cross-correlation over the last two axes.
///
/// - Parameters:
///   - x: `[B, C, H, W]`.
///   - weight: `[O, C / groups, kernel height, kernel width]`.
///   - bias: `[O]`.
///   - stride: step of the kernel.
///   - padding: zeros on each side.
///   - dilation: distance between the kernel's elements.
///   - groups: number of channel groups that are convolved separately.
/// - Returns: `[B, O, H', W']`.
public func convolution2d(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1
) -> Tensor {
    call("conv2d", x, weight, bias, stride, padding, dilation, groups)
}

/// Cross-correlation over the last axis.
///
/// - Parameters:
///   - x: `[B, C, T]`.
///   - weight: `[O, C / groups, kernel width]`.
///   - bias: `[O]`.
///   - stride: step of the kernel.
///   - padding: zeros on each side.
/// - Returns: `[B, O, T']`.
public func convolution1d(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0
) -> Tensor {
    call("conv1d", x, weight, bias, stride, padding)
}

/// The transpose of ``convolution2d(_:weight:bias:stride:padding:dilation:groups:)``.
///
/// - Parameters:
///   - x: `[B, C, H, W]`.
///   - weight: `[C, O / groups, kernel height, kernel width]`.
///   - bias: `[O]`.
///   - stride: step of the kernel in the result.
///   - padding: rows and columns cut from each side of the result.
///   - outputPadding: rows and columns added at the end.
///   - groups: number of channel groups that are convolved separately.
/// - Returns: `[B, O, H', W']`.
public func transposedConvolution2d(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0,
    outputPadding: Int = 0, groups: Int = 1
) -> Tensor {
    call("conv_transpose2d.input", x, weight, bias, stride, padding, outputPadding, groups)
}

/// Normalization over the last axes, then a scale and a shift.
///
/// - Parameters:
///   - x: `[..., D]`.
///   - shape: sizes of the axes to normalize over.
///   - weight: scale, of that shape.
///   - bias: shift, of that shape.
///   - epsilon: added to the variance.
/// - Returns: a tensor of the same shape.
public func layerNorm(
    _ x: Tensor, shape: [Int], weight: Tensor?, bias: Tensor?, epsilon: Double
) -> Tensor {
    call("layer_norm", x, shape, weight, bias, epsilon)
}

/// Normalization of each channel over batch and pixels.
///
/// - Parameters:
///   - x: `[B, C, H, W]`.
///   - weight: scale, `[C]`.
///   - bias: shift, `[C]`.
///   - runningMean: mean so far, `[C]`; written to when training.
///   - runningVariance: variance so far, `[C]`; written to when training.
///   - training: whether the batch's own statistics are used.
///   - momentum: weight of the batch in the running statistics.
///   - epsilon: added to the variance.
/// - Returns: a tensor of the same shape.
public func batchNorm(
    _ x: Tensor, weight: Tensor?, bias: Tensor?, runningMean: Tensor?, runningVariance: Tensor?,
    training: Bool, momentum: Double = 0.1, epsilon: Double = 1e-5
) -> Tensor {
    call(
        "batch_norm", x, weight, bias, runningMean, runningVariance, training, momentum, epsilon,
        false)
}

/// Normalization of each group of channels over its pixels, then a scale and a shift of each channel.
///
/// - Parameters:
///   - x: `[B, C, H, W]`.
///   - groups: number of groups; divides C.
///   - weight: scale, `[C]`.
///   - bias: shift, `[C]`.
///   - epsilon: added to the variance.
/// - Returns: a tensor of the same shape.
public func groupNorm(
    _ x: Tensor, groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double
) -> Tensor {
    call("group_norm", x, groups, weight, bias, epsilon)
}

/// Looks up rows of a table.
///
/// - Parameters:
///   - rows: 64-bit integers, `[...]`.
///   - table: `[rows, D]`.
/// - Returns: `[..., D]`.
public func embedding(_ rows: Tensor, table: Tensor) -> Tensor {
    call("embedding", table, rows)
}

/// The largest element under a moving window.
///
/// - Parameters:
///   - x: `[B, C, H, W]`.
///   - size: height and width of the window.
///   - stride: step of the window; nil for its size.
///   - padding: on each side.
/// - Returns: `[B, C, H', W']`.
public func maxPool2d(_ x: Tensor, size: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    call("max_pool2d", x, size, stride ?? size, padding)
}

/// The mean under a moving window.
///
/// - Parameters:
///   - x: `[B, C, H, W]`.
///   - size: height and width of the window.
///   - stride: step of the window; nil for its size.
///   - padding: zeros on each side, counted in the mean.
/// - Returns: `[B, C, H', W']`.
public func averagePool2d(_ x: Tensor, size: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    call("avg_pool2d", x, size, stride ?? size, padding)
}

/// Bilinear resizing as PyTorch's `interpolate` does it.
///
/// - Parameters:
///   - x: `[B, C, H, W]`.
///   - height: rows of the result.
///   - width: columns of the result.
///   - antialias: whether a smaller result averages over all pixels it covers.
///   - alignCorners: whether the centres of the corner pixels stay in place, instead of the image's
///     borders.
/// - Returns: `[B, C, height, width]`.
public func bilinear(
    _ x: Tensor, height: Int, width: Int, antialias: Bool = false, alignCorners: Bool = false
) -> Tensor {
    antialias
        ? call("_upsample_bilinear2d_aa", x, [height, width], alignCorners)
        : call("upsample_bilinear2d", x, [height, width], alignCorners)
}

/// Bicubic resizing, as PyTorch's `interpolate` does it without antialiasing.
///
/// - Parameters:
///   - x: `[B, C, H, W]`.
///   - height: rows of the result.
///   - width: columns of the result.
/// - Returns: `[B, C, height, width]`.
public func bicubic(_ x: Tensor, height: Int, width: Int) -> Tensor {
    call("upsample_bicubic2d", x, [height, width], false)
}

/// Resizing that repeats the nearest pixel, as PyTorch's `interpolate` does it.
///
/// - Parameters:
///   - x: `[B, C, H, W]`.
///   - height: rows of the result.
///   - width: columns of the result.
/// - Returns: `[B, C, height, width]`.
public func nearest(_ x: Tensor, height: Int, width: Int) -> Tensor {
    call("upsample_nearest2d", x, [height, width])
}

/// `softmax(q k^T * scale + mask) v`.
///
/// - Parameters:
///   - query: `[..., heads, T, D]`.
///   - key: `[..., heads, S, D]`.
///   - value: `[..., heads, S, D]`.
///   - mask: added before the softmax, broadcast to `[..., heads, T, S]`.
///   - scale: factor of the products; `1 / sqrt(D)` when left out.
/// - Returns: `[..., heads, T, D]`.
public func scaledDotProductAttention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor? = nil, scale: Double? = nil
) -> Tensor {
    call("scaled_dot_product_attention", query, key, value, mask, 0.0, false, scale)
}

/// Zeroes elements at random and scales the others up; the identity when not training.
public func dropout(_ x: Tensor, probability: Double, training: Bool) -> Tensor {
    call("dropout", x, probability, training)
}

/// Zeroes whole channels at random and scales the others up; the identity when not training.
///
/// - Parameters:
///   - x: `[B, C, ...]`; each channel of each sample is kept or zeroed.
///   - probability: share of the channels that are zeroed.
///   - training: whether anything is zeroed.
/// - Returns: a tensor of the same shape.
public func channelDropout(_ x: Tensor, probability: Double, training: Bool) -> Tensor {
    call("feature_dropout", x, probability, training)
}

/// How a loss reduces its values over all elements; raw values are libtorch's.
public enum LossReduction: Int, Sendable {
    case none = 0
    case mean = 1
    case sum = 2
}

/// Binary cross entropy, from logits.
///
/// - Parameters:
///   - logits: any shape.
///   - targets: from 0 to 1, of that shape.
///   - positiveWeight: factor of the positive term, broadcast to that shape.
///   - reduction: how the elements are reduced to one number.
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
///   - reduction: how the elements are reduced to one number; the mean is weighted by `weight`.
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
///   - reduction: how the elements are reduced to one number.
/// - Returns: one element, or the shape of `values` without reduction.
public func meanSquaredError(
    _ values: Tensor, _ targets: Tensor, reduction: LossReduction = .mean
) -> Tensor {
    call("mse_loss", values, targets, reduction.rawValue)
}
