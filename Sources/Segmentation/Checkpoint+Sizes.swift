import Checkpoints
import Foundation

extension Checkpoint {
    /// The sizes of the network it belongs to.
    ///
    /// - Parameters:
    ///   - kind: which network.
    ///   - decoderHeads: attention heads of the mask decoder, which no shape tells; nil for what
    ///     the file's remarks state, or the published eight.
    /// - Returns: sizes that go with what the file holds; for LiteMedSAM, which has no others, those
    ///   of its input and its decoder.
    /// - Throws: ``ConfigurationError`` when they cannot be told.
    public func sizes(
        of kind: ModelKind, decoderHeads: Int? = nil
    ) throws(ConfigurationError) -> SAMConfiguration {
        guard kind != .liteMedSAM else { return .base(imageSize: 256) }
        let stated =
            if let decoderHeads { statement(heads: decoderHeads) } else { try statedSizes() }
        let sizes = try SAMConfiguration(kind: kind, names: names, stated: stated) {
            self[$0]?.shape
        }
        try sizes.checkComplete(decoderHeads == nil ? stated : nil)
        try sizes.check(
            numbers: names.reduce(0) { $0 + (self[$1]?.elementCount ?? 0) }, tensors: names.count,
            pitch: kind == .sam ? 16 : 8)
        return sizes
    }

    /// The numbers in all its tensors but those that a network keeps itself.
    public var parameterCount: Int {
        names.filter { !ModelKind.isBuffer($0) }.reduce(0) { $0 + (self[$1]?.elementCount ?? 0) }
    }

    /// What the file would state if it had a decoder of so many heads.
    private func statement(heads: Int) -> SAMConfiguration {
        var sizes = SAMConfiguration.base(imageSize: 256)
        sizes.decoder.width = self["mask_decoder.iou_token.weight"]?.shape.last ?? 0
        sizes.decoder.heads = heads
        return sizes
    }

    /// The sizes that the file's own remarks state; nil where they state none.
    private func statedSizes() throws(ConfigurationError) -> SAMConfiguration? {
        guard let text = metadata[SAMConfiguration.metadataKey] else { return nil }
        do {
            return try JSONDecoder().decode(SAMConfiguration.self, from: Data(text.utf8))
        } catch {
            throw .unreadableStatement(text)
        }
    }
}
