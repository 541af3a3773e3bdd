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
