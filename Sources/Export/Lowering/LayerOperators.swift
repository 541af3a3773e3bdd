import Torch

extension GraphBuilder {
    /// Lowers linear layers, convolutions, normalization, pooling, resizing and attention.
    ///
    /// - Parameter step: a call.
    /// - Returns: the name of its result; nil where it is another operator.
    /// - Throws: ``ExportError/unsupportedArgument(op:what:)``.
    mutating func layerOperator(_ step: Recording.Step) throws -> String? {
        switch step.op {
        case "linear": return try linear(step)
        case "conv2d":
            let kernel = shape(step[1]).suffix(2).compactMap(\.fixed)
            let padding = try step.integers(4, count: 2)
            return add(
                "Conv", try inputs(of: step),
                [
                    ("kernel_shape", .integers(kernel)),
                    ("strides", .integers(try step.integers(3, count: 2))),
                    ("pads", .integers(padding + padding)),
                    ("dilations", .integers(try step.integers(5, count: 2))),
                    ("group", .integer(try step.integer(6))),
                ])
        case "conv1d":
            try step.require(5, 6, toBe: 1)
            let padding = try step.integers(4, count: 1)
            return add(
                "Conv", try inputs(of: step),
                [
                    ("kernel_shape", .integers(shape(step[1]).suffix(1).compactMap(\.fixed))),
                    ("strides", .integers(try step.integers(3, count: 1))),
                    ("pads", .integers(padding + padding)),
                ])
        case "conv_transpose2d.input":
            try step.require(7, toBe: 1)
            let kernel = shape(step[1]).suffix(2).compactMap(\.fixed)
            let padding = try step.integers(4, count: 2)
            return add(
                "ConvTranspose", try inputs(of: step),
                [
                    ("kernel_shape", .integers(kernel)),
                    ("strides", .integers(try step.integers(3, count: 2))),
                    ("pads", .integers(padding + padding)),
                    ("output_padding", .integers(try step.integers(5, count: 2))),
                    ("group", .integer(try step.integer(6))),
                ])
        case "batch_norm":
            try step.require(5, toBe: 0)
            var inputs: [String] = []
            for index in 0..<5 { inputs.append(try name(step[index])) }
            return add(
                "BatchNormalization", inputs,
                [("epsilon", .real(try step.real(7, default: 1e-5)))])
        case "layer_norm":
            let axes = try step.integers(1, count: 1).count
            var inputs = [try name(step[0]), try name(step[2])]
            if step.has(3) { inputs.append(try name(step[3])) }
            return add(
                "LayerNormalization", inputs,
                [
                    ("axis", .integer(-axes)), ("epsilon", .real(try step.real(4, default: 1e-5))),
                ])
        case "max_pool2d":
            try step.require(4, toBe: 1)
            try step.require(5, toBe: 0)
            let padding = try step.integers(3, count: 2)
            return add(
                "MaxPool", [try name(step[0])],
                [
                    ("kernel_shape", .integers(try step.integers(1, count: 2))),
                    ("strides", .integers(try step.integers(2, count: 2))),
                    ("pads", .integers(padding + padding)),
                ])
        case "upsample_bilinear2d":
            let mode = step.boolean(2) ? "align_corners" : "half_pixel"
            return add(
                "Resize", [try name(step[0]), "", "", sizes(step.results[0].shape)],
                [
                    ("mode", .string("linear")),
                    ("coordinate_transformation_mode", .string(mode)),
                ])
        case "upsample_nearest2d":
            return add(
                "Resize", [try name(step[0]), "", "", sizes(step.results[0].shape)],
                [
                    ("mode", .string("nearest")),
                    ("coordinate_transformation_mode", .string("asymmetric")),
                    ("nearest_mode", .string("floor")),
                ])
        case "scaled_dot_product_attention": return try attention(step)
        default: return nil
        }
    }

    /// Input, weight and, where there is one, bias.
    private mutating func inputs(of step: Recording.Step) throws -> [String] {
        var inputs = [try name(step[0]), try name(step[1])]
        if step.has(2) { inputs.append(try name(step[2])) }
        return inputs
    }

    /// A matrix product with the weight transposed at export, and an addition.
    private mutating func linear(_ step: Recording.Step) throws -> String {
        guard case .constant(let weight) = step[1] else {
            throw ExportError.unsupportedArgument(
                op: step.op, what: "a weight that is no constant")
        }
        let product = add("MatMul", [try name(step[0]), transposedConstant(weight)])
        return step.has(2) ? add("Add", [product, try name(step[2])]) : product
    }

    /// `softmax(scale q k^T + mask) v`.
    private mutating func attention(_ step: Recording.Step) throws -> String {
        try step.require(4, 5, toBe: 0)
        let query = shape(step[0])
        guard let width = query.last?.fixed else {
            throw ExportError.unsupportedArgument(op: step.op, what: "queries of dynamic width")
        }
        let scale = try step.real(6, default: 1 / Double(width).squareRoot())
        var scaled = try name(step[0])
        if scale != 1 { scaled = add("Mul", [scaled, number(Float(scale))]) }
        let rank = query.count
        let keys = add(
            "Transpose", [try name(step[1])],
            [("perm", .integers(Array(0..<rank - 2) + [rank - 1, rank - 2]))])
        var scores = add("MatMul", [scaled, keys])
        if step.has(3) { scores = add("Add", [scores, try name(step[3])]) }
        let weights = add("Softmax", [scores], [("axis", .integer(-1))])
        return add("MatMul", [weights, try name(step[2])])
    }
}
