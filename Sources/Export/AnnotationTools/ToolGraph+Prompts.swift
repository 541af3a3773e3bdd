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
            let there = PlaceInSquare(of: size, in: longest, &self).resized
            let own = PlaceInSquare(of: size, in: network.inputSize, &self)
            // As `InputGeometry` moves clicks: by the sides as rounded, or by their ratio.
            let here =
                switch network.preparation {
                case .samus: constant(.full([2], Double(network.inputSize)))
                case .sam: own.resized
                case .liteMedSAM: own.exact
                }
            // (height, width) beside (x, y).
            let ratio = add("Gather", [add("Div", [here, there]), integers([1, 0])])
            return add("Mul", [points, ratio])
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
        let one = constant(.zeros([1, 1, 2]))
        let mark = constant(.full([1, 1], -1))
        let flat = add("Reshape", [labels, integers([-1])])
        let isReal = add("GreaterOrEqual", [flat, number(0)])
        let largest = add(
            "ReduceMax", [flat], [("axes", .integers([0])), ("keepdims", .integer(1))])
        let hasNoBox = add("Less", [largest, number(2)])
        let isKept = add("Concat", [isReal, hasNoBox], [("axis", .integer(0))])
        let along: [(String, GraphNode.Attribute)] = [("axis", .integer(1))]
        return (
            add("Compress", [add("Concat", [points, one], along), isKept], along),
            add("Compress", [add("Concat", [labels, mark], along), isKept], along)
        )
    }
}
