import Imaging
import Segmentation
import Torch

/// A program for annotating images that runs models of ours.
public enum AnnotationTool: Equatable, Sendable {
    case xAnyLabeling(XAnyLabelingType)
    /// AnyLabeling, and samexporter, with which its models are made and tried.
    case anyLabeling
}

/// The `type` of an X-AnyLabeling model: which of its classes prepares images and calls the graphs.
public enum XAnyLabelingType: String, Sendable, CaseIterable {
    /// Images are stretched to a square before the encoder gets them.
    case samMed2D = "sam_med2d"
    /// The encoder gets images as they are.
    case efficientViTSAM = "efficientvit_sam"

    /// The type that a network is written for unless another is asked for.
    ///
    /// - Parameter kind: of the network.
    public init(for kind: ModelArchitecture) {
        self = kind.preprocessing.keepsProportions ? .efficientViTSAM : .samMed2D
    }

    /// Whether a network can be called so: the proportions of a stretched image are told to the
    /// decoder alone, too late for a network that keeps them.
    ///
    /// - Parameter kind: of the network.
    /// - Returns: false where its masks would be wrong.
    public func carries(_ kind: ModelArchitecture) -> Bool {
        self == .efficientViTSAM || !kind.preprocessing.keepsProportions
    }
}

/// How a tool calls encoder and decoder.
struct ToolConvention {
    enum ImageEntry {
        /// Stretched to a square and normalized as SAM's input, `[1, 3, side, side]`; clicks lie in
        /// the square.
        case stretched(side: Int)
        /// As it is, 0 to 255, `[H, W, 3]`; clicks lie in the image as it were with so long a
        /// longest side.
        case whole(DType, longestSide: Int)
    }

    let image: ImageEntry
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
            image = .stretched(side: 16 * network.grid)
            embeddingSide = network.grid
            embeddingWidth = 256
            maskSide = 4 * network.grid
        case .xAnyLabeling(.efficientViTSAM):
            image = .whole(.uint8, longestSide: network.inputSize)
            embeddingSide = 64
            embeddingWidth = 256
            maskSide = 256
        case .anyLabeling:
            image = .whole(.float32, longestSide: 1024)
            embeddingSide = nil
            embeddingWidth = nil
            maskSide = 256
        }
    }
}

/// The file by which a tool's user loads a model.
struct ToolConfiguration {
    /// Its name in the model's folder.
    static let file = "config.yaml"

    let tool: AnnotationTool
    let name: String
    let kind: ModelArchitecture
    let network: NetworkForm

    /// The content; texts are quoted, since YAML takes a name like `1.5` or `no` for something else.
    var yaml: String {
        let lines =
            ["# \(ResearchNotice.text)", "type: \(type)", "name: \"\(name)\""]
            + [
                "provider: samus",
                "display_name: \"\(name) (\(kind.rawValue), research use only)\"",
            ]
            + ["encoder_model_path: encoder.onnx", "decoder_model_path: decoder.onnx"]
        return (lines + sizes).joined(separator: "\n") + "\n"
    }

    private var type: String {
        switch tool {
        case .xAnyLabeling(let type): type.rawValue
        case .anyLabeling: "segment_anything"
        }
    }

    /// What the tool wants to know besides; it prepares images for these sizes, or only asks that
    /// they be there.
    private var sizes: [String] {
        switch tool {
        case .xAnyLabeling(.samMed2D): ["input_size: \(16 * network.grid)"]
        case .xAnyLabeling(.efficientViTSAM): ["target_size: \(network.inputSize)"]
        case .anyLabeling: ["input_size: 1024", "max_width: 1024", "max_height: 682"]
        }
    }
}

/// What has to be known of a network to feed its graphs.
struct NetworkForm {
    /// Height and width of its input in pixels.
    let inputSize: Int
    let preprocessing: Preprocessing
    /// Numbers for each place of the embedding, D.
    let width: Int
    /// Height and width of the embedding.
    let grid: Int
}
