import Foundation
import Torch

/// How an operator of ATen is said in ONNX.
struct Lowering: Sendable {
    /// Adds nodes for a step, and names its results.
    let apply: @Sendable (inout GraphBuilder, Recording.Step) throws -> Void

    /// An operator with one result.
    ///
    /// - Parameter body: adds the nodes and gives the name of the result.
    init(_ body: @escaping @Sendable (inout GraphBuilder, Recording.Step) throws -> String) {
        apply = { builder, step in
            let name = try body(&builder, step)
            builder.bind(step.results[0], to: name)
        }
    }

    init(apply: @escaping @Sendable (inout GraphBuilder, Recording.Step) throws -> Void) {
        self.apply = apply
    }

    /// All operators that the networks use.
    static let table: [String: Lowering] = arithmetic.merging(shapes) { one, _ in one }
        .merging(layers) { one, _ in one }
}

extension Graph {
    /// The graph of a recording.
    ///
    /// - Parameters:
    ///   - name: of the graph.
    ///   - recording: the computation.
    ///   - inputs: names of its inputs, and what their axes are called where they vary.
    ///   - outputs: names of its results.
    ///   - weightNames: names of weights, by where they lie in memory.
    /// - Throws: ``ExportError`` for an operator that has no form in ONNX here.
    init(
        name: String, _ recording: Recording, inputs: [String], outputs: [String],
        weightNames: [UnsafeRawPointer: String]
    ) throws {
        var builder = GraphBuilder(recording, inputNames: inputs, weightNames: weightNames)
        for (index, step) in recording.steps.enumerated() {
            builder.step = index
            guard let lowering = Lowering.table[step.op] else {
                throw ExportError.unknownOperator(step.op)
            }
            try lowering.apply(&builder, step)
        }
        builder.step = nil
        func lengths(_ shape: [Length]) -> [GraphValue.Axis] {
            shape.enumerated().map { place, size in
                if let number = size.fixed { return .fixed(number) }
                if let axis = size.axis { return .named(recording.axes[axis].name) }
                return .named("axis_\(place)")
            }
        }
        var results: [GraphValue] = []
        for (output, name) in zip(recording.outputs, outputs) {
            // A value of its own, so that it can have the name that is wanted.
            let value = try builder.name(output)
            builder.rename(value, to: name)
            results.append(
                GraphValue(
                    name: name, type: builder.dtype(output), shape: lengths(builder.shape(output))))
        }
        self.init(
            name: name,
            inputs: zip(recording.inputs, inputs).map {
                GraphValue(name: $1, type: $0.dtype, shape: lengths($0.shape))
            },
            outputs: results, nodes: builder.nodes, constants: builder.constants)
    }
}

extension Recording.Step {
    /// An argument; what is left out is none.
    subscript(_ place: Int) -> Recording.Argument {
        place < arguments.count ? arguments[place] : .none
    }

    /// An argument that is a fixed integer.
    func integer(_ place: Int) throws(ExportError) -> Int {
        guard case .size(let size) = self[place], let number = size.fixed else {
            throw .unknownForm(op: op, what: "argument \(place) that is no fixed integer")
        }
        return number
    }

    /// An argument that is a list of fixed integers; one integer stands for all.
    func integers(_ place: Int, count: Int) throws(ExportError) -> [Int] {
        if case .sizes(let sizes) = self[place] {
            let numbers = sizes.compactMap(\.fixed)
            if numbers.count == sizes.count {
                return numbers.count == 1 ? [Int](repeating: numbers[0], count: count) : numbers
            }
        }
        return [Int](repeating: try integer(place), count: count)
    }

    func real(_ place: Int, default value: Double) throws(ExportError) -> Double {
        switch self[place] {
        case .none: return value
        case .real(let number): return number
        case .size(let size) where size.fixed != nil: return Double(size.base)
        default: throw .unknownForm(op: op, what: "argument \(place) that is no number")
        }
    }

    func truth(_ place: Int) -> Bool {
        if case .boolean(let truth) = self[place] { return truth }
        return false
    }

    func list(_ place: Int) throws(ExportError) -> [Recording.Argument] {
        guard case .list(let list) = self[place] else {
            throw .unknownForm(op: op, what: "argument \(place) that is no list")
        }
        return list
    }

    /// Refuses arguments that would change the result in a way that has no form here.
    ///
    /// - Parameters:
    ///   - places: where they are among the arguments.
    ///   - plain: what they have to be where they are given: numbers, or false.
    /// - Throws: ``ExportError/unknownForm(op:what:)``.
    func expect(_ places: Int..., toBe plain: Int) throws(ExportError) {
        for place in places {
            let isPlain =
                switch self[place] {
                case .none: true
                case .boolean(let truth): truth == (plain != 0)
                case .size(let size): size.fixed == plain
                case .real(let number): number == Double(plain)
                case .sizes(let sizes): sizes.allSatisfy { $0.fixed == plain }
                default: false
                }
            guard isPlain else {
                throw .unknownForm(op: op, what: "argument \(place) other than \(plain)")
            }
        }
    }

    /// An axis, counted from the front.
    func axis(_ place: Int, of rank: Int) throws(ExportError) -> Int {
        let axis = try integer(place)
        return axis < 0 ? axis + rank : axis
    }
}

extension Lowering {
    static let arithmetic: [String: Lowering] = [
        "add.Tensor": scaled("Add"), "add.Scalar": scaled("Add"),
        "sub.Tensor": scaled("Sub"), "sub.Scalar": scaled("Sub"),
        "mul.Tensor": binary("Mul"), "mul.Scalar": binary("Mul"),
        "div.Tensor": binary("Div"), "div.Scalar": binary("Div"),
        "matmul": binary("MatMul"),
        "eq.Scalar": binary("Equal"),
        "rsub.Scalar": Lowering { builder, step in
            try step.expect(2, toBe: 1)
            return builder.add("Sub", [try builder.name(step[1]), try builder.name(step[0])])
        },
        "pow.Tensor_Scalar": binary("Pow"),
        "neg": unary("Neg"), "exp": unary("Exp"), "sin": unary("Sin"), "cos": unary("Cos"),
        "sqrt": unary("Sqrt"), "reciprocal": unary("Reciprocal"), "relu": unary("Relu"),
        "sigmoid": unary("Sigmoid"), "floor": unary("Floor"),
        "clamp": Lowering { builder, step in
            let bounds = try (1...2).map { place -> String in
                if case .none = step[place] { return "" }
                return try builder.name(step[place])
            }
            return builder.add("Clip", [try builder.name(step[0])] + bounds)
        },
        "where.self": Lowering { builder, step in
            builder.add("Where", try (0...2).map { try builder.name(step[$0]) })
        },
        "gelu": Lowering { builder, step in
            guard case .none = step[1] else {
                throw ExportError.unknownForm(op: step.op, what: "an approximation")
            }
            return builder.gelu(try builder.name(step[0]))
        },
        "softmax.int": Lowering { builder, step in
            builder.add(
                "Softmax", [try builder.name(step[0])], [("axis", .integer(try step.integer(1)))])
        },
        "amax": Lowering { builder, step in
            let axes = try step.integers(1, count: 1)
            return builder.add(
                "ReduceMax", [try builder.name(step[0])],
                [("axes", .integers(axes)), ("keepdims", .integer(step.truth(2) ? 1 : 0))])
        },
        "sum.dim_IntList": Lowering { builder, step in
            let axes = builder.integers(try step.integers(1, count: 1))
            return builder.add(
                "ReduceSum", [try builder.name(step[0]), axes],
                [("keepdims", .integer(step.truth(2) ? 1 : 0))])
        },
        "mean.dim": Lowering { builder, step in
            let axes = try step.integers(1, count: 1)
            return builder.add(
                "ReduceMean", [try builder.name(step[0])],
                [("axes", .integers(axes)), ("keepdims", .integer(step.truth(2) ? 1 : 0))])
        },
    ]

    private static func unary(_ op: String) -> Lowering {
        Lowering { builder, step in builder.add(op, [try builder.name(step[0])]) }
    }

    private static func binary(_ op: String) -> Lowering {
        Lowering { builder, step in
            builder.add(op, [try builder.name(step[0]), try builder.name(step[1])])
        }
    }

    /// An operator whose second operand may have a factor.
    private static func scaled(_ op: String) -> Lowering {
        Lowering { builder, step in
            let factor = try step.real(2, default: 1)
            var second = try builder.name(step[1])
            if factor != 1 { second = builder.add("Mul", [second, builder.number(Float(factor))]) }
            return builder.add(op, [try builder.name(step[0]), second])
        }
    }
}

extension GraphBuilder {
    /// The exact GELU, in the form that runtimes know again and compute in one pass.
    mutating func gelu(_ x: String) -> String {
        let scaled = add("Div", [x, number(Float(2.squareRoot()))])
        let sum = add("Add", [add("Erf", [scaled]), number(1)])
        return add("Mul", [add("Mul", [x, sum]), number(0.5)])
    }
}
