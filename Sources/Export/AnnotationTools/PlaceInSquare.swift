import Torch

/// How a picture that keeps its proportions lies in a square, as a graph computes it.
///
/// `size * side / longest` in float32, where the product is exact, rounds to the same pixels as
/// `InputGeometry` and the tools, which compute in doubles, for all pictures up to 3000 x 3000. (A
/// quotient of the constant first is what OpenVINO 2026.4 computes upside down.)
struct PlaceInSquare {
    /// The picture's size in the square (height, width), `[2]`.
    let exact: String
    /// The same in whole pixels, at least one, `[2]`.
    let resized: String

    /// Adds what computes it.
    ///
    /// - Parameters:
    ///   - size: of the picture (height, width), `[2]`.
    ///   - side: of the square in pixels.
    ///   - graph: takes the nodes.
    init(of size: String, in side: Int, _ graph: inout ToolGraph) {
        let original = graph.cast(size, to: .float32)
        let longest = graph.add(
            "ReduceMax", [original], [("axes", .integers([0])), ("keepdims", .integer(1))])
        let enlarged = graph.add("Mul", [original, graph.number(Float(side))])
        exact = graph.add("Div", [enlarged, longest])
        let nearest = graph.add("Floor", [graph.add("Add", [exact, graph.number(0.5)])])
        resized = graph.add("Max", [nearest, graph.number(1)])
    }
}
