import Imaging
import Segmentation
import Torch

/// A program for annotating images that loads exported models.
public enum AnnotationTool: Equatable, Sendable {
    case xAnyLabeling(XAnyLabelingType)
    /// AnyLabeling, and samexporter, which exports and tests models for it.
    case anyLabeling
}

/// The `type` of an X-AnyLabeling model: the class that prepares images and runs the graphs.
public enum XAnyLabelingType: String, Sendable, CaseIterable {
    /// The class stretches images to a square before the encoder.
    case samMed2D = "sam_med2d"
    /// The class gives the encoder the original image.
    case efficientViTSAM = "efficientvit_sam"

    /// The default type for an architecture.
    ///
    /// - Parameter architecture: the architecture.
    public init(for architecture: ModelArchitecture) {
        self = architecture.preprocessing.keepsProportions ? .efficientViTSAM : .samMed2D
    }

    /// Whether the type supports an architecture.
    ///
    /// A class that stretches images tells only the decoder their aspect ratio, which is too late
    /// for a network whose encoder needs it.
    ///
    /// - Parameter architecture: the architecture.
    /// - Returns: false where masks would be wrong.
    public func supports(_ architecture: ModelArchitecture) -> Bool {
        self == .efficientViTSAM || !architecture.preprocessing.keepsProportions
    }
}

extension AnnotationTool {
    /// Whether the graphs for annotation tools can prepare images for an architecture.
    ///
    /// - Parameter architecture: the architecture.
    /// - Returns: false for a preprocessing that the graphs do not have.
    static func preparesImages(for architecture: ModelArchitecture) -> Bool {
        [.sam, .samus, .liteMedSAM].contains(architecture.preprocessing)
    }
}

/// The inputs and outputs of encoder and decoder that a tool expects.
struct ToolInterface {
    enum ImageInput {
        /// Stretched to a square and normalized like SAM's input, `[1, 3, side, side]`; prompts are
        /// in pixels of the square.
        case stretched(side: Int)
        /// The original image, 0 to 255, `[H, W, 3]`; prompts are in pixels of the image scaled to
        /// this longest side.
        case original(DType, longestSide: Int)
    }

    let image: ImageInput
    /// Height and width that the embedding must have; nil where any size is accepted.
    let embeddingSide: Int?
    /// Channels that the embedding must have; nil where any number is accepted.
    let embeddingWidth: Int?
    /// Height and width of the decoder's mask input.
    let maskSide: Int

    /// - Parameters:
    ///   - tool: the annotation tool.
    ///   - network: the network that it will run.
    init(_ tool: AnnotationTool, _ network: NetworkInterface) {
        switch tool {
        case .xAnyLabeling(.samMed2D):
            // The class expects an embedding of 1/16 and masks of 1/4 of its square.
            image = .stretched(side: 16 * network.grid)
            embeddingSide = network.grid
            embeddingWidth = 256
            maskSide = 4 * network.grid
        case .xAnyLabeling(.efficientViTSAM):
            image = .original(.uint8, longestSide: network.inputSize)
            embeddingSide = 64
            embeddingWidth = 256
            maskSide = 256
        case .anyLabeling:
            image = .original(.float32, longestSide: 1024)
            embeddingSide = nil
            embeddingWidth = nil
            maskSide = 256
        }
    }
}

/// Preprocessing and sizes of a network, which a tool's graphs are fitted to.
struct NetworkInterface {
    /// Height and width of its input in pixels.
    let inputSize: Int
    let preprocessing: Preprocessing
    /// Channels of the embedding, D.
    let width: Int
    /// Height and width of the embedding.
    let grid: Int
}

/// The configuration file that the user of a tool opens to load a model.
struct ToolConfiguration {
    /// Its name in the model's folder.
    static let fileName = "config.yaml"

    let tool: AnnotationTool
    let name: String
    let architecture: ModelArchitecture
    let network: NetworkInterface

    /// The content; names are quoted, since YAML reads `1.5` and `no` as other types.
    var yaml: String {
        let lines =
            ["# \(ResearchNotice.text)", "type: \(type)", "name: \"\(name)\""]
            + [
                "provider: samus",
                "display_name: \"\(name) (\(architecture.rawValue), research use only)\"",
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

    /// Sizes that the tool prepares images for; AnyLabeling requires them without using them all.
    private var sizes: [String] {
        switch tool {
        case .xAnyLabeling(.samMed2D): ["input_size: \(16 * network.grid)"]
        case .xAnyLabeling(.efficientViTSAM): ["target_size: \(network.inputSize)"]
        case .anyLabeling: ["input_size: 1024", "max_width: 1024", "max_height: 682"]
        }
    }
}
