import Torch

extension Graph {
    /// Lowers a recording to ONNX operators.
    ///
    /// - Parameters:
    ///   - name: of the graph.
    ///   - recording: the computation.
    ///   - inputs: names of its inputs.
    ///   - outputs: names of its results.
    ///   - weightNames: names of weights, by their addresses.
    ///   - derivedWeights: how tensors that are computed from weights were made, by their addresses.
    /// - Throws: ``ExportError`` for an operator or argument that cannot be expressed in ONNX.
    init(
        name: String, _ recording: Recording, inputs: [String], outputs: [String],
        weightNames: [UnsafeRawPointer: String],
        derivedWeights: [UnsafeRawPointer: WeightOrigin] = [:]
    ) throws {
        var builder = GraphBuilder(
            recording, inputNames: inputs, weightNames: weightNames,
            derivedWeights: derivedWeights)
        for (index, step) in recording.steps.enumerated() {
            builder.step = index
            try builder.lower(step)
        }
        builder.step = nil
        var results: [GraphValue] = []
        for (output, name) in zip(recording.outputs, outputs) {
            builder.rename(try builder.name(output), to: name)
            results.append(
                GraphValue(
                    name: name, type: builder.dtype(output),
                    shape: recording.dimensions(builder.shape(output))))
        }
        self.init(
            name: name,
            inputs: zip(recording.inputs, inputs).map {
                GraphValue(name: $1, type: $0.dtype, shape: recording.dimensions($0.shape))
            },
            outputs: results, nodes: builder.nodes, constants: builder.constants)
    }
}

extension Recording {
    /// A shape as a graph states it: fixed sizes as numbers, dynamic ones by the names of axes.
    fileprivate func dimensions(_ shape: [DynamicSize]) -> [GraphValue.Dimension] {
        shape.enumerated().map { place, size in
            if let number = size.fixed { return .fixed(number) }
            if let axis = size.axis { return .dynamic(axes[axis].name) }
            return .dynamic("axis_\(place)")
        }
    }
}

extension GraphBuilder {
    /// Adds the ONNX nodes for one call of an ATen operator, and names its results.
    ///
    /// - Parameter step: the call.
    /// - Throws: ``ExportError`` for an operator or argument that cannot be expressed in ONNX.
    mutating func lower(_ step: Recording.Step) throws {
        if step.results.count > 1 {
            let names = try splitOperator(step)
            for (result, name) in zip(step.results, names) { bind(result, to: name) }
            return
        }
        let name =
            try arithmeticOperator(step) ?? layerOperator(step) ?? shapeOperator(step)
            ?? splitOperator(step)[0]
        bind(step.results[0], to: name)
    }
}

/// Arguments of a step as the lowering needs them.
extension Recording.Step {
    /// An argument; `.none` where it was left out.
    subscript(_ index: Int) -> Recording.Argument {
        index < arguments.count ? arguments[index] : .none
    }

    /// Whether an optional argument was given.
    func has(_ index: Int) -> Bool {
        if case .none = self[index] { false } else { true }
    }

    /// A fixed integer.
    func integer(_ index: Int) throws(ExportError) -> Int {
        guard case .size(let size) = self[index], let number = size.fixed else {
            throw .unsupportedArgument(op: op, what: "argument \(index) that is no fixed integer")
        }
        return number
    }

    /// A list of fixed integers; a single integer is repeated.
    func integers(_ index: Int, count: Int) throws(ExportError) -> [Int] {
        if case .sizes(let sizes) = self[index] {
            let numbers = sizes.compactMap(\.fixed)
            if numbers.count == sizes.count {
                return numbers.count == 1 ? [Int](repeating: numbers[0], count: count) : numbers
            }
        }
        return [Int](repeating: try integer(index), count: count)
    }

    func real(_ index: Int, default value: Double) throws(ExportError) -> Double {
        switch self[index] {
        case .none: return value
        case .real(let number): return number
        case .size(let size) where size.fixed != nil: return Double(size.constant)
        default: throw .unsupportedArgument(op: op, what: "argument \(index) that is no number")
        }
    }

    func boolean(_ index: Int) -> Bool {
        if case .boolean(let truth) = self[index] { return truth }
        return false
    }

    func list(_ index: Int) throws(ExportError) -> [Recording.Argument] {
        guard case .list(let list) = self[index] else {
            throw .unsupportedArgument(op: op, what: "argument \(index) that is no list")
        }
        return list
    }

    /// An axis, counted from the front.
    func axis(_ index: Int, rank: Int) throws(ExportError) -> Int {
        let axis = try integer(index)
        return axis < 0 ? axis + rank : axis
    }

    /// Refuses arguments whose value the lowering does not support.
    ///
    /// - Parameters:
    ///   - indices: of the arguments.
    ///   - supported: the only supported value where they are given; 0 also means false.
    /// - Throws: ``ExportError/unsupportedArgument(op:what:)``.
    func require(_ indices: Int..., toBe supported: Int) throws(ExportError) {
        for index in indices {
            let isSupported =
                switch self[index] {
                case .none: true
                case .boolean(let truth): truth == (supported != 0)
                case .size(let size): size.fixed == supported
                case .real(let number): number == Double(supported)
                case .sizes(let sizes): sizes.allSatisfy { $0.fixed == supported }
                default: false
                }
            guard isSupported else {
                throw .unsupportedArgument(
                    op: op, what: "argument \(index) other than \(supported)")
            }
        }
    }
}
