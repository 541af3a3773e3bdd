import Segmentation
import Torch

/// Wraps a network's graphs so that a tool can run them: two passes, one for each graph.
struct ToolAdapter {
    let network: NetworkInterface
    let interface: ToolInterface
    /// Whether the tool sees the embedding in the shape that it expects instead of the network's,
    /// as samus-lite's `[1, 1024, 32, 32]` as `[1, 256, 64, 64]`.
    private let isReshaped: Bool

    /// - Parameters:
    ///   - tool: the annotation tool.
    ///   - architecture: the network's architecture.
    ///   - network: its preprocessing and sizes.
    /// - Throws: ``ExportError/needsAspectRatio(network:type:)`` and
    ///   ``ExportError/unsupportedEmbedding(width:side:neededWidth:largestSide:)`` where the tool
    ///   cannot run the network.
    init(
        _ tool: AnnotationTool, _ architecture: ModelArchitecture, _ network: NetworkInterface
    ) throws(ExportError) {
        if case .xAnyLabeling(let type) = tool, !type.supports(architecture) {
            throw .needsAspectRatio(network: architecture.rawValue, type: type.rawValue)
        }
        let interface = ToolInterface(tool, network)
        let neededWidth = interface.embeddingWidth ?? network.width
        let largestSide = interface.embeddingSide ?? network.grid
        let fits = network.width == neededWidth && network.grid <= largestSide
        // The same number of values in other channels and cells.
        isReshaped =
            !fits
            && network.width * network.grid * network.grid
                == neededWidth * largestSide * largestSide
        guard fits || isReshaped else {
            throw .unsupportedEmbedding(
                width: network.width, side: network.grid, neededWidth: neededWidth,
                largestSide: largestSide)
        }
        self.network = network
        self.interface = interface
    }

    /// Adds the preprocessing of images to the encoder.
    ///
    /// - Parameter encoder: the network's encoder.
    /// - Returns: a graph from `image` to `image_embeddings`.
    func adaptingEncoder(_ encoder: Graph) -> Graph {
        var builder = ToolGraphBuilder()
        let input: String
        switch interface.image {
        case .stretched(let side):
            let image = builder.input(
                "image", [.fixed(1), .fixed(3), .fixed(side), .fixed(side)])
            input = builder.preprocessed(square: image, side: side, for: network)
        case .original(let type, _):
            let image = builder.input(
                "image", [.dynamic("height"), .dynamic("width"), .fixed(3)], type: type)
            input = builder.preprocessed(original: image, for: network)
        }
        var embedding = builder.append(encoder, inputs: [input])[0]
        let padding = embeddingSide - network.grid
        if isReshaped {
            let shape = [1, embeddingWidth, embeddingSide, embeddingSide]
            embedding = builder.add("Reshape", [embedding, builder.integers(shape)])
        } else if padding > 0 {
            let pads = builder.integers([0, 0, 0, 0, 0, 0, padding, padding])
            embedding = builder.add("Pad", [embedding, pads])
        }
        builder.output(embedding, as: "image_embeddings", embeddingShape)
        return builder.graph(named: "encoder")
    }

    /// Adds the tool's prompts and the resizing of masks to the decoder.
    ///
    /// - Parameter decoder: the network's decoder.
    /// - Returns: a graph with SAM's input names, which gives one mask of the image's size.
    func adaptingDecoder(_ decoder: Graph) -> Graph {
        var builder = ToolGraphBuilder()
        let one = GraphValue.Dimension.fixed(1)
        let pointCount = GraphValue.Dimension.dynamic("points")
        var embedding = builder.input("image_embeddings", embeddingShape)
        let points = builder.input("point_coords", [one, pointCount, .fixed(2)])
        let labels = builder.input("point_labels", [one, pointCount])
        var mask = builder.input(
            "mask_input", [one, one, .fixed(interface.maskSide), .fixed(interface.maskSide)])
        var hasMask = builder.input("has_mask_input", [one])
        let size = builder.input("orig_im_size", [.fixed(2)])

        if isReshaped {
            let shape = [1, network.width, network.grid, network.grid]
            embedding = builder.add("Reshape", [embedding, builder.integers(shape)])
        } else if embeddingSide > network.grid {
            embedding = builder.slice(embedding, 0..<network.grid, axis: 2)
            embedding = builder.slice(embedding, 0..<network.grid, axis: 3)
        }
        let logitsSide = 4 * network.grid
        if interface.maskSide != logitsSide {
            // The tools only ever pass zeros as the mask.
            mask = builder.constant(.zeros([1, 1, logitsSide, logitsSide]))
            hasMask = builder.constant(.zeros([1]))
        }
        let prompt = builder.padded(
            builder.scaledPoints(points, size: size, interface.image, for: network),
            labels: labels)
        let results = builder.append(
            decoder, inputs: [embedding, prompt.points, prompt.labels, mask, hasMask])
        // The decoder's first mask is the single one; candidates follow it.
        let single = builder.slice(results[0], 0..<1, axis: 1)
        builder.output(
            builder.restored(single, size: size, for: network), as: "masks",
            [one, one, .dynamic("height"), .dynamic("width")])
        builder.output(
            builder.slice(results[1], 0..<1, axis: 1), as: "iou_predictions", [one, one])
        // Not named `low_res_masks`, which samexporter would resize and crop as SAM's.
        builder.output(
            single, as: "low_res_logits", [one, one, .fixed(logitsSide), .fixed(logitsSide)])
        return builder.graph(named: "decoder")
    }

    private var embeddingSide: Int { interface.embeddingSide ?? network.grid }

    private var embeddingWidth: Int { interface.embeddingWidth ?? network.width }

    private var embeddingShape: [GraphValue.Dimension] {
        [.fixed(1), .fixed(embeddingWidth), .fixed(embeddingSide), .fixed(embeddingSide)]
    }
}
