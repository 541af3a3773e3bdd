import Torch

extension Recording {
    /// Multiplications and additions of matrix products, convolutions and attention in its first run.
    var multiplyAdds: Int {
        trace.steps.reduce(0) { $0 + $1.multiplyAdds(trace.shapes) }
    }
}

extension Trace {
    /// The shape of each value.
    fileprivate var shapes: [Value: [Int]] {
        Dictionary(
            (inputs + steps.flatMap(\.results)).map { ($0.value, $0.shape) },
            uniquingKeysWith: { one, _ in one })
    }
}

extension Trace.Step {
    /// Multiplications, each with an addition, where they are what counts.
    fileprivate func multiplyAdds(_ shapes: [Trace.Value: [Int]]) -> Int {
        func shape(_ place: Int) -> [Int] {
            switch arguments[place] {
            case .value(let value): shapes[value] ?? []
            case .constant(let tensor): tensor.shape
            default: []
            }
        }
        let results = results.first?.shape.reduce(1, *) ?? 0
        switch "\(op)" {
        case "linear": return results * (shape(1).last ?? 0)
        case "matmul": return results * (shape(0).last ?? 0)
        case "conv2d": return results * shape(1).dropFirst().reduce(1, *)
        case "conv_transpose2d.input":
            return shape(0).reduce(1, *) * shape(1).dropFirst().reduce(1, *)
        case "scaled_dot_product_attention":
            let (query, key, value) = (shape(0), shape(1), shape(2))
            guard query.count > 1, key.count > 1, value.count > 1 else { return 0 }
            let pairs = query.dropLast().reduce(1, *) * key[key.count - 2]
            return pairs * ((query.last ?? 0) + (value.last ?? 0))
        default: return 0
        }
    }
}
