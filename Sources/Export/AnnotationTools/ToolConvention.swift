import Torch

/// How a tool calls encoder and decoder.
struct ToolConvention {
    enum Picture {
        /// Stretched to a square and normalized as SAM's input, `[1, 3, side, side]`; clicks lie in
        /// the square.
        case stretched(side: Int)
        /// As it is, 0 to 255, `[H, W, 3]`; clicks lie in the picture as it were with so long a
        /// longest side.
        case whole(DType, longestSide: Int)
    }

    let picture: Picture
    /// Height and width that the embedding must have; nil where any will do.
    let embeddingSide: Int?
    /// Numbers for each place of it; nil where any will do.
    let embeddingWidth: Int?
    /// Height and width of the earlier mask that the decoder is given.
    let maskSide: Int

    /// - Parameters:
    ///   - tool: who calls.
    ///   - network: what is called.
    init(_ tool: AnnotationTool, _ network: NetworkForm) {
        switch tool {
        case .xAnyLabeling(.samMed2D):
            // The class wants an embedding of a sixteenth and masks of a quarter of its square.
            picture = .stretched(side: 16 * network.grid)
            embeddingSide = network.grid
            embeddingWidth = 256
            maskSide = 4 * network.grid
        case .xAnyLabeling(.efficientViTSAM):
            picture = .whole(.uint8, longestSide: network.inputSize)
            embeddingSide = 64
            embeddingWidth = 256
            maskSide = 256
        case .anyLabeling:
            picture = .whole(.float32, longestSide: 1024)
            embeddingSide = nil
            embeddingWidth = nil
            maskSide = 256
        }
    }
}
