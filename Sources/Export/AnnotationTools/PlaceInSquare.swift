import Torch

/// How a picture that keeps its proportions lies in a square, as a graph computes it.
///
/// In doubles, as `InputGeometry` and the tools compute it: a side that is rounded otherwise moves
/// all pixels.
struct PlaceInSquare {
    /// The picture's size (height, width), `[2]` double.
    let original: String
    /// Its size in the square, `[2]` double; at least one pixel.
    let resized: String
    /// Pixels of the square for one of the picture, `[1]` double.
    let scale: String

    /// Adds what computes it.
    ///
    /// - Parameters:
    ///   - size: of the picture (height, width), `[2]`.
    ///   - side: of the square in pixels.
    ///   - graph: takes the nodes.
    init(of size: String, in side: Int, _ graph: inout ToolGraph) {
        original = graph.cast(size, to: .float64)
        let longest = graph.add(
            "ReduceMax", [original], [("axes", .integers([0])), ("keepdims", .integer(1))])
        scale = graph.add("Div", [graph.double(Double(side)), longest])
        let exact = graph.add("Mul", [original, scale])
        let nearest = graph.add("Floor", [graph.add("Add", [exact, graph.double(0.5)])])
        resized = graph.add("Max", [nearest, graph.double(1)])
    }
}
