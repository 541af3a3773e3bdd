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

extension Lowering {
    static let shapes: [String: Lowering] = [
        "reshape": reshaping, "flatten.using_ints": reshaping, "unsqueeze": reshaping,
        "squeeze.dim": reshaping,
        "contiguous": same, "clone": same, "detach": same,
        "permute": Lowering { builder, step in
            let rank = builder.shape(step[0]).count
            let axes = try step.integers(1, count: rank).map { $0 < 0 ? $0 + rank : $0 }
            return builder.add(
                "Transpose", [try builder.name(step[0])], [("perm", .integers(axes))])
        },
        "transpose.int": Lowering { builder, step in
            let rank = builder.shape(step[0]).count
            var axes = Array(0..<rank)
            axes.swapAt(try step.axis(1, of: rank), try step.axis(2, of: rank))
            return builder.add(
                "Transpose", [try builder.name(step[0])], [("perm", .integers(axes))])
        },
        "expand": Lowering { builder, step in
            let (from, to) = (builder.shape(step[0]), step.results[0].shape)
            let added = to.count - from.count
            let target = to.indices.map { axis in
                axis >= added && from[axis - added] == to[axis] ? Length(1) : to[axis]
            }
            guard from != to else { return try builder.name(step[0]) }
            return builder.add("Expand", [try builder.name(step[0]), builder.sizes(target)])
        },
        "cat": Lowering { builder, step in
            let parts = try step.list(0)
            let rank = builder.shape(parts[0]).count
            return builder.add(
                "Concat", try parts.map { try builder.name($0) },
                [("axis", .integer(try step.axis(1, of: rank)))])
        },
        "stack": Lowering { builder, step in
            let rank = step.results[0].shape.count
            let axis = try step.axis(1, of: rank)
            let places = builder.integers([axis])
            let parts = try step.list(0).map {
                builder.add("Unsqueeze", [try builder.name($0), places])
            }
            return builder.add("Concat", parts, [("axis", .integer(axis))])
        },
        "split_with_sizes": Lowering(apply: { builder, step in
            let sizes = builder.integers(try step.integers(1, count: step.results.count))
            let axis = try step.axis(2, of: builder.shape(step[0]).count)
            let names = builder.add(
                "Split", [try builder.name(step[0]), sizes], [("axis", .integer(axis))],
                results: step.results.count)
            for (result, name) in zip(step.results, names) { builder.bind(result, to: name) }
        }),
        "unbind.int": Lowering(apply: { builder, step in
            let axis = try step.axis(1, of: builder.shape(step[0]).count)
            let x = try builder.name(step[0])
            for (place, result) in step.results.enumerated() {
                let name = builder.add(
                    "Gather", [x, builder.index(place)], [("axis", .integer(axis))])
                builder.bind(result, to: name)
            }
        }),
        "select.int": Lowering { builder, step in
            let axis = try step.axis(1, of: builder.shape(step[0]).count)
            return builder.add(
                "Gather", [try builder.name(step[0]), builder.index(try step.integer(2))],
                [("axis", .integer(axis))])
        },
        "index_select": Lowering { builder, step in
            let axis = try step.axis(1, of: builder.shape(step[0]).count)
            return builder.add(
                "Gather", [try builder.name(step[0]), try builder.name(step[2])],
                [("axis", .integer(axis))])
        },
        "slice.Tensor": Lowering { builder, step in
            let shape = builder.shape(step[0])
            let axis = try step.axis(1, of: shape.count)
            func bound(_ place: Int, _ otherwise: Int) throws -> Int {
                if case .none = step[place] { return otherwise }
                return try step.integer(place)
            }
            let (start, end) = (try bound(2, 0), try bound(3, Int.max))
            guard shape != step.results[0].shape else { return try builder.name(step[0]) }
            return builder.add(
                "Slice",
                [
                    try builder.name(step[0]), builder.integers([start]), builder.integers([end]),
                    builder.integers([axis]), builder.integers([try bound(4, 1)]),
                ])
        },
        "constant_pad_nd": Lowering { builder, step in
            let rank = builder.shape(step[0]).count
            // ATen has the last axis first, before and after; ONNX all befores, then all afters.
            let amounts = try step.integers(1, count: 2)
            var (before, after) = (
                [Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank)
            )
            for pair in 0..<amounts.count / 2 {
                before[rank - 1 - pair] = amounts[2 * pair]
                after[rank - 1 - pair] = amounts[2 * pair + 1]
            }
            let value = builder.number(Float(try step.real(2, default: 0)))
            return builder.add(
                "Pad", [try builder.name(step[0]), builder.integers(before + after), value])
        },
        "to.dtype": Lowering { builder, step in
            builder.add(
                "Cast", [try builder.name(step[0])],
                [("to", .integer(step.results[0].dtype.onnx))])
        },
    ]

    /// Another shape: the result's.
    private static let reshaping = Lowering { builder, step in
        builder.reshaped(
            try builder.name(step[0]), from: builder.shape(step[0]), to: step.results[0].shape)
    }

    /// The same values, perhaps otherwise in memory.
    private static let same = Lowering { builder, step in try builder.name(step[0]) }
}
