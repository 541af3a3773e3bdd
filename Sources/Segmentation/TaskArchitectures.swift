import Checkpoints

/// Task-specific networks: the paper's comparison. They segment without a prompt, and are trained for
/// one kind of object, or for several classes at once.
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
    ///   - head: the weights of the last layer, whose first axis is that of the output channels.
    ///   - outputs: output channels of the published network.
    ///   - signature: which tensors a checkpoint has.
    /// - Returns: the entry.
    private static func task(
        _ name: String, commandName: String, encoder: String, head: String, outputs: Int = 1,
        signature: TensorSignature
    ) -> ModelArchitecture {
        ModelArchitecture(
            name, commandName: commandName, signature: signature, preprocessing: .samus,
            trainedPrompts: [], isPromptFree: true,
            published: [
                .fixed(FixedConfiguration(encoder: encoder, inputSize: 256, outputs: outputs))
            ], sizes: .ofHead(head), recipes: [.full])
    }

    /// U-Net (arXiv:1505.04597), with transposed convolutions.
    public static let uNet = task(
        "U-Net", commandName: "unet", encoder: "U-Net",
        head: "outc.conv.weight",
        signature: TensorSignature(
            present: ["inc.double_conv.0.weight", "up1.up.weight"],
            shapes: ["outc.conv.weight": [nil, 64, 1, 1]]))

    /// U-Net with bilinear interpolation and half the channels at the bottom.
    public static let bilinearUNet = task(
        "U-Net-bilinear", commandName: "unet-bilinear", encoder: "U-Net",
        head: "outc.conv.weight",
        signature: TensorSignature(
            present: ["inc.double_conv.0.weight"], absent: ["up1.up.weight"],
            shapes: ["outc.conv.weight": [nil, 64, 1, 1]]))

    /// CE-Net (arXiv:1903.02740).
    public static let ceNet = task(
        "CE-Net", commandName: "cenet", encoder: "ResNet-34",
        head: "finalconv3.weight",
        signature: TensorSignature(present: ["dblock.dilate1.weight", "spp.conv.weight"]))

    /// CPFNet (IEEE TMI 2020).
    public static let cpfNet = task(
        "CPFNet", commandName: "cpfnet", encoder: "ResNet-34",
        head: "main_head.conv_1x1_2.weight",
        signature: TensorSignature(present: ["mce_2.conv_out.0.weight", "sap.gamma"]))

    /// SETR (arXiv:2012.15840), as the SAMUS authors' group wrote it.
    public static let setr = task(
        "SETR", commandName: "setr", encoder: "ViT",
        head: "decoder.8.weight",
        signature: TensorSignature(
            present: ["transformer.layers.0.0.fn.to_qkv.weight", "decoder.8.weight"]))

    /// CA-Net (arXiv:2009.10549).
    public static let caNet = task(
        "CA-Net", commandName: "canet", encoder: "U-Net",
        head: "final.0.weight", outputs: 2,
        signature: TensorSignature(present: ["nonlocal4_2.theta.weight", "scale_att.conv3.weight"]))

    /// FAT-Net (Medical Image Analysis 2022).
    public static let fatNet = task(
        "FAT-Net", commandName: "fatnet", encoder: "ResNet-34 and DeiT-tiny",
        head: "final_conv3.weight",
        signature: TensorSignature(present: ["FAMBlock1.conv3.weight", "conv_seq_img.weight"]))

    /// TransFuse-S (arXiv:2102.08005).
    public static let transFuse = task(
        "TransFuse", commandName: "transfuse", encoder: "ResNet-34 and DeiT-small",
        head: "final_2.1.conv.weight",
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
                .withOutputs(of: checkpoint["swin_unet.output.weight"])
        }, recipes: [.full])

    private static func swinUNetSizes(_ inputSize: Int) -> ModelConfiguration {
        .fixed(FixedConfiguration(encoder: "Swin-T", inputSize: inputSize))
    }

    /// TransUNet (arXiv:2102.04306).
    public static let transUNet = task(
        "TransUNet", commandName: "transunet", encoder: "ResNet-50 and ViT-B",
        head: "segmentation_head.0.weight",
        signature: TensorSignature(
            present: ["transformer.embeddings.hybrid_model.root.conv.weight"]))

    /// MISSFormer (arXiv:2109.07162).
    public static let missFormer = task(
        "MISSFormer", commandName: "missformer", encoder: "MISSFormer",
        head: "decoder_0.last_layer.weight",
        signature: TensorSignature(present: ["bridge.bridge_layer1.norm1.weight"]))

    /// H2Former (IEEE TMI 2023).
    public static let h2Former = task(
        "H2Former", commandName: "h2former", encoder: "ResNet-34 and Swin",
        head: "decode0.1.weight",
        signature: TensorSignature(
            present: ["MS2.eca.conv.weight", "swin_layers.0.blocks.0.mlp.eca.conv.weight"]))

    /// AAU-Net (arXiv:2204.12077): its published block in a U-Net of ours.
    public static let aauNet = task(
        "AAU-Net", commandName: "aaunet", encoder: "U-Net",
        head: "head.weight",
        signature: TensorSignature(
            present: ["down0.channel.conv1.weight", "bottom.spatial.gate.weight"]))
}

extension ModelConfiguration {
    /// The sizes of a task-specific network whose last layer has these weights.
    ///
    /// A tensor that no last layer has leaves the sizes unchanged; loading then names it.
    ///
    /// - Parameter head: the weights, whose first axis is that of the output channels.
    /// - Returns: the sizes with the number of output channels.
    func withOutputs(of head: StoredTensor?) -> ModelConfiguration {
        guard case .fixed(var sizes) = self, let outputs = head?.shape.first,
            (1...ClassLabel.largestCount + 1).contains(outputs)
        else { return self }
        sizes.outputs = outputs
        return .fixed(sizes)
    }
}
