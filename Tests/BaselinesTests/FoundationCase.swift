import Imaging
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

@testable import Baselines

/// A foundation model of the comparison in a small size, and where the values of its authors' program
/// are.
struct FoundationCase: Sendable, CustomTestStringConvertible {
    let folder: String
    let tag: String
    let architecture: ModelArchitecture
    let sizes: SAMConfiguration
    /// The input of the network for grey values in 0..1, `[B, 1, S, S]`.
    let input: @Sendable (Tensor) -> Tensor
    /// The factor of the grey values in the stored input, where it is not the network's.
    var storedScale: Double?
    /// The logits that the authors' program gives for embeddings of B images.
    let logits: @Sendable (any SegmentationNetwork, Tensor, BaselineGolden) -> Tensor
    /// Tables of full size: their tag and sizes.
    let tables: [(tag: String, sizes: SAMConfiguration)]

    var testDescription: String { folder + tag }

    static let all = [
        FoundationCase(
            folder: "samed", tag: "-tiny", architecture: .samed,
            sizes: ModelArchitecture.samedSizes(tiny, classes: 3, rank: 4), input: { $0 },
            logits: { network, embedding, _ in
                (network as? SAMed)?.classMasks(embedding).logits ?? embedding
            },
            tables: [1, 8].map { classes in
                (
                    "-vit_b-512-\(classes)classes",
                    ModelArchitecture.samedSizes(
                        .base(imageSize: 512), classes: classes, rank: 4)
                )
            }),
        FoundationCase(
            folder: "msa", tag: "-tiny-2025", architecture: .medicalSAMAdapter,
            sizes: adapted(tiny, .bottleneck), input: standardized, storedScale: 255,
            logits: { resized(prompted($0, $1, clicks: $2).logits) },
            tables: [256, 1024].map { ("-vit_b-\($0)", adapted(.base(imageSize: $0), .bottleneck)) }
        ),
        FoundationCase(
            folder: "msa", tag: "-tiny-2023", architecture: .medicalSAMAdapter2023,
            sizes: adapted(tiny, .bottleneck), input: { $0 },
            logits: { prompted($0, $1, clicks: $2).logits },
            tables: [("-vit_b-2023-1024", adapted(.base(imageSize: 1024), .bottleneck))]),
        FoundationCase(
            folder: "sammed2d", tag: "-tiny", architecture: .samMed2D,
            sizes: adapted(tiny, .convolution), input: standardized,
            logits: { prompted($0, $1, clicks: $2, multimask: true).logits },
            tables: [("-vit_b-256", adapted(.base(imageSize: 256), .convolution))]),
        FoundationCase(
            folder: "medsam", tag: "-tiny", architecture: .medSAM, sizes: tiny,
            input: { images in
                .concatenate(
                    images.split([Int](repeating: 1, count: images.size(0)), axis: 0).map {
                        (($0 - $0.min()) / ($0.max() - $0.min())).expanded([-1, 3, -1, -1])
                    })
            },
            logits: { network, embedding, golden in
                let box = golden["box_xyxy"].reshaped([1, 4]).expanded([embedding.size(0), 4])
                return resized(
                    (network as? MedSAM)?.decode(embedding, prompts: PromptTensors(boxes: box))
                        .logits ?? embedding)
            }, tables: [("-vit_b-1024", .base(imageSize: 1024))]),
    ]

    /// The sizes of the goldens.
    private static let tiny: SAMConfiguration = {
        var sizes = SAMConfiguration(
            width: 48, depth: 4, heads: 3, globalBlocks: [1, 3], imageSize: 256)
        sizes.decoder.width = 32
        sizes.decoder.mlpWidth = 64
        sizes.decoder.heads = 4
        sizes.decoder.iouWidth = 32
        return sizes
    }()

    private static func adapted(
        _ sizes: SAMConfiguration, _ adapter: EncoderAdapter
    ) -> SAMConfiguration {
        var sizes = sizes
        sizes.adapter = adapter
        return sizes
    }

    /// Three channels, normalized with SAM's mean and deviation.
    @Sendable private static func standardized(_ images: Tensor) -> Tensor {
        let mean = Tensor(Preprocessing.mean, shape: [1, 3, 1, 1])
        let deviation = Tensor(Preprocessing.deviation, shape: [1, 3, 1, 1])
        return (images * 255 - mean) / deviation
    }

    static func prompted(
        _ network: any SegmentationNetwork, _ embedding: Tensor, clicks golden: BaselineGolden,
        multimask: Bool = false
    ) -> DecodedMasks {
        let batch = embedding.size(0)
        let prompts = PromptTensors(
            points: golden["point_xy"].expanded([batch, 1, 2]),
            labels: golden["point_label"].expanded([batch, 1]))
        return (network as? any PromptableNetwork)?.decode(
            embedding, prompts: prompts, multimask: multimask)
            ?? DecodedMasks(logits: embedding, iou: embedding)
    }

    private static func resized(_ logits: Tensor) -> Tensor {
        bilinear(logits, height: 256, width: 256)
    }

    func golden() throws -> BaselineGolden {
        try BaselineGolden(folder, tag: tag)
    }

    /// The network with weights by the formula.
    func network() throws -> any SegmentationNetwork {
        let network = Initialization.skipped { make(sizes) }
        try network.load(BaselineWeights(for: network))
        return network
    }

    func make(_ sizes: SAMConfiguration) -> any SegmentationNetwork {
        let types: [any SegmentationNetwork.Type] = [
            SAMed.self, MedicalSAMAdapter.self, MedicalSAMAdapter2023.self, SAMMed2D.self,
            MedSAM.self,
        ]
        guard let type = types.first(where: { $0.architecture == architecture }) else {
            preconditionFailure("no network of \(architecture.rawValue)")
        }
        return type.make(.sam(sizes))
    }

    /// Both images of the training check, as grey values in 0..1, `[2, 1, S, S]`.
    static func batch() throws -> Tensor {
        let side = Size(height: 256, width: 256)
        return .concatenate(
            try ["bus_0006-s", "bus_0033-l"].map { name in
                let path = Shared.folder.appending(path: "data/Breast-BUSBRA/img/\(name).png").path
                let image = try Image.read(path).grey().resizedLikePillow(to: side)
                return Tensor(image.pixels.map { Float($0) / 255 }, shape: [1, 1, 256, 256])
            })
    }
}
