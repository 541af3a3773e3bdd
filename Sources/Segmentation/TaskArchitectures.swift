/// Task-specific networks: the paper's comparison. They segment without a prompt, and are trained for
/// one kind of object.
extension ModelArchitecture {
    /// The entries of all task-specific networks.
    static let taskSpecific = [
        uNet, bilinearUNet, ceNet, cpfNet, setr, caNet, fatNet, transFuse, swinUNet, transUNet,
        missFormer, h2Former, aauNet,
    ]

    /// An entry of a network for grey images of 256 x 256 pixels.
    ///
    /// - Parameters:
    ///   - name: the name in files and messages.
    ///   - commandName: the name on the command line.
    ///   - encoder: the usual name of its encoder.
    ///   - signature: which tensors a checkpoint has.
    /// - Returns: the entry.
    private static func task(
        _ name: String, commandName: String, encoder: String, signature: TensorSignature
    ) -> ModelArchitecture {
        ModelArchitecture(
            name, commandName: commandName, signature: signature, preprocessing: .samus,
            trainedPrompts: [], isPromptFree: true,
            published: [.fixed(FixedConfiguration(encoder: encoder, inputSize: 256))],
            sizes: .published, recipes: [.full])
    }

    /// U-Net (arXiv:1505.04597), with transposed convolutions.
    public static let uNet = task(
        "U-Net", commandName: "unet", encoder: "U-Net",
        signature: TensorSignature(
            present: ["inc.double_conv.0.weight", "up1.up.weight"],
            shapes: ["outc.conv.weight": [nil, 64, 1, 1]]))

    /// U-Net with bilinear interpolation and half the channels at the bottom.
    public static let bilinearUNet = task(
        "U-Net-bilinear", commandName: "unet-bilinear", encoder: "U-Net",
        signature: TensorSignature(
            present: ["inc.double_conv.0.weight"], absent: ["up1.up.weight"],
            shapes: ["outc.conv.weight": [nil, 64, 1, 1]]))

    /// CE-Net (arXiv:1903.02740).
    public static let ceNet = task(
        "CE-Net", commandName: "cenet", encoder: "ResNet-34",
        signature: TensorSignature(present: ["dblock.dilate1.weight", "spp.conv.weight"]))

    /// CPFNet (IEEE TMI 2020).
    public static let cpfNet = task(
        "CPFNet", commandName: "cpfnet", encoder: "ResNet-34",
        signature: TensorSignature(present: ["mce_2.conv_out.0.weight", "sap.gamma"]))

    /// SETR (arXiv:2012.15840), as the SAMUS authors' group wrote it.
    public static let setr = task(
        "SETR", commandName: "setr", encoder: "ViT",
        signature: TensorSignature(
            present: ["transformer.layers.0.0.fn.to_qkv.weight", "decoder.8.weight"]))

    /// CA-Net (arXiv:2009.10549).
    public static let caNet = task(
        "CA-Net", commandName: "canet", encoder: "U-Net",
        signature: TensorSignature(present: ["nonlocal4_2.theta.weight", "scale_att.conv3.weight"]))

    /// FAT-Net (Medical Image Analysis 2022).
    public static let fatNet = task(
        "FAT-Net", commandName: "fatnet", encoder: "ResNet-34 and DeiT-tiny",
        signature: TensorSignature(present: ["FAMBlock1.conv3.weight", "conv_seq_img.weight"]))

    /// TransFuse-S (arXiv:2102.08005).
    public static let transFuse = task(
        "TransFuse", commandName: "transfuse", encoder: "ResNet-34 and DeiT-small",
        signature: TensorSignature(
            present: ["up_c.W_g.conv.weight"], shapes: ["transformer.pos_embed": [1, nil, 384]]))

    /// Swin-Unet (arXiv:2105.05537); its windows show the size of its input.
    public static let swinUNet = ModelArchitecture(
        "SwinUnet", commandName: "swinunet",
        signature: TensorSignature(present: ["swin_unet.patch_embed.proj.weight"]),
        preprocessing: .samus, trainedPrompts: [], isPromptFree: true,
        published: [swinUNetSizes(256), swinUNetSizes(224)],
        sizes: .ofCheckpoint { checkpoint in
            let table = "swin_unet.layers.0.blocks.0.attn.relative_position_bias_table"
            // A window of 7 x 7 tokens has 13 x 13 distances, one of 8 x 8 has 15 x 15.
            return swinUNetSizes(checkpoint[table]?.shape.first == 13 * 13 ? 224 : 256)
        }, recipes: [.full])

    private static func swinUNetSizes(_ inputSize: Int) -> ModelConfiguration {
        .fixed(FixedConfiguration(encoder: "Swin-T", inputSize: inputSize))
    }

    /// TransUNet (arXiv:2102.04306).
    public static let transUNet = task(
        "TransUNet", commandName: "transunet", encoder: "ResNet-50 and ViT-B",
        signature: TensorSignature(
            present: ["transformer.embeddings.hybrid_model.root.conv.weight"]))

    /// MISSFormer (arXiv:2109.07162).
    public static let missFormer = task(
        "MISSFormer", commandName: "missformer", encoder: "MISSFormer",
        signature: TensorSignature(present: ["bridge.bridge_layer1.norm1.weight"]))

    /// H2Former (IEEE TMI 2023).
    public static let h2Former = task(
        "H2Former", commandName: "h2former", encoder: "ResNet-34 and Swin",
        signature: TensorSignature(
            present: ["MS2.eca.conv.weight", "swin_layers.0.blocks.0.mlp.eca.conv.weight"]))

    /// AAU-Net (arXiv:2204.12077): its published block in a U-Net of ours.
    public static let aauNet = task(
        "AAU-Net", commandName: "aaunet", encoder: "U-Net",
        signature: TensorSignature(
            present: ["down0.channel.conv1.weight", "bottom.spatial.gate.weight"]))
}
