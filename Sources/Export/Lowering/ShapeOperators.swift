import Torch

extension GraphBuilder {
    /// Lowers operators that move elements: reshaping, permuting, joining, selecting and padding.
    ///
    /// - Parameter step: a call.
    /// - Returns: the name of its result; nil where it is another operator.
    /// - Throws: ``ExportError/unsupportedArgument(op:what:)``.
    mutating func shapeOperator(_ step: Recording.Step) throws -> String? {
        switch step.op {
        case "reshape", "flatten.using_ints", "unsqueeze", "squeeze.dim":
            return reshaped(
                try name(step[0]), from: shape(step[0]), to: step.results[0].shape)
        case "contiguous", "clone", "detach": return try name(step[0])
        case "permute":
            let rank = shape(step[0]).count
            let axes = try step.integers(1, count: rank).map { $0 < 0 ? $0 + rank : $0 }
            return add("Transpose", [try name(step[0])], [("perm", .integers(axes))])
        case "transpose.int":
            let rank = shape(step[0]).count
            var axes = Array(0..<rank)
            axes.swapAt(try step.axis(1, rank: rank), try step.axis(2, rank: rank))
            return add("Transpose", [try name(step[0])], [("perm", .integers(axes))])
        case "expand":
            let (source, target) = (shape(step[0]), step.results[0].shape)
            guard source != target else { return try name(step[0]) }
            let added = target.count - source.count
            // ONNX's Expand broadcasts: 1 keeps the size of the input.
            let sizes = target.indices.map { axis in
                axis >= added && source[axis - added] == target[axis]
                    ? DynamicSize(1) : target[axis]
            }
            return add("Expand", [try name(step[0]), self.sizes(sizes)])
        case "cat":
            let parts = try step.list(0)
            let rank = shape(parts[0]).count
            var names: [String] = []
            for part in parts { names.append(try name(part)) }
            return add("Concat", names, [("axis", .integer(try step.axis(1, rank: rank)))])
        case "stack":
            let axis = try step.axis(1, rank: step.results[0].shape.count)
            let axes = integers([axis])
            var parts: [String] = []
            for part in try step.list(0) { parts.append(add("Unsqueeze", [try name(part), axes])) }
            return add("Concat", parts, [("axis", .integer(axis))])
        case "select.int":
            let axis = try step.axis(1, rank: shape(step[0]).count)
            return add(
                "Gather", [try name(step[0]), index(try step.integer(2))],
                [("axis", .integer(axis))])
        case "index_select":
            let axis = try step.axis(1, rank: shape(step[0]).count)
            return add(
                "Gather", [try name(step[0]), try name(step[2])], [("axis", .integer(axis))])
        case "slice.Tensor":
            let source = shape(step[0])
            let axis = try step.axis(1, rank: source.count)
            let start = step.has(2) ? try step.integer(2) : 0
            let end = step.has(3) ? try step.integer(3) : Int.max
            let stride = step.has(4) ? try step.integer(4) : 1
            guard source != step.results[0].shape else { return try name(step[0]) }
            return add(
                "Slice",
                [
                    try name(step[0]), integers([start]), integers([end]), integers([axis]),
                    integers([stride]),
                ])
        case "constant_pad_nd": return try padded(step)
        case "roll": return try rolled(step)
        case "to.dtype":
            return add(
                "Cast", [try name(step[0])], [("to", .integer(step.results[0].dtype.onnx))])
        default: return nil
        }
    }

    /// Lowers operators that split a value into several.
    ///
    /// - Parameter step: a call.
    /// - Returns: the names of its results.
    /// - Throws: ``ExportError``, for every other operator too.
    mutating func splitOperator(_ step: Recording.Step) throws -> [String] {
        switch step.op {
        case "split_with_sizes":
            let sizes = integers(try step.integers(1, count: step.results.count))
            let axis = try step.axis(2, rank: shape(step[0]).count)
            return add(
                "Split", [try name(step[0]), sizes], [("axis", .integer(axis))],
                results: step.results.count)
        case "unbind.int":
            let axis = try step.axis(1, rank: shape(step[0]).count)
            let x = try name(step[0])
            return step.results.indices.map { place in
                add("Gather", [x, index(place)], [("axis", .integer(axis))])
            }
        default: throw ExportError.unsupportedOperator(step.op)
        }
    }

    /// A circular shift: the end of each axis joined in front of the rest.
    private mutating func rolled(_ step: Recording.Step) throws -> String {
        let source = shape(step[0])
        let axes = try step.integers(2, count: 1)
        let shifts = try step.integers(1, count: axes.count)
        var result = try name(step[0])
        for (shift, axis) in zip(shifts, axes) {
            guard let length = source[axis].fixed else {
                throw ExportError.unsupportedArgument(op: step.op, what: "a dynamic axis")
            }
            let start = (-shift % length + length) % length
            guard start != 0 else { continue }
            func part(from first: Int, to end: Int) -> String {
                add(
                    "Slice",
                    [result, integers([first]), integers([end]), integers([axis]), integers([1])])
            }
            let (end, rest) = (part(from: start, to: length), part(from: 0, to: start))
            result = add("Concat", [end, rest], [("axis", .integer(axis))])
        }
        return result
    }

    private mutating func padded(_ step: Recording.Step) throws -> String {
        let rank = shape(step[0]).count
        // ATen lists (before, after) for each axis, the last axis first; ONNX lists all befores in
        // the order of the axes, then all afters.
        let amounts = try step.integers(1, count: 2)
        var before = [Int](repeating: 0, count: rank)
        var after = before
        for pair in 0..<amounts.count / 2 {
            before[rank - 1 - pair] = amounts[2 * pair]
            after[rank - 1 - pair] = amounts[2 * pair + 1]
        }
        let value = number(Float(try step.real(2, default: 0)))
        return add("Pad", [try name(step[0]), integers(before + after), value])
    }
}
