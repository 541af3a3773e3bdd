import Torch

/// The same computation recorded several times with inputs of other lengths, compared step by step.
struct RunComparison {
    let traces: [Trace]
    /// Of the axes, in each recording.
    let lengths: [[Int]]
    /// For each recording the place of its values in their order.
    private let numbers: [[Trace.Value: Int]]

    init(traces: [Trace], lengths: [[Int]]) {
        self.traces = traces
        self.lengths = lengths
        numbers = traces.map { trace in
            let values = (trace.inputs + trace.steps.flatMap(\.results)).map(\.value)
            return Dictionary(
                zip(values, 0...), uniquingKeysWith: { one, _ in one })
        }
    }

    /// Values that all recordings have.
    func results(_ path: KeyPath<Trace, [Trace.Result]>) throws(RecordingError) -> [Recording
        .Result]
    {
        try results(traces.map { $0[keyPath: path] }, of: "the inputs", 0)
    }

    func steps() throws(RecordingError) -> [Recording.Step] {
        let counts = Set(traces.map(\.steps.count))
        guard counts.count == 1 else {
            throw .differs(op: "the computation", step: 0, what: "the number of steps")
        }
        var steps: [Recording.Step] = []
        for index in traces[0].steps.indices {
            let runs = traces.map { $0.steps[index] }
            let op = "\(runs[0].op)"
            guard runs.allSatisfy({ "\($0.op)" == op }) else {
                throw .differs(op: op, step: index, what: "the name")
            }
            steps.append(
                Recording.Step(
                    op: op, arguments: try arguments(runs.map(\.arguments), of: op, index),
                    results: try results(runs.map(\.results), of: op, index)))
        }
        return steps
    }

    func arguments(
        _ runs: [[Trace.Argument]], of op: String, _ step: Int = 0
    ) throws(RecordingError) -> [Recording.Argument] {
        guard Set(runs.map(\.count)).count == 1 else {
            throw .differs(op: op, step: step, what: "the number of arguments")
        }
        var found: [Recording.Argument] = []
        for index in runs[0].indices {
            guard let argument = try argument(runs.map { $0[index] }, of: op, step) else {
                throw .differs(op: op, step: step, what: "argument \(index)")
            }
            found.append(argument)
        }
        return found
    }

    /// An argument from what it was in each recording; nil where it has no common form.
    private func argument(
        _ runs: [Trace.Argument], of op: String, _ step: Int
    ) throws(RecordingError) -> Recording.Argument? {
        func all<Kind>(_ kind: (Trace.Argument) -> Kind?) -> [Kind]? {
            let found = runs.compactMap(kind)
            return found.count == runs.count ? found : nil
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
                .flatMap { Length($0, lengths: lengths) }.map { .size($0) }
        case .integers:
            let lists = all { if case .integers(let numbers) = $0 { numbers } else { nil } }
            guard let lists, Set(lists.map(\.count)).count == 1 else { return nil }
            let sizes = lists[0].indices.compactMap { index in
                Length(lists.map { $0[index] }, lengths: lengths)
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
                .flatMap { Set($0).count == 1 ? .word($0[0]) : nil }
        case .list:
            guard let lists = all({ if case .list(let list) = $0 { list } else { nil } })
            else { return nil }
            return .list(try arguments(lists, of: op, step))
        }
    }

    /// A constant that is the same in all recordings, or repeats itself along axes that vary.
    private func constant(_ tensors: [Tensor]) -> Recording.Argument? {
        let first = tensors[0]
        if tensors.allSatisfy({ $0.holdsTheSame(as: first) }) { return .constant(first) }
        guard tensors.allSatisfy({ $0.rank == first.rank && $0.dtype == first.dtype })
        else { return nil }
        var cut = tensors
        var sizes: [Length] = []
        for axis in 0..<first.rank {
            guard let size = Length(tensors.map { $0.size(axis) }, lengths: lengths)
            else { return nil }
            sizes.append(size)
            guard size.fixed == nil else { continue }
            for index in cut.indices {
                let slice = cut[index].slice(axis, 0)
                guard cut[index].holdsTheSame(as: slice.expanded(cut[index].shape))
                else { return nil }
                cut[index] = slice
            }
        }
        guard cut.allSatisfy({ $0.holdsTheSame(as: cut[0]) }) else { return nil }
        return .stretched(cut[0], to: sizes)
    }

    private func results(
        _ runs: [[Trace.Result]], of op: String, _ step: Int
    ) throws(RecordingError) -> [Recording.Result] {
        guard Set(runs.map(\.count)).count == 1 else {
            throw .differs(op: op, step: step, what: "the number of results")
        }
        var found: [Recording.Result] = []
        for index in runs[0].indices {
            let alike = runs.map { $0[index] }
            guard let number = numbers[0][alike[0].value],
                Set(alike.map(\.shape.count)).count == 1, Set(alike.map(\.dtype)).count == 1
            else { throw .differs(op: op, step: step, what: "the form of result \(index)") }
            let shape = alike[0].shape.indices.compactMap { axis in
                Length(alike.map { $0.shape[axis] }, lengths: lengths)
            }
            guard shape.count == alike[0].shape.count else {
                throw .differs(op: op, step: step, what: "the shape of result \(index)")
            }
            found.append(Recording.Result(number: number, shape: shape, dtype: alike[0].dtype))
        }
        return found
    }
}

extension Tensor {
    /// Whether both have the same shape, type and bits.
    fileprivate func holdsTheSame(as other: Tensor) -> Bool {
        guard shape == other.shape, dtype == other.dtype else { return false }
        return withUnsafeBytes { one in other.withUnsafeBytes { one.elementsEqual($0) } }
    }

    /// One place of an axis, which stays.
    fileprivate func slice(_ axis: Int, _ place: Int) -> Tensor {
        indexed(by: Tensor([place]), axis: axis)
    }
}
