import CTorch

/// Attention whose queries are scaled already: `softmax(q k^T) v`.
///
/// On the CPU many tokens are taken head by head, so that the weights of one head stay in the
/// processor's cache between the two products, and gradients compute the weights anew. Other devices
/// and recordings have libtorch's fused operator. All ways give the same but for rounding.
///
/// - Parameters:
///   - query: `[N, heads, T, C + M]`.
///   - key: `[N, heads, S, C]`.
///   - value: `[N, heads, S, D]`.
///   - marks: constants appended to each head's keys, `[S, M]`; they get no gradient.
/// - Returns: the heads beside each other, `[N, T, heads D]`.
public func attention(query: Tensor, key: Tensor, value: Tensor, marks: Tensor? = nil) -> Tensor {
    guard query.device.kind == .cpu, !Trace.isRecording else {
        return scaledDotProductAttention(
            query: query, key: marked(key, with: marks), value: value, scale: 1
        ).transposed(1, 2).flattened(from: 2)
    }
    if ct_grad_enabled(), query.requiresGrad || key.requiresGrad || value.requiresGrad {
        return recordedAttention(query: query, key: key, value: value, marks: marks)
    }
    let key = marked(key, with: marks)
    return query.size(2) * key.size(2) < largeHead
        ? allHeads(query, key, value) : headByHead(query, key, value)
}

/// Pairs of one head from which on heads are taken one by one.
let largeHead = 256 * 256

/// `[N, heads, S, C]` with `[S, M]` appended to each head.
func marked(_ key: Tensor, with marks: Tensor?) -> Tensor {
    guard let marks else { return key }
    return .concatenate(
        [key, marks.to(key.dtype).expanded([key.size(0), key.size(1), -1, -1])], axis: -1)
}

func headByHead(_ query: Tensor, _ key: Tensor, _ value: Tensor) -> Tensor {
    let (count, heads, tokens) = (query.size(0), query.size(1), query.size(2))
    let (query, key) = (query.contiguous(), key.contiguous())
    let values = value.transposed(2, 3).contiguous()
    let result = Tensor.empty([count, tokens, heads, value.size(3)], dtype: value.dtype)
    for item in 0..<count {
        for head in 0..<heads {
            let weights = linear(query[item, head], weight: key[item, head])
            weights.softmaxInPlace()
            result[item, .all, head].assign(from: linear(weights, weight: values[item, head]))
        }
    }
    return result.flattened(from: 2)
}

func allHeads(_ query: Tensor, _ key: Tensor, _ value: Tensor) -> Tensor {
    let weights = query.matmul(key.transposed(2, 3))
    weights.softmaxInPlace()
    return weights.matmul(value).transposed(1, 2).flattened(from: 2)
}

extension Tensor {
    /// Softmax along the last axis, written into this tensor's own memory.
    func softmaxInPlace() {
        _ = call("_softmax.out", self, -1, false, self)
    }
}
