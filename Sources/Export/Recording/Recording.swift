import Torch

/// A computation recorded with dynamic axes: a ``Trace`` in which each size is either fixed or a
/// linear function of the lengths of those axes.
///
/// The computation runs once, and once more for each dynamic axis, with that axis longer by 1: the
/// sizes that differ between the runs depend on that axis. A last run with all axes longer checks
/// the result. The computation itself needs no changes for this.
struct Recording {
    /// An axis of the inputs whose length may vary.
    struct Axis {
        /// What the axis counts: `prompts`.
        let name: String
        /// The input that has the axis, by its index.
        let input: Int
        /// The dimension of that input.
        let dimension: Int
        /// Its length in the first run.
        let length: Int
    }

    /// An argument of an operator.
    indirect enum Argument {
        case none
        /// A value of the computation, by its number.
        case value(Int)
        case constant(Tensor)
        /// A constant that is repeated along the dimensions where it has one element.
        case expanded(Tensor, to: [DynamicSize])
        case size(DynamicSize)
        case real(Double)
        case boolean(Bool)
        case string(String)
        case sizes([DynamicSize])
        case list([Argument])
    }

    /// A value of the computation.
    struct Result {
        let number: Int
        let shape: [DynamicSize]
        let dtype: DType
    }

    /// A call of one operator.
    struct Step {
        /// ATen's name with the overload, for example `add.Tensor`.
        let op: String
        let arguments: [Argument]
        let results: [Result]
    }

    let axes: [Axis]
    let inputs: [Result]
    let steps: [Step]
    let outputs: [Argument]
    /// The trace of the first run, which can be run again with other inputs.
    let trace: Trace

    /// Records a computation.
    ///
    /// - Parameters:
    ///   - axes: the dynamic axes.
    ///   - inputs: makes the inputs for given lengths of the axes.
    ///   - body: the computation.
    /// - Throws: `TraceError`, and ``RecordingError`` where the computation depends on an axis in a
    ///   way that is not linear.
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
        let alignment = TraceAlignment(traces: traces, lengths: runs)
        self.axes = axes
        trace = traces[0]
        self.inputs = try alignment.inputs()
        steps = try alignment.steps()
        outputs = try alignment.outputs()
    }

    /// Shape and type of each value, by its number.
    var values: [Int: Result] {
        Dictionary(
            (inputs + steps.flatMap(\.results)).map { ($0.number, $0) },
            uniquingKeysWith: { first, _ in first })
    }
}

/// A size that is fixed or a linear function of the dynamic axes' lengths:
/// `constant + sum of coefficients[i] * length of axis i`.
struct DynamicSize: Hashable {
    /// The part that does not depend on the axes.
    let constant: Int
    /// One coefficient for each axis of the recording; empty where the size is fixed.
    let coefficients: [Int]

    /// A fixed size.
    init(_ constant: Int) {
        self.constant = constant
        coefficients = []
    }

    /// Fits a size to its values in several runs; nil where it is not linear in the axes' lengths.
    ///
    /// - Parameters:
    ///   - values: in each run.
    ///   - lengths: of the axes in each run: the first run; then one run for each axis, with that
    ///     axis longer by 1; and a last run that only checks the fit.
    init?(_ values: [Int], lengths: [[Int]]) {
        let slopes = values.dropFirst().dropLast().map { $0 - values[0] }
        func linear(_ axes: [Int]) -> Int { zip(slopes, axes).reduce(0) { $0 + $1.0 * $1.1 } }
        constant = values[0] - linear(lengths[0])
        coefficients = slopes.contains { $0 != 0 } ? slopes : []
        guard let last = values.last, let axes = lengths.last, last == constant + linear(axes)
        else { return nil }
    }

    /// The size where it is fixed; nil where it varies.
    var fixed: Int? { coefficients.isEmpty ? constant : nil }

    /// The axis that the size equals the length of; nil where it is anything else.
    var axis: Int? {
        guard constant == 0, coefficients.count(where: { $0 != 0 }) == 1 else { return nil }
        return coefficients.firstIndex(of: 1)
    }
}

/// Why a computation cannot be recorded with dynamic axes.
enum RecordingError: Error, Equatable {
    case differs(op: String, step: Int, what: String)
}

extension RecordingError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    var description: String {
        switch self {
        case .differs(let op, let step, let what):
            "\(what) of '\(op)', step \(step), depends on the lengths of the inputs in a way that "
                + "cannot be exported"
        }
    }
}

extension Recording {
    /// Multiply-accumulate operations of matrix products, convolutions and attention in the first
    /// run.
    var multiplyAdds: Int {
        trace.steps.reduce(0) { $0 + $1.multiplyAdds(trace.shapes) }
    }
}

extension Trace {
    /// The shape of each value.
    fileprivate var shapes: [Value: [Int]] {
        Dictionary(
            (inputs + steps.flatMap(\.results)).map { ($0.value, $0.shape) },
            uniquingKeysWith: { first, _ in first })
    }
}

extension Trace.Step {
    /// Multiply-accumulate operations of the step; 0 for operators that have few.
    fileprivate func multiplyAdds(_ shapes: [Trace.Value: [Int]]) -> Int {
        func shape(_ index: Int) -> [Int] {
            switch arguments[index] {
            case .value(let value): shapes[value] ?? []
            case .constant(let tensor): tensor.shape
            default: []
            }
        }
        let resultCount = results.first?.shape.reduce(1, *) ?? 0
        switch "\(op)" {
        case "linear": return resultCount * (shape(1).last ?? 0)
        case "matmul": return resultCount * (shape(0).last ?? 0)
        case "conv2d": return resultCount * shape(1).dropFirst().reduce(1, *)
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
