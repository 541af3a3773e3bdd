import Torch

/// Encoder and decoder as a tool calls them.
struct ToolGraphs {
    let network: NetworkForm
    let convention: ToolConvention

    /// The encoder with the preparation of pictures before it.
    ///
    /// - Parameter encoder: the network's.
    /// - Returns: a graph from `image` to `image_embeddings`.
    func encoder(_ encoder: Graph) -> Graph {
        var graph = ToolGraph()
        let pictures: String
        switch convention.picture {
        case .stretched(let side):
            let image = graph.input(
                "image", [.fixed(1), .fixed(3), .fixed(side), .fixed(side)])
            pictures = graph.prepared(square: image, from: side, for: network)
        case .whole(let type, _):
            let image = graph.input(
                "image", [.named("height"), .named("width"), .fixed(3)], type: type)
            pictures = graph.prepared(whole: image, for: network)
        }
        var embedding = graph.append(encoder, given: [pictures])[0]
        let room = embeddingSide - network.grid
        if room > 0 {
            let pads = graph.integers([0, 0, 0, 0, 0, 0, room, room])
            embedding = graph.add("Pad", [embedding, pads])
        }
        graph.output(embedding, as: "image_embeddings", embeddingShape)
        return graph.graph(named: "encoder")
    }

    /// The decoder with the tool's prompts before it and the picture's size behind it.
    ///
    /// - Parameter decoder: the network's.
    /// - Returns: a graph with SAM's names of inputs, which gives one mask.
    func decoder(_ decoder: Graph) -> Graph {
        var graph = ToolGraph()
        let one = GraphValue.Axis.fixed(1)
        let points = GraphValue.Axis.named("points")
        var embedding = graph.input("image_embeddings", embeddingShape)
        let places = graph.input("point_coords", [one, points, .fixed(2)])
        let labels = graph.input("point_labels", [one, points])
        var mask = graph.input(
            "mask_input", [one, one, .fixed(convention.maskSide), .fixed(convention.maskSide)])
        var hasMask = graph.input("has_mask_input", [one])
        let size = graph.input("orig_im_size", [.fixed(2)])

        if embeddingSide > network.grid {
            embedding = graph.slice(embedding, 0..<network.grid, axis: 2)
            embedding = graph.slice(embedding, 0..<network.grid, axis: 3)
        }
        let logitsSide = 4 * network.grid
        if convention.maskSide != logitsSide {
            // The tools give no mask, zeros only.
            mask = graph.constant(.zeros([1, 1, logitsSide, logitsSide]))
            hasMask = graph.constant(.zeros([1]))
        }
        let prompt = graph.padded(
            graph.places(places, size: size, convention.picture, for: network), labels: labels)
        let results = graph.append(
            decoder, given: [embedding, prompt.points, prompt.labels, mask, hasMask])
        // Of all that the decoder gives the first is the single mask.
        let single = graph.slice(results[0], 0..<1, axis: 1)
        graph.output(
            graph.restored(single, size: size, for: network), as: "masks",
            [one, one, .named("height"), .named("width")])
        graph.output(
            graph.slice(results[1], 0..<1, axis: 1), as: "iou_predictions", [one, one])
        // Not `low_res_masks`: samexporter would enlarge and crop what is called so as SAM's.
        graph.output(
            single, as: "low_res_logits", [one, one, .fixed(logitsSide), .fixed(logitsSide)])
        return graph.graph(named: "decoder")
    }

    private var embeddingSide: Int { convention.embeddingSide ?? network.grid }

    private var embeddingShape: [GraphValue.Axis] {
        [.fixed(1), .fixed(network.width), .fixed(embeddingSide), .fixed(embeddingSide)]
    }
}
