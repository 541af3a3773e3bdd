import FileIO
import Foundation

/// The sizes of a network of SAM's family.
///
/// The JSON form uses the names of segment-anything and SAMUS (`embed_dim`, `num_heads` …).
public struct SAMConfiguration: Hashable, Sendable {
    /// Sizes of the mask decoder.
    public struct Decoder: Hashable, Sendable {
        /// Blocks of the two-way transformer.
        public var depth = 2
        /// Width of tokens and image embedding, D.
        public var width = 256
        /// Width inside the blocks' MLP.
        public var mlpWidth = 2048
        /// Attention heads; not visible in the shapes of a checkpoint.
        public var heads = 8
        /// Number of candidate masks for an ambiguous prompt.
        public var candidates = 3
        /// Layers of the head that estimates IoU.
        public var iouDepth = 3
        /// Width inside that head.
        public var iouWidth = 256

        /// The published sizes.
        public init() {}
    }

    /// Width of the image encoder's tokens.
    public var width: Int
    /// Number of blocks of the image encoder.
    public var depth: Int
    /// Attention heads of the image encoder.
    public var heads: Int
    /// Indices of the blocks with global attention; the others have windowed attention.
    public var globalBlocks: [Int]
    /// Height and width of a window in tokens.
    public var windowSize = 14
    /// Height and width of the input in pixels.
    public var imageSize: Int
    /// Channels inside the convolutions that take a mask prompt.
    public var maskChannels = 16
    /// The mask decoder's sizes.
    public var decoder = Decoder()
    /// The adapter in the blocks of the image encoder; nil for none.
    public var adapter: EncoderAdapter?
    /// Number of classes without the background, each with a mask token; nil for a network that
    /// takes prompts.
    public var classes: Int?

    /// Sizes with the published window and decoder.
    ///
    /// - Parameters:
    ///   - width: width of the image encoder's tokens.
    ///   - depth: number of blocks.
    ///   - heads: attention heads.
    ///   - globalBlocks: indices of the blocks with global attention.
    ///   - imageSize: height and width of the input.
    public init(width: Int, depth: Int, heads: Int, globalBlocks: [Int], imageSize: Int) {
        self.width = width
        self.depth = depth
        self.heads = heads
        self.globalBlocks = globalBlocks
        self.imageSize = imageSize
    }

    /// ViT-B's sizes.
    public static func base(imageSize: Int) -> SAMConfiguration {
        .init(
            width: 768, depth: 12, heads: 12, globalBlocks: [2, 5, 8, 11], imageSize: imageSize)
    }

    /// ViT-L's sizes.
    public static func large(imageSize: Int) -> SAMConfiguration {
        .init(
            width: 1024, depth: 24, heads: 16, globalBlocks: [5, 11, 17, 23], imageSize: imageSize)
    }

    /// ViT-H's sizes.
    public static func huge(imageSize: Int) -> SAMConfiguration {
        .init(
            width: 1280, depth: 32, heads: 16, globalBlocks: [7, 15, 23, 31], imageSize: imageSize)
    }

    /// The published sizes: ViT-B's, ViT-L's and ViT-H's.
    static func published(_ imageSize: Int) -> [SAMConfiguration] {
        [base(imageSize: imageSize), large(imageSize: imageSize), huge(imageSize: imageSize)]
    }

    /// The usual name of the encoder: `ViT-B`, `ViT-L`, `ViT-H`, or its width and depth.
    public var encoderName: String {
        let named = [
            "ViT-B": Self.base(imageSize: imageSize), "ViT-L": .large(imageSize: imageSize),
            "ViT-H": .huge(imageSize: imageSize),
        ]
        let match = named.first { _, sizes in
            (sizes.width, sizes.depth, sizes.heads) == (width, depth, heads)
                && sizes.globalBlocks == globalBlocks
        }
        return (match?.key ?? "ViT of width \(width), depth \(depth)")
            + (adapter.map { " with \($0.text)" } ?? "")
    }
}

extension SAMConfiguration: Codable {
    private enum CodingKeys: String, CodingKey {
        case width = "embed_dim"
        case depth
        case heads = "num_heads"
        case globalBlocks = "global_attn_indexes"
        case windowSize = "window_size"
        case imageSize = "image_size"
        case maskChannels = "mask_in_chans"
        case decoder, adapter
        case classes = "num_classes"
    }
}

extension SAMConfiguration.Decoder: Codable {
    private enum CodingKeys: String, CodingKey {
        case depth
        case width = "embedding_dim"
        case mlpWidth = "mlp_dim"
        case heads = "num_heads"
        case candidates = "num_multimask_outputs"
        case iouDepth = "iou_head_depth"
        case iouWidth = "iou_head_hidden_dim"
    }
}

extension SAMConfiguration {
    /// The sizes as JSON for a file's metadata.
    public var json: String {
        // Whole numbers and lists of them can always be encoded.
        (try? JSON.encode(self, keys: .exact)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
