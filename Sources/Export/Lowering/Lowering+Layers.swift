import Torch

extension Lowering {
    static let layers: [String: Lowering] = [
        "linear": Lowering { builder, step in
            // The weight is turned once, here.
            guard case .constant(let weight) = step[1] else {
                throw ExportError.unknownForm(op: step.op, what: "a weight that is no constant")
            }
            let product = builder.add(
                "MatMul", [try builder.name(step[0]), builder.turned(weight)])
            if case .none = step[2] { return product }
            return builder.add("Add", [product, try builder.name(step[2])])
        },
        "conv2d": Lowering { builder, step in
            var inputs = [try builder.name(step[0]), try builder.name(step[1])]
            if case .none = step[2] {} else { inputs.append(try builder.name(step[2])) }
            let kernel = builder.shape(step[1]).suffix(2).compactMap(\.fixed)
            let padding = try step.integers(4, count: 2)
            return builder.add(
                "Conv", inputs,
                [
                    ("kernel_shape", .integers(kernel)),
                    ("strides", .integers(try step.integers(3, count: 2))),
                    ("pads", .integers(padding + padding)),
                    ("dilations", .integers(try step.integers(5, count: 2))),
                    ("group", .integer(try step.integer(6))),
                ])
        },
        "conv_transpose2d.input": Lowering { builder, step in
            try step.expect(5, toBe: 0)
            try step.expect(7, toBe: 1)
            var inputs = [try builder.name(step[0]), try builder.name(step[1])]
            if case .none = step[2] {} else { inputs.append(try builder.name(step[2])) }
            let kernel = builder.shape(step[1]).suffix(2).compactMap(\.fixed)
            let padding = try step.integers(4, count: 2)
            return builder.add(
                "ConvTranspose", inputs,
                [
                    ("kernel_shape", .integers(kernel)),
                    ("strides", .integers(try step.integers(3, count: 2))),
                    ("pads", .integers(padding + padding)),
                    ("group", .integer(try step.integer(6))),
                ])
        },
        "layer_norm": Lowering { builder, step in
            let axes = try step.integers(1, count: 1).count
            var inputs = [try builder.name(step[0]), try builder.name(step[2])]
            if case .none = step[3] {} else { inputs.append(try builder.name(step[3])) }
            return builder.add(
                "LayerNormalization", inputs,
                [
                    ("axis", .integer(-axes)), ("epsilon", .real(try step.real(4, default: 1e-5))),
                ])
        },
        "max_pool2d": Lowering { builder, step in
            try step.expect(4, toBe: 1)
            try step.expect(5, toBe: 0)
            let padding = try step.integers(3, count: 2)
            return builder.add(
                "MaxPool", [try builder.name(step[0])],
                [
                    ("kernel_shape", .integers(try step.integers(1, count: 2))),
                    ("strides", .integers(try step.integers(2, count: 2))),
                    ("pads", .integers(padding + padding)),
                ])
        },
        "upsample_bilinear2d": Lowering { builder, step in
            guard !step.truth(2) else {
                throw ExportError.unknownForm(op: step.op, what: "corners aligned")
            }
            return builder.add(
                "Resize",
                [try builder.name(step[0]), "", "", builder.sizes(step.results[0].shape)],
                [
                    ("mode", .word("linear")),
                    ("coordinate_transformation_mode", .word("half_pixel")),
                ])
        },
        "scaled_dot_product_attention": Lowering { builder, step in
            try step.expect(4, 5, toBe: 0)
            let query = builder.shape(step[0])
            guard let width = query.last?.fixed else {
                throw ExportError.unknownForm(op: step.op, what: "queries of no fixed width")
            }
            let scale = try step.real(6, default: 1 / Double(width).squareRoot())
            var scaled = try builder.name(step[0])
            if scale != 1 { scaled = builder.add("Mul", [scaled, builder.number(Float(scale))]) }
            let rank = query.count
            let turned = builder.add(
                "Transpose", [try builder.name(step[1])],
                [("perm", .integers(Array(0..<rank - 2) + [rank - 1, rank - 2]))])
            var scores = builder.add("MatMul", [scaled, turned])
            if case .none = step[3] {
            } else {
                scores = builder.add("Add", [scores, try builder.name(step[3])])
            }
            let weights = builder.add("Softmax", [scores], [("axis", .integer(-1))])
            return builder.add("MatMul", [weights, try builder.name(step[2])])
        },
    ]
}

extension GraphBuilder {
    /// A matrix turned, as a constant.
    mutating func turned(_ matrix: Tensor) -> String {
        let dense = matrix.contiguous()
        let place = dense.withUnsafeBytes { $0.baseAddress }
        let known = turned.first {
            $0.matrix.shape == dense.shape && $0.matrix.withUnsafeBytes { $0.baseAddress } == place
        }
        if let known { return known.name }
        let name = constant(
            dense.transposed(0, 1).contiguous(), name: place.flatMap { weightNames[$0] })
        turned.append((dense, name))
        return name
    }
}
