import Torch

/// Builds a ``Graph`` from a ``Recording``: names the values, stores each constant once, and adds the
/// nodes that compute dynamic sizes.
struct GraphBuilder {
    private(set) var nodes: [GraphNode] = []
    private(set) var constants: [GraphConstant] = []
    /// Names of the recording's values, by their numbers.
    private var names: [Int: String] = [:]
    private var shapes: [Int: [DynamicSize]]
    private var types: [Int: DType]
    private var constantNames: [ConstantKey: String] = [:]
    /// Names of the values with the lengths of dynamic axes, `[1]` each.
    private var axisLengths: [Int: String] = [:]
    private let axes: [Recording.Axis]
    private let inputNames: [String]
    /// Names of weights, by their addresses.
    private let weightNames: [UnsafeRawPointer: String]
    /// How tensors that are computed from weights before recording were made, by their addresses.
    private let derivedWeights: [UnsafeRawPointer: WeightOrigin]
    /// Matrices that were transposed; holding them keeps their addresses from being used again.
    private var transposedMatrices: [(matrix: Tensor, name: String)] = []
    private var nodeCount = 0
    /// The step of the recording that is being lowered.
    var step: Int?

    /// - Parameters:
    ///   - recording: the computation.
    ///   - inputNames: names of its inputs.
    ///   - weightNames: names of weights, by their addresses.
    ///   - derivedWeights: how tensors that are computed from weights were made, by their addresses.
    init(
        _ recording: Recording, inputNames: [String], weightNames: [UnsafeRawPointer: String],
        derivedWeights: [UnsafeRawPointer: WeightOrigin] = [:]
    ) {
        axes = recording.axes
        self.inputNames = inputNames
        self.weightNames = weightNames
        self.derivedWeights = derivedWeights
        let values = recording.values
        shapes = values.mapValues(\.shape)
        types = values.mapValues(\.dtype)
        for (input, name) in zip(recording.inputs, inputNames) {
            names[input.number] = name
        }
    }

    private enum ConstantKey: Hashable {
        case memory(UnsafeRawPointer, [Int], DType)
        case integers([Int])
        case number(Float)
        case index(Int)
    }

    /// Names a value of the recording.
    mutating func bind(_ value: Recording.Result, to name: String) {
        names[value.number] = name
    }

    /// Adds a node with one result.
    ///
    /// - Returns: the name of its result.
    mutating func add(
        _ op: String, _ inputs: [String], _ attributes: [(String, GraphNode.Attribute)] = []
    ) -> String {
        add(op, inputs, attributes, results: 1)[0]
    }

    /// Adds a node.
    ///
    /// - Returns: the names of its results.
    mutating func add(
        _ op: String, _ inputs: [String], _ attributes: [(String, GraphNode.Attribute)] = [],
        results: Int
    ) -> [String] {
        let names = (0..<results).map { index in
            "\(op)_\(nodeCount)" + (results > 1 ? "_\(index)" : "")
        }
        nodeCount += 1
        nodes.append(
            GraphNode(
                op: op, inputs: inputs, outputs: names,
                attributes: attributes.map { (name: $0.0, value: $0.1) }, step: step))
        return names
    }

    /// The name of the value or constant that an argument of the recording is.
    mutating func name(_ argument: Recording.Argument) throws(ExportError) -> String {
        switch argument {
        case .value(let number):
            guard let name = names[number] else {
                throw .unsupportedArgument(op: "a value", what: "no operator that computes it")
            }
            return name
        case .constant(let tensor): return constant(tensor)
        case .expanded(let tensor, let sizes):
            let stored = constant(tensor)
            let target = self.sizes(
                zip(sizes, tensor.shape).map { $0.fixed == $1 ? DynamicSize(1) : $0 })
            return add("Expand", [stored, target])
        case .size(let size) where size.fixed != nil:
            return number(Float(size.constant))
        case .real(let number): return self.number(Float(number))
        default:
            throw .unsupportedArgument(op: "an argument", what: "the value \(argument)")
        }
    }

    /// The shape of an argument that is a tensor.
    func shape(_ argument: Recording.Argument) -> [DynamicSize] {
        switch argument {
        case .value(let number): shapes[number] ?? []
        case .constant(let tensor): tensor.shape.map(DynamicSize.init)
        case .expanded(_, let sizes): sizes
        default: []
        }
    }

    /// The element type of an argument that is a tensor.
    func dtype(_ argument: Recording.Argument) -> DType {
        switch argument {
        case .value(let number): types[number] ?? .float32
        case .constant(let tensor), .expanded(let tensor, _): tensor.dtype
        default: .float32
        }
    }

    /// A constant tensor; tensors that share memory are stored once.
    mutating func constant(
        _ tensor: Tensor, name: String? = nil, origin: WeightOrigin? = nil
    ) -> String {
        let dense = tensor.contiguous()
        let address = dense.withUnsafeBytes { $0.baseAddress }
        let key = address.map { ConstantKey.memory($0, dense.shape, dense.dtype) }
        if let key, let name = constantNames[key] { return name }
        let derived = address.flatMap { derivedWeights[$0] }
        let weight = address.flatMap { weightNames[$0] }
        let known = name ?? weight ?? derived?.weight
        let origin =
            origin ?? weight.map { WeightOrigin(weight: $0, operation: .same) } ?? derived
        let name = known.map(unused) ?? "constant_\(constants.count)"
        constants.append(GraphConstant(name: name, tensor: dense, origin: origin))
        if let key { constantNames[key] = name }
        return name
    }

    /// A matrix transposed, as a constant; the same matrix is stored once.
    mutating func transposedConstant(_ matrix: Tensor) -> String {
        let dense = matrix.contiguous()
        let address = dense.withUnsafeBytes { $0.baseAddress }
        let known = transposedMatrices.first { known in
            known.matrix.shape == dense.shape
                && known.matrix.withUnsafeBytes { $0.baseAddress } == address
        }
        if let known { return known.name }
        let weight = address.flatMap { weightNames[$0] }
        let name = constant(
            dense.transposed(0, 1).contiguous(), name: weight,
            origin: weight.map { WeightOrigin(weight: $0, operation: .transposed) })
        transposedMatrices.append((dense, name))
        return name
    }

    /// `name`, with a number behind it where another constant has that name.
    private func unused(_ name: String) -> String {
        constants.contains { $0.name == name } ? "\(name).\(constants.count)" : name
    }

    /// Integers as a constant, `[n]`.
    mutating func integers(_ numbers: [Int]) -> String {
        let key = ConstantKey.integers(numbers)
        if let name = constantNames[key] { return name }
        let name = constant(Tensor(numbers.map(Int64.init)), name: "integers_\(constants.count)")
        constantNames[key] = name
        return name
    }

    /// An integer as a constant, `[]`.
    mutating func index(_ number: Int) -> String {
        let key = ConstantKey.index(number)
        if let name = constantNames[key] { return name }
        let name = constant(Tensor(Int64(number)), name: "integer_\(constants.count)")
        constantNames[key] = name
        return name
    }

    /// A number as a constant, `[]`.
    mutating func number(_ number: Float) -> String {
        let key = ConstantKey.number(number)
        if let name = constantNames[key] { return name }
        let name = constant(Tensor(number), name: "number_\(constants.count)")
        constantNames[key] = name
        return name
    }

    /// Sizes, `[n]`; dynamic ones are computed from the shapes of the inputs.
    mutating func sizes(_ sizes: [DynamicSize]) -> String {
        let fixed = sizes.compactMap(\.fixed)
        guard fixed.count < sizes.count else { return integers(fixed) }
        let parts = sizes.map { self.size($0) }
        return parts.count == 1 ? parts[0] : add("Concat", parts, [("axis", .integer(0))])
    }

    /// A size, `[1]`.
    private mutating func size(_ size: DynamicSize) -> String {
        var sum: String?
        for (axis, coefficient) in size.coefficients.enumerated() where coefficient != 0 {
            var term = length(axis)
            if coefficient != 1 { term = add("Mul", [term, integers([coefficient])]) }
            sum = sum.map { add("Add", [$0, term]) } ?? term
        }
        guard let sum else { return integers([size.constant]) }
        return size.constant == 0 ? sum : add("Add", [sum, integers([size.constant])])
    }

    /// The length of a dynamic axis, `[1]`.
    private mutating func length(_ axis: Int) -> String {
        if let name = axisLengths[axis] { return name }
        let dimension = axes[axis].dimension
        let name = add(
            "Shape", [inputNames[axes[axis].input]],
            [("start", .integer(dimension)), ("end", .integer(dimension + 1))])
        axisLengths[axis] = name
        return name
    }

    /// Renames a value everywhere; an input or a constant is copied to the new name instead.
    mutating func rename(_ old: String, to new: String) {
        guard nodes.contains(where: { $0.outputs.contains(old) }) else {
            nodes.append(GraphNode(op: "Identity", inputs: [old], outputs: [new]))
            return
        }
        for index in nodes.indices {
            nodes[index].outputs = nodes[index].outputs.map { $0 == old ? new : $0 }
            nodes[index].inputs = nodes[index].inputs.map { $0 == old ? new : $0 }
        }
        names = names.mapValues { $0 == old ? new : $0 }
    }

    /// A value in another shape with as many elements.
    mutating func reshaped(
        _ name: String, from shape: [DynamicSize], to target: [DynamicSize]
    ) -> String {
        guard shape != target else { return name }
        let isUnchanged = zip(shape, target).map { $0 == $1 }
        let varying = target.indices.filter { target[$0].fixed == nil }
        let unknown = varying.filter { !($0 < isUnchanged.count && isUnchanged[$0]) }
        if varying.count <= 1 || unknown.count <= 1 {
            // In ONNX's Reshape, -1 is inferred (allowed once) and 0 copies the input's size.
            let inferred = varying.count <= 1 ? varying.first : unknown.first
            let numbers = target.indices.map { axis in
                axis == inferred ? -1 : target[axis].fixed ?? 0
            }
            return add("Reshape", [name, integers(numbers)])
        }
        return add("Reshape", [name, sizes(target)])
    }
}
