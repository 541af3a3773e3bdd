import Torch

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
