import Torch

/// A graph in the making: constants once each, names for values, sizes as the graph computes them.
struct GraphBuilder {
    private(set) var nodes: [GraphNode] = []
    private(set) var constants: [GraphConstant] = []
    /// Names of the recording's values.
    private var names: [Int: String] = [:]
    private var shapes: [Int: [Length]]
    private var types: [Int: DType]
    private var constantNames: [ConstantKey: String] = [:]
    /// For each axis of the recording the name of its length, `[1]`.
    private var lengths: [Int: String] = [:]
    private let axes: [Recording.Axis]
    private let inputNames: [String]
    /// Names of weights, by where they lie in memory.
    let weightNames: [UnsafeRawPointer: String]
    /// Matrices that were turned, held so that no other comes to lie in their place.
    var turned: [(matrix: Tensor, name: String)] = []
    private var count = 0
    /// The step of the recording whose nodes are added.
    var step: Int?

    /// - Parameters:
    ///   - recording: what is to be built.
    ///   - inputNames: names of its inputs.
    ///   - weightNames: names of weights, by where they lie in memory.
    init(
        _ recording: Recording, inputNames: [String], weightNames: [UnsafeRawPointer: String]
    ) {
        axes = recording.axes
        self.inputNames = inputNames
        self.weightNames = weightNames
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

    /// Gives a value of the recording its name.
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
            "\(op)_\(count)" + (results > 1 ? "_\(index)" : "")
        }
        count += 1
        nodes.append(
            GraphNode(
                op: op, inputs: inputs, outputs: names,
                attributes: attributes.map { (name: $0.0, value: $0.1) }, step: step))
        return names
    }

    /// The name of an operator's argument: a value, or a constant.
    mutating func name(_ argument: Recording.Argument) throws(ExportError) -> String {
        switch argument {
        case .value(let number):
            guard let name = names[number] else {
                throw .unknownForm(op: "a value", what: "no operator that gives it")
            }
            return name
        case .constant(let tensor): return constant(tensor)
        case .stretched(let tensor, let sizes):
            let one = constant(tensor)
            let target = self.sizes(
                zip(sizes, tensor.shape).map { $0.fixed == $1 ? Length(1) : $0 })
            return add("Expand", [one, target])
        case .size(let size) where size.fixed != nil:
            return number(Float(size.base))
        case .real(let number): return self.number(Float(number))
        default:
            throw .unknownForm(op: "an argument", what: "the form of \(argument)")
        }
    }

    /// The shape of an argument that is a tensor.
    func shape(_ argument: Recording.Argument) -> [Length] {
        switch argument {
        case .value(let number): shapes[number] ?? []
        case .constant(let tensor): tensor.shape.map(Length.init)
        case .stretched(_, let sizes): sizes
        default: []
        }
    }

    /// The element type of an argument that is a tensor.
    func dtype(_ argument: Recording.Argument) -> DType {
        switch argument {
        case .value(let number): types[number] ?? .float32
        case .constant(let tensor), .stretched(let tensor, _): tensor.dtype
        default: .float32
        }
    }

    /// A constant tensor; the same memory is taken in once.
    mutating func constant(_ tensor: Tensor, name: String? = nil) -> String {
        let dense = tensor.contiguous()
        let place = dense.withUnsafeBytes { $0.baseAddress }
        let key = place.map { ConstantKey.memory($0, dense.shape, dense.dtype) }
        if let key, let name = constantNames[key] { return name }
        let known = name ?? place.flatMap { weightNames[$0] }
        let name = known.map(unused) ?? "constant_\(constants.count)"
        constants.append(GraphConstant(name: name, tensor: dense))
        if let key { constantNames[key] = name }
        return name
    }

    private func unused(_ name: String) -> String {
        constants.contains { $0.name == name } ? "\(name).\(constants.count)" : name
    }

    /// A list of integers as a constant, `[n]`.
    mutating func integers(_ numbers: [Int]) -> String {
        let key = ConstantKey.integers(numbers)
        if let name = constantNames[key] { return name }
        let name = constant(Tensor(numbers.map(Int64.init)), name: "integers_\(constants.count)")
        constantNames[key] = name
        return name
    }

    /// An integer as a constant without axes.
    mutating func index(_ number: Int) -> String {
        let key = ConstantKey.index(number)
        if let name = constantNames[key] { return name }
        let name = constant(Tensor(Int64(number)), name: "integer_\(constants.count)")
        constantNames[key] = name
        return name
    }

    /// A number as a constant without axes.
    mutating func number(_ number: Float) -> String {
        let key = ConstantKey.number(number)
        if let name = constantNames[key] { return name }
        let name = constant(Tensor(number), name: "number_\(constants.count)")
        constantNames[key] = name
        return name
    }

    /// A list of sizes, `[n]`, computed from the inputs where they vary.
    mutating func sizes(_ sizes: [Length]) -> String {
        let fixed = sizes.compactMap(\.fixed)
        guard fixed.count < sizes.count else { return integers(fixed) }
        let parts = sizes.map { self.size($0) }
        return parts.count == 1 ? parts[0] : add("Concat", parts, [("axis", .integer(0))])
    }

    /// A size, `[1]`.
    private mutating func size(_ size: Length) -> String {
        var sum: String?
        for (axis, factor) in size.factors.enumerated() where factor != 0 {
            var term = length(axis)
            if factor != 1 { term = add("Mul", [term, integers([factor])]) }
            sum = sum.map { add("Add", [$0, term]) } ?? term
        }
        guard let sum else { return integers([size.base]) }
        return size.base == 0 ? sum : add("Add", [sum, integers([size.base])])
    }

    private mutating func length(_ axis: Int) -> String {
        if let name = lengths[axis] { return name }
        let place = axes[axis].place
        let name = add(
            "Shape", [inputNames[axes[axis].input]],
            [("start", .integer(place)), ("end", .integer(place + 1))])
        lengths[axis] = name
        return name
    }

    /// Renames a value everywhere; an input, a constant or a value named already is handed on.
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
        _ name: String, from shape: [Length], to target: [Length]
    ) -> String {
        guard shape != target else { return name }
        let kept = zip(shape, target).map { $0 == $1 }
        let varying = target.indices.filter { target[$0].fixed == nil }
        let open = varying.filter { !($0 < kept.count && kept[$0]) }
        if varying.count <= 1 || open.count <= 1 {
            // -1 for the one that is not told otherwise, 0 for one that stays as it is.
            let one = varying.count <= 1 ? varying.first : open.first
            let numbers = target.indices.map { place in
                place == one ? -1 : target[place].fixed ?? 0
            }
            return add("Reshape", [name, integers(numbers)])
        }
        return add("Reshape", [name, sizes(target)])
    }
}
