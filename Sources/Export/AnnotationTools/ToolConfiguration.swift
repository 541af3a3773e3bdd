import Imaging
import Segmentation

/// The file by which a tool's user loads a model.
struct ToolConfiguration {
    /// Its name in the model's folder.
    static let file = "config.yaml"

    let tool: AnnotationTool
    let name: String
    let kind: ModelKind
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

    /// What the tool wants to know besides; it prepares pictures for these sizes, or only asks that
    /// they be there.
    private var sizes: [String] {
        switch tool {
        case .xAnyLabeling(.samMed2D): ["input_size: \(16 * network.grid)"]
        case .xAnyLabeling(.efficientViTSAM): ["target_size: \(network.inputSize)"]
        case .anyLabeling: ["input_size: 1024", "max_width: 1024", "max_height: 682"]
        }
    }
}
