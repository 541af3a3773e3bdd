import Foundation
import Torch

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
