import Foundation
import Torch

extension GraphBuilder {
    /// Lowers elementwise operators, reductions and matrix products.
    ///
    /// - Parameter step: a call.
    /// - Returns: the name of its result; nil where it is another operator.
    /// - Throws: ``ExportError/unsupportedArgument(op:what:)``.
    mutating func arithmeticOperator(_ step: Recording.Step) throws -> String? {
        switch step.op {
        case "add.Tensor", "add.Scalar": return try scaled("Add", step)
        case "sub.Tensor", "sub.Scalar": return try scaled("Sub", step)
        case "mul.Tensor", "mul.Scalar": return try binary("Mul", step)
        case "div.Tensor", "div.Scalar": return try binary("Div", step)
        case "matmul": return try binary("MatMul", step)
        case "eq.Scalar": return try binary("Equal", step)
        case "gt.Scalar": return try binary("Greater", step)
        case "pow.Tensor_Scalar": return try binary("Pow", step)
        case "rsub.Scalar":
            try step.require(2, toBe: 1)
            return add("Sub", [try name(step[1]), try name(step[0])])
        case "neg": return add("Neg", [try name(step[0])])
        case "exp": return add("Exp", [try name(step[0])])
        case "sin": return add("Sin", [try name(step[0])])
        case "cos": return add("Cos", [try name(step[0])])
        case "sqrt": return add("Sqrt", [try name(step[0])])
        case "reciprocal": return add("Reciprocal", [try name(step[0])])
        case "relu": return add("Relu", [try name(step[0])])
        case "sigmoid": return add("Sigmoid", [try name(step[0])])
        case "floor": return add("Floor", [try name(step[0])])
        case "clamp":
            var bounds: [String] = []
            for index in 1...2 { bounds.append(step.has(index) ? try name(step[index]) : "") }
            return add("Clip", [try name(step[0])] + bounds)
        case "where.self":
            return add("Where", [try name(step[0]), try name(step[1]), try name(step[2])])
        case "gelu":
            guard !step.has(1) else {
                throw ExportError.unsupportedArgument(op: step.op, what: "an approximation")
            }
            return gelu(try name(step[0]))
        case "softmax.int":
            return add("Softmax", [try name(step[0])], [("axis", .integer(try step.integer(1)))])
        case "amax": return try reduction("ReduceMax", step)
        case "mean.dim": return try reduction("ReduceMean", step)
        case "sum.dim_IntList":
            let axes = integers(try step.integers(1, count: 1))
            return add(
                "ReduceSum", [try name(step[0]), axes],
                [("keepdims", .integer(step.boolean(2) ? 1 : 0))])
        default: return nil
        }
    }

    private mutating func binary(_ op: String, _ step: Recording.Step) throws -> String {
        add(op, [try name(step[0]), try name(step[1])])
    }

    /// An operator whose second operand is multiplied by argument 2, ATen's `alpha`.
    private mutating func scaled(_ op: String, _ step: Recording.Step) throws -> String {
        let factor = try step.real(2, default: 1)
        var second = try name(step[1])
        if factor != 1 { second = add("Mul", [second, number(Float(factor))]) }
        return add(op, [try name(step[0]), second])
    }

    /// A reduction whose axes are an attribute in operator set 17.
    private mutating func reduction(_ op: String, _ step: Recording.Step) throws -> String {
        let axes = try step.integers(1, count: 1)
        return add(
            op, [try name(step[0])],
            [("axes", .integers(axes)), ("keepdims", .integer(step.boolean(2) ? 1 : 0))])
    }

    /// The exact GELU, in the form that runtimes recognize and fuse.
    private mutating func gelu(_ x: String) -> String {
        let scaled = add("Div", [x, number(Float(2.squareRoot()))])
        let sum = add("Add", [add("Erf", [scaled]), number(1)])
        return add("Mul", [add("Mul", [x, sum]), number(0.5)])
    }
}
