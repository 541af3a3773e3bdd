import Torch

extension ToolGraph {
    /// Clicks and corners in pixels of the network's input.
    ///
    /// - Parameters:
    ///   - points: (x, y) as the tool gives them, `[1, P, 2]`.
    ///   - size: the picture's (height, width), `[2]`.
    ///   - picture: what the encoder is given.
    ///   - network: whose input.
    /// - Returns: `[1, P, 2]`.
    mutating func places(
        _ points: String, size: String, _ picture: ToolConvention.Picture, for network: NetworkForm
    ) -> String {
        switch picture {
        case .stretched(let side):
            return add("Mul", [points, number(Float(network.inputSize) / Float(side))])
        case .whole(_, let longest):
            let there = PlaceInSquare(of: size, in: longest, &self)
            let here: String
            switch network.preparation {
            case .samus: here = double(Double(network.inputSize))
            case .sam: here = PlaceInSquare(of: size, in: network.inputSize, &self).resized
            case .liteMedSAM:
                let scale = PlaceInSquare(of: size, in: network.inputSize, &self).scale
                here = add("Mul", [there.original, scale])
            }
            // (height, width) beside (x, y).
            let ratio = add("Gather", [add("Div", [here, there.resized]), integers([1, 0])])
            return add("Mul", [points, cast(ratio, to: .float32)])
        }
    }

    /// Points and labels with one padding point, labelled -1, unless there is a box.
    ///
    /// The networks were trained so; tools add it always or never.
    ///
    /// - Parameters:
    ///   - points: `[1, P, 2]`.
    ///   - labels: -1 padding, 0 and 1 clicks, 2 and 3 corners, `[1, P]`.
    /// - Returns: both, `[1, Q, 2]` and `[1, Q]`.
    mutating func padded(_ points: String, labels: String) -> (points: String, labels: String) {
        let flat = add("Reshape", [labels, integers([-1])])
        let isReal = add("GreaterOrEqual", [flat, number(0)])
        let along: [(String, GraphNode.Attribute)] = [("axis", .integer(1))]
        let realPoints = add("Compress", [points, isReal], along)
        let realLabels = add("Compress", [labels, isReal], along)
        let largest = add("ReduceMax", [flat], [("keepdims", .integer(0))])
        let hasBox = cast(add("GreaterOrEqual", [largest, number(2)]), to: .int64)
        let more = add("Sub", [integers([1]), hasBox])
        func zeros(_ shape: [String]) -> String {
            let sizes = add("Concat", shape, [("axis", .integer(0))])
            return add("ConstantOfShape", [sizes])
        }
        let places = zeros([integers([1]), more, integers([2])])
        let marks = add("Sub", [zeros([integers([1]), more]), number(1)])
        return (
            add("Concat", [realPoints, places], along), add("Concat", [realLabels, marks], along)
        )
    }
}
