import Testing

@testable import Segmentation

@Suite("Sizes detected from tensors are checked before a network is made")
struct ConfigurationTests {
    /// The names and shapes that determine the sizes of a very small SAMUS.
    private static let samus: [String: [Int]] = {
        var shapes: [String: [Int]] = [
            "image_encoder.patch_embed.proj.weight": [48, 3, 16, 16],
            "image_encoder.pos_embed": [1, 64, 64, 48],
            "image_encoder.blocks.1.Space_Adapter.q.weight": [48, 48],
            "prompt_encoder.mask_downscaling.3.weight": [16, 4, 2, 2],
            "mask_decoder.iou_token.weight": [1, 32],
            "mask_decoder.mask_tokens.weight": [4, 32],
            "mask_decoder.transformer.layers.0.mlp.lin1.weight": [64, 32],
            "mask_decoder.iou_prediction_head.layers.0.weight": [32, 32],
        ]
        for (block, rows) in [27, 63].enumerated() {
            shapes["image_encoder.blocks.\(block).attn.rel_pos_h"] = [rows, 16]
        }
        return shapes
    }()

    private func sizes(
        heads: Int? = 4, _ change: (inout [String: [Int]]) -> Void = { _ in }
    ) throws(ConfigurationError) -> SAMConfiguration {
        var shapes = Self.samus
        change(&shapes)
        var stated = SAMConfiguration.base(imageSize: 256)
        stated.decoder.width = shapes["mask_decoder.iou_token.weight"]?[1] ?? 0
        stated.decoder.heads = heads ?? 0
        return try SAMConfiguration(
            patchStride: 8, names: Array(shapes.keys), stated: heads == nil ? nil : stated
        ) { [shapes] in shapes[$0] }
    }

    @Test("the sizes of a small SAMUS are detected")
    func small() throws {
        let sizes = try sizes()
        #expect((sizes.width, sizes.depth, sizes.heads) == (48, 2, 3))
        #expect(sizes.globalBlocks == [1])
        #expect((sizes.windowSize, sizes.imageSize) == (14, 256))
        #expect((sizes.decoder.width, sizes.decoder.heads) == (32, 4))
        try sizes.check(numbers: 100_000, tensors: 40, patchStride: 8)
    }

    @Test(
        "numbers of heads that do not divide the width are refused",
        arguments: [0, -4, 3, 32, 5_000_000_000_000_000_000, Int.min])
    func heads(count: Int) {
        #expect(throws: ConfigurationError.decoderHeads(count, width: 32)) {
            try sizes(heads: count)
        }
    }

    @Test("a decoder of unpublished width needs a stated number of heads")
    func unknownHeads() {
        #expect(throws: ConfigurationError.decoderHeadsUnknown(width: 32)) {
            try sizes(heads: nil)
        }
    }

    @Test(
        "missing tensors, and shapes that are empty or have another rank, are refused",
        arguments: [
            ("image_encoder.patch_embed.proj.weight", [0, 3, 16, 16]),
            ("image_encoder.patch_embed.proj.weight", [48]),
            ("image_encoder.blocks.0.attn.rel_pos_h", [27, 0]),
            ("image_encoder.blocks.0.attn.rel_pos_h", [27, 17]),
            ("mask_decoder.iou_token.weight", [1, 0]), ("image_encoder.pos_embed", nil),
        ] as [(String, [Int]?)])
    func shapes(name: String, shape: [Int]?) {
        #expect(throws: ConfigurationError.self) { try sizes { $0[name] = shape } }
    }

    @Test("a network without its last block or layer is not detected as a smaller one")
    func incomplete() throws {
        var sizes = SAMConfiguration.base(imageSize: 256)
        try sizes.checkComplete(nil)
        sizes.depth = 11
        #expect(throws: ConfigurationError.incomplete("blocks", found: 11, of: 12)) {
            try sizes.checkComplete(nil)
        }
        sizes = .base(imageSize: 256)
        sizes.decoder.depth = 1
        #expect(
            throws: ConfigurationError.incomplete("blocks of the mask decoder", found: 1, of: 2)
        ) { try sizes.checkComplete(nil) }
        // For other widths only the file's metadata determines the number of heads.
        sizes = try self.sizes()
        try sizes.checkComplete(nil)
        var stated = sizes
        stated.depth = 3
        #expect(throws: ConfigurationError.incomplete("blocks", found: 2, of: 3)) {
            try sizes.checkComplete(stated)
        }
    }

    @Test("sizes out of proportion to the file are refused", arguments: 0..<7)
    func proportion(index: Int) throws {
        var sizes = try sizes()
        switch index {
        case 0: sizes.decoder.candidates = 300_000
        case 1: sizes.decoder.depth = 60_000
        case 2: sizes.decoder.width = 4_000_000
        case 3: sizes.windowSize = 6000
        case 4: sizes.imageSize = 16376
        case 5: sizes.width = Int.max / 2
        default: sizes.decoder.iouWidth = 1 << 40
        }
        #expect(throws: ConfigurationError.self) {
            try sizes.check(numbers: 1_000_000, tensors: 200, patchStride: 8)
        }
    }
}
