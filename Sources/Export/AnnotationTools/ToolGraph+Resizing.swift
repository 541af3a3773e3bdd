import Torch

extension ToolGraph {
    /// A type for `Cast`.
    mutating func cast(_ value: String, to type: DType) -> String {
        add("Cast", [value], [("to", .integer(type.onnx))])
    }

    /// A part of a value along one axis.
    mutating func slice(_ value: String, _ range: Range<Int>, axis: Int) -> String {
        let bounds = [[range.lowerBound], [range.upperBound], [axis]].map { integers($0) }
        return add("Slice", [value] + bounds)
    }

    /// Whole pixels as Pillow has them after each pass: the nearest, halves up.
    private mutating func rounded(_ value: String) -> String {
        add("Floor", [add("Add", [value, number(0.5)])])
    }

    /// Planes in another size, as Pillow and torch resize with antialiasing: a matrix from the left
    /// and one from the right, since operator set 17 has no antialiased `Resize`.
    ///
    /// - Parameters:
    ///   - planes: `[..., H, W]`.
    ///   - source: their size (height, width), `[2]` int64.
    ///   - target: the size wanted, `[2]` int64.
    ///   - rounds: whether to whole numbers after each pass, as with Pillow's bytes.
    /// - Returns: the resized planes.
    mutating func resized(
        _ planes: String, from source: String, to target: String, rounds: Bool
    ) -> String {
        let across = triangles(
            from: slice(source, 1..<2, axis: 0), to: slice(target, 1..<2, axis: 0))
        let turned = add("Transpose", [across], [("perm", .integers([1, 0]))])
        var result = add("MatMul", [planes, turned])
        if rounds { result = rounded(result) }
        let down = triangles(from: slice(source, 0..<1, axis: 0), to: slice(target, 0..<1, axis: 0))
        result = add("MatMul", [down, result])
        return rounds ? rounded(result) : result
    }

    /// Weights of antialiased bilinear resizing along an axis.
    ///
    /// `w[j, i] = relu(1 - |(j + 0.5) n/r - 0.5 - i| / max(n/r, 1))`, each row divided by its sum.
    ///
    /// - Parameters:
    ///   - source: pixels, n, `[1]` int64.
    ///   - target: pixels wanted, r, `[1]` int64.
    /// - Returns: `[r, n]`.
    private mutating func triangles(from source: String, to target: String) -> String {
        let scale = add("Div", [cast(source, to: .float32), cast(target, to: .float32)])
        let half = number(0.5)
        let one = number(1)
        let rows = add("Add", [counted(to: target), half])
        let centres = add("Sub", [add("Mul", [rows, scale]), half])
        let column = add("Unsqueeze", [centres, integers([1])])
        let distances = add("Abs", [add("Sub", [column, counted(to: source)])])
        let near = add("Div", [distances, add("Max", [scale, one])])
        let weights = add("Relu", [add("Sub", [one, near])])
        return add("Div", [weights, add("ReduceSum", [weights, integers([1])])])
    }

    /// 0, 1, 2 … below a length, `[length]`.
    private mutating func counted(to length: String) -> String {
        let bounds = [
            constant(Tensor(Int64(0))), add("Squeeze", [length, integers([0])]),
            constant(Tensor(Int64(1))),
        ]
        return cast(add("Range", bounds), to: .float32)
    }
}
