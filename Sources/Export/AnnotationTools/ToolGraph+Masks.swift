import Torch

extension ToolGraph {
    /// Logits over the network's input as logits over the picture: `InputGeometry.restoredLogits`.
    ///
    /// - Parameters:
    ///   - logits: `[1, 1, 4 grid, 4 grid]`.
    ///   - size: the picture's (height, width), `[2]`.
    ///   - network: whose logits.
    /// - Returns: `[1, 1, height, width]`.
    mutating func restored(_ logits: String, size: String, for network: NetworkForm) -> String {
        var full = logits
        if network.inputSize != 4 * network.grid {
            full = enlarged(
                logits, to: integers([1, 1, network.inputSize, network.inputSize]))
        }
        if network.preparation.keepsProportions {
            let place = PlaceInSquare(of: size, in: network.inputSize, &self)
            let ends = cast(place.resized, to: .int64)
            full = add("Slice", [full, integers([0, 0]), ends, integers([2, 3])])
        }
        let shape = add(
            "Concat", [integers([1, 1]), cast(size, to: .int64)], [("axis", .integer(0))])
        return enlarged(full, to: shape)
    }

    /// Bilinear, without antialiasing.
    private mutating func enlarged(_ planes: String, to shape: String) -> String {
        add(
            "Resize", [planes, "", "", shape],
            [
                ("mode", .word("linear")),
                ("coordinate_transformation_mode", .word("half_pixel")),
            ])
    }
}
