import Torch

/// A computation recorded for inputs of any length along some axes: a ``Trace`` whose sizes are known
/// to be fixed or to follow those axes.
///
/// The computation runs once, and once more for each axis, with that axis longer by 1: a number that
/// differs then belongs to the axis. A last run with all axes longer shows whether that is all. Nothing
/// in the computation has to know of it.
struct Recording {
    /// An axis of inputs whose length is free.
    struct Axis {
        /// What it counts: `prompts`.
        let name: String
        /// Where it is first met: an input's number, and the axis of it.
        let input: Int
        let place: Int
        /// Its length in the first recording.
        let length: Int
    }

    /// What an operator is given.
    indirect enum Argument {
        case none
        /// A value by its number.
        case value(Int)
        case constant(Tensor)
        /// A constant repeated along axes where it has one element.
        case stretched(Tensor, to: [Length])
        case size(Length)
        case real(Double)
        case boolean(Bool)
        case word(String)
        case sizes([Length])
        case list([Argument])
    }

    /// A value.
    struct Result {
        let number: Int
        let shape: [Length]
        let dtype: DType
    }

    /// One operator.
    struct Step {
        let op: String
        let arguments: [Argument]
        let results: [Result]
    }

    let axes: [Axis]
    let inputs: [Result]
    let steps: [Step]
    let outputs: [Argument]
    /// The first run itself, to be repeated with other inputs.
    let trace: Trace

    /// Records a computation.
    ///
    /// - Parameters:
    ///   - axes: those whose length is free.
    ///   - inputs: gives the inputs for lengths of the axes.
    ///   - body: the computation.
    /// - Throws: `TraceError`, and ``RecordingError`` where it depends on an axis in another way.
    init(
        axes: [Axis], inputs: ([Int]) -> [Tensor], _ body: ([Tensor]) -> [Tensor]
    ) throws {
        let lengths = axes.map(\.length)
        let runs =
            [lengths]
            + axes.indices.map { index in
                lengths.enumerated().map { $0 == index ? $1 + 1 : $1 }
            } + [lengths.enumerated().map { $1 + $0 + 2 }]
        let traces = try runs.map { try Trace.recording(of: inputs($0), body) }
        let comparison = RunComparison(traces: traces, lengths: runs)
        self.axes = axes
        trace = traces[0]
        self.inputs = try comparison.results(\.inputs)
        steps = try comparison.steps()
        outputs = try comparison.arguments(traces.map(\.outputs), of: "the results")
    }

    /// The shape and type of each value, by its number.
    var values: [Int: Result] {
        Dictionary(
            (inputs + steps.flatMap(\.results)).map { ($0.number, $0) },
            uniquingKeysWith: { one, _ in one })
    }
}

/// Why a computation has no form for all lengths of its axes.
enum RecordingError: Error, Equatable {
    case differs(op: String, step: Int, what: String)
}

extension RecordingError: CustomStringConvertible {
    var description: String {
        switch self {
        case .differs(let op, let step, let what):
            "\(what) of '\(op)', step \(step), is not the same for inputs of all lengths"
        }
    }
}

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

/// A size that is fixed, or grows with axes of the inputs: `base + sum of factors[i] * axis i`.
struct Length: Hashable {
    /// What it is where all axes are 0.
    let base: Int
    /// How much it grows with each axis, in the recording's order; empty where it is fixed.
    let factors: [Int]

    /// A fixed size.
    init(_ base: Int) {
        self.base = base
        factors = []
    }

    /// A size from what it was in recordings; nil where it is no sum of the axes' lengths.
    ///
    /// - Parameters:
    ///   - values: in each recording.
    ///   - lengths: of the axes in each: in the first; in those where one axis each is longer by 1;
    ///     and in the last, which only tells whether the sum holds.
    init?(_ values: [Int], lengths: [[Int]]) {
        let factors = values.dropFirst().dropLast().map { $0 - values[0] }
        func sum(_ axes: [Int]) -> Int { zip(factors, axes).reduce(0) { $0 + $1.0 * $1.1 } }
        base = values[0] - sum(lengths[0])
        self.factors = factors.contains { $0 != 0 } ? factors : []
        guard let last = values.last, let axes = lengths.last, last == base + sum(axes)
        else { return nil }
    }

    /// The number it always is; nil where it varies.
    var fixed: Int? { factors.isEmpty ? base : nil }

    /// The axis that it is the length of; nil where it is none or more than that.
    var axis: Int? {
        guard base == 0, factors.count(where: { $0 != 0 }) == 1 else { return nil }
        return factors.firstIndex(of: 1)
    }
}
