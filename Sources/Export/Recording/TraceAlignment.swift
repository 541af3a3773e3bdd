import Torch

/// Traces of one computation for inputs of different lengths, aligned step by step.
///
/// Turns what differs between the traces into ``DynamicSize``s, and throws where that is impossible.
struct TraceAlignment {
    private let traces: [Trace]
    /// Lengths of the dynamic axes in each trace.
    private let lengths: [[Int]]
    /// For each trace the number of its values, in the order in which they were computed.
    private let numbers: [[Trace.Value: Int]]

    init(traces: [Trace], lengths: [[Int]]) {
        self.traces = traces
        self.lengths = lengths
        numbers = traces.map { trace in
            let values = (trace.inputs + trace.steps.flatMap(\.results)).map(\.value)
            return Dictionary(zip(values, 0...), uniquingKeysWith: { first, _ in first })
        }
    }

    func inputs() throws(RecordingError) -> [Recording.Result] {
        try results(traces.map(\.inputs), of: "the inputs", step: 0)
    }

    func outputs() throws(RecordingError) -> [Recording.Argument] {
        try arguments(traces.map(\.outputs), of: "the results", step: 0)
    }

    func steps() throws(RecordingError) -> [Recording.Step] {
        guard Set(traces.map(\.steps.count)).count == 1 else {
            throw .differs(op: "the computation", step: 0, what: "the number of steps")
        }
        var aligned: [Recording.Step] = []
        for index in traces[0].steps.indices {
            let steps = traces.map { $0.steps[index] }
            let op = "\(steps[0].op)"
            guard steps.allSatisfy({ "\($0.op)" == op }) else {
                throw .differs(op: op, step: index, what: "the name")
            }
            aligned.append(
                Recording.Step(
                    op: op, arguments: try arguments(steps.map(\.arguments), of: op, step: index),
                    results: try results(steps.map(\.results), of: op, step: index)))
        }
        return aligned
    }

    /// Aligns the arguments of one step, given for each trace.
    private func arguments(
        _ runs: [[Trace.Argument]], of op: String, step: Int
    ) throws(RecordingError) -> [Recording.Argument] {
        guard Set(runs.map(\.count)).count == 1 else {
            throw .differs(op: op, step: step, what: "the number of arguments")
        }
        var aligned: [Recording.Argument] = []
        for index in runs[0].indices {
            guard let argument = try argument(runs.map { $0[index] }, of: op, step: step) else {
                throw .differs(op: op, step: step, what: "argument \(index)")
            }
            aligned.append(argument)
        }
        return aligned
    }

    /// Aligns one argument, given for each trace; nil where the traces do not agree.
    private func argument(
        _ runs: [Trace.Argument], of op: String, step: Int
    ) throws(RecordingError) -> Recording.Argument? {
        /// The payload of each argument; nil unless all arguments are of one case.
        func all<Payload>(_ payload: (Trace.Argument) -> Payload?) -> [Payload]? {
            let payloads = runs.compactMap(payload)
            return payloads.count == runs.count ? payloads : nil
        }
        switch runs[0] {
        case .none:
            return all { if case .none = $0 { true } else { nil } }.map { _ in .none }
        case .value:
            let places = all { if case .value(let value) = $0 { value } else { nil } }
                .map { zip($0, numbers).map { $1[$0] } }
            guard let places, let first = places[0], places.allSatisfy({ $0 == first })
            else { return nil }
            return .value(first)
        case .constant:
            return all { if case .constant(let tensor) = $0 { tensor } else { nil } }
                .flatMap(constant)
        case .integer:
            return all { if case .integer(let number) = $0 { number } else { nil } }
                .flatMap { DynamicSize($0, lengths: lengths) }.map { .size($0) }
        case .integers:
            let lists = all { if case .integers(let numbers) = $0 { numbers } else { nil } }
            guard let lists, Set(lists.map(\.count)).count == 1 else { return nil }
            let sizes = lists[0].indices.compactMap { index in
                DynamicSize(lists.map { $0[index] }, lengths: lengths)
            }
            return sizes.count == lists[0].count ? .sizes(sizes) : nil
        case .real:
            return all { if case .real(let number) = $0 { number } else { nil } }
                .flatMap { Set($0).count == 1 ? .real($0[0]) : nil }
        case .boolean:
            return all { if case .boolean(let truth) = $0 { truth } else { nil } }
                .flatMap { Set($0).count == 1 ? .boolean($0[0]) : nil }
        case .word:
            return all { if case .word(let word) = $0 { word } else { nil } }
                .flatMap { Set($0).count == 1 ? .string($0[0]) : nil }
        case .list:
            guard let lists = all({ if case .list(let list) = $0 { list } else { nil } })
            else { return nil }
            return .list(try arguments(lists, of: op, step: step))
        }
    }

    /// A constant that is the same in all traces, or repeats itself along the axes that vary.
    private func constant(_ tensors: [Tensor]) -> Recording.Argument? {
        let first = tensors[0]
        if tensors.allSatisfy({ $0.isSame(as: first) }) { return .constant(first) }
        guard tensors.allSatisfy({ $0.rank == first.rank && $0.dtype == first.dtype })
        else { return nil }
        var slices = tensors
        var sizes: [DynamicSize] = []
        for axis in 0..<first.rank {
            guard let size = DynamicSize(tensors.map { $0.size(axis) }, lengths: lengths)
            else { return nil }
            sizes.append(size)
            guard size.fixed == nil else { continue }
            for index in slices.indices {
                let slice = slices[index].indexed(by: Tensor([0]), axis: axis)
                guard slices[index].isSame(as: slice.expanded(slices[index].shape))
                else { return nil }
                slices[index] = slice
            }
        }
        guard slices.allSatisfy({ $0.isSame(as: slices[0]) }) else { return nil }
        return .expanded(slices[0], to: sizes)
    }

    /// Aligns the results of one step, given for each trace.
    private func results(
        _ runs: [[Trace.Result]], of op: String, step: Int
    ) throws(RecordingError) -> [Recording.Result] {
        guard Set(runs.map(\.count)).count == 1 else {
            throw .differs(op: op, step: step, what: "the number of results")
        }
        var aligned: [Recording.Result] = []
        for index in runs[0].indices {
            let results = runs.map { $0[index] }
            guard let number = numbers[0][results[0].value],
                Set(results.map(\.shape.count)).count == 1, Set(results.map(\.dtype)).count == 1
            else { throw .differs(op: op, step: step, what: "rank or type of result \(index)") }
            let shape = results[0].shape.indices.compactMap { axis in
                DynamicSize(results.map { $0.shape[axis] }, lengths: lengths)
            }
            guard shape.count == results[0].shape.count else {
                throw .differs(op: op, step: step, what: "the shape of result \(index)")
            }
            aligned.append(
                Recording.Result(number: number, shape: shape, dtype: results[0].dtype))
        }
        return aligned
    }
}

extension Tensor {
    /// Largest difference of equal constants, as a share of the largest value.
    ///
    /// Matrix products add in an order that depends on the number of rows on some processors, so that
    /// the rows of one constant differ in the last bits between runs of other lengths.
    private static let tolerance: Float = 1e-5

    /// Whether both tensors have the same shape and type, and the same values but for rounding.
    fileprivate func isSame(as other: Tensor) -> Bool {
        guard shape == other.shape, dtype == other.dtype else { return false }
        return withUnsafeBytes { bytes in
            other.withUnsafeBytes { others in
                if bytes.elementsEqual(others) { return true }
                guard dtype == .float32 else { return false }
                let (one, two) = (
                    bytes.bindMemory(to: Float.self), others.bindMemory(to: Float.self)
                )
                let limit = Self.tolerance * (two.lazy.map(\.magnitude).max() ?? 0)
                return zip(one, two).allSatisfy { ($0 - $1).magnitude <= limit }
            }
        }
    }
}
