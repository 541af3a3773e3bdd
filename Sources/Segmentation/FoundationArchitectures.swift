import Checkpoints

/// Foundation models of the comparison: SAM trained or adapted for medical images.
extension ModelArchitecture {
    /// The entries of all foundation models besides SAM itself.
    static let foundation = [medSAM, samed, medicalSAMAdapter, medicalSAMAdapter2023, samMed2D]

    /// MedSAM (Nature Communications 2024): SAM trained with boxes on medical images.
    ///
    /// Its tensors are those of SAM: a file's metadata, or the command line, say that it is MedSAM.
    public static let medSAM = ModelArchitecture(
        "MedSAM", commandName: "medsam",
        signature: TensorSignature(present: plainSAM, absent: notSAM),
        preprocessing: .medSAM, trainedPrompts: [.box], needsBox: true,
        published: [.sam(.base(imageSize: 1024))], sizes: .ofSAM(patchStride: 16),
        startsFrom: [.sam], adapters: AdapterMethod.allCases,
        recipes: [.decoder, .full, .adapter])

    /// SAMed (arXiv:2304.13785): SAM with LoRA, and one mask token for each class.
    public static let samed = ModelArchitecture(
        "SAMed", commandName: "samed",
        signature: TensorSignature(
            present: [
                "sam.image_encoder.blocks.0.attn.rel_pos_h", "sam.mask_decoder.mask_tokens.weight",
            ]),
        preprocessing: .samus, trainedPrompts: [], isPromptFree: true,
        published: [
            .sam(samedSizes(.base(imageSize: 512), classes: 1, rank: EncoderAdapter.publishedRank))
        ],
        sizes: .ofSAM(patchStride: 16, form: .samed), startsFrom: [.sam],
        adapters: [.lora, .samed], recipes: [.adapter, .full])

    /// The sizes of a SAMed.
    ///
    /// - Parameters:
    ///   - sizes: of SAM.
    ///   - classes: number of classes without the background.
    ///   - rank: of LoRA; nil where it is merged into the weights.
    /// - Returns: sizes with a mask token for each class and for the background.
    public static func samedSizes(
        _ sizes: SAMConfiguration, classes: Int, rank: Int?
    ) -> SAMConfiguration {
        var sizes = sizes
        sizes.adapter = rank.map { .lowRank($0) }
        sizes.classes = classes
        sizes.decoder.candidates = classes
        return sizes
    }

    /// The Medical SAM Adapter (arXiv:2304.12620) in the version of 2025.
    public static let medicalSAMAdapter = ModelArchitecture(
        "MSA", commandName: "msa",
        signature: TensorSignature(
            present: samParts + [bottleneck, "image_encoder.blocks.0.attn.rel_h"]),
        preprocessing: .stretchedSAM, trainedPrompts: [.click],
        published: [ModelConfiguration.sam(.base(imageSize: 256)).adapted(by: .bottleneck)],
        sizes: .ofSAM(patchStride: 16, form: .msa), startsFrom: [.sam],
        recipes: [.adapter, .decoder, .full])

    /// The Medical SAM Adapter in its first version, of 2023.
    public static let medicalSAMAdapter2023 = ModelArchitecture(
        "MSA-2023", commandName: "msa-2023",
        signature: TensorSignature(
            present: samParts + [bottleneck, "image_encoder.blocks.0.attn.rel_pos_h"]),
        preprocessing: .samus, trainedPrompts: [.click],
        published: [ModelConfiguration.sam(.base(imageSize: 1024)).adapted(by: .bottleneck)],
        sizes: .ofSAM(patchStride: 16), startsFrom: [.sam], recipes: [.adapter, .decoder, .full])

    /// SAM-Med2D (arXiv:2308.16184): SAM with convolutional adapters, trained on medical images.
    public static let samMed2D = ModelArchitecture(
        "SAM-Med2D", commandName: "sammed2d",
        signature: TensorSignature(present: samParts + [convolution]),
        preprocessing: .samMed2D, trainedPrompts: [.click, .box, .mask],
        isTrainedForCandidates: true, takesBestCandidate: true,
        published: [ModelConfiguration.sam(.base(imageSize: 256)).adapted(by: .convolution)],
        sizes: .ofSAM(patchStride: 16), startsFrom: [.sam], recipes: [.adapter, .decoder, .full])

    private static let bottleneck = "image_encoder.blocks.0.Space_Adapter.D_fc1.weight"
    private static let convolution = "image_encoder.blocks.0.Adapter.spatial.0.weight"

    /// Tensors of SAM that its adapted forms do not have.
    static let plainSAM = samParts + ["image_encoder.blocks.0.attn.qkv.weight"]

    /// Tensors by which other networks differ from SAM.
    static let notSAM = [
        cnnBranch, tinyViTStem, promptGenerator, bottleneck, convolution,
    ]
}

extension ModelArchitecture {
    /// The names of the architectures that take an adapter, for messages.
    public static var adaptable: [ModelArchitecture] { all.filter { !$0.adapters.isEmpty } }

    /// Detects the architecture that a file states, or that names and shapes of tensors show.
    ///
    /// A statement decides between networks with the same tensors, such as SAM and MedSAM, and for
    /// networks with adapters. A statement that the tensors contradict is ignored.
    ///
    /// - Parameters:
    ///   - tensors: the shape of each tensor by its name.
    ///   - stated: the name in the file's metadata.
    init?(tensors: [String: [Int]], stated: String?) {
        let base = EncoderAdapter.base(of: tensors)
        if let stated = stated.flatMap({ ModelArchitecture(rawValue: $0) }),
            stated.signature.matches(tensors)
                || !stated.adapters.isEmpty && stated.signature.matches(base)
        {
            self = stated
            return
        }
        guard
            let found = ModelArchitecture(tensors: tensors)
                ?? Self.adaptable.first(where: { $0.signature.matches(base) })
        else { return nil }
        self = found
    }
}
