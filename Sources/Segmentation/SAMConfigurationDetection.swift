import Checkpoints
import FileIO

/// Why the sizes of a network cannot be read from a checkpoint.
public enum ConfigurationError: Error, Equatable, Sendable {
    case missing(name: String)
    case unexpectedShape(name: String, shape: [Int])
    case decoderHeadsUnknown(width: Int)
    case unreadableStatement(String)
    case decoderHeads(Int, width: Int)
    case incomplete(String, found: Int, of: Int)
    case tooLarge(String, Int, limit: Int)
    case outOfProportion(String, needed: Int, found: Int)
    case severalClasses(Int)
    case classes(stated: String, outputs: Int)
}

extension ConfigurationError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .missing(let name):
            "'\(name)' is missing, which determines a size of the network"
        case .unexpectedShape(let name, let shape):
            "'\(name)' has shape \(shape), which no network size allows"
        case .decoderHeadsUnknown(let width):
            "its mask decoder has width \(width), and the weights do not determine the number of "
                + "attention heads: give it with 'samus convert --decoder-heads N'"
        case .unreadableStatement(let text):
            "its metadata entry '\(SAMConfiguration.metadataKey)' cannot be read: "
                + String(text.prefix(80)).debugDescription
        case .decoderHeads(let heads, let width):
            "its mask decoder has width \(width) and cannot have \(heads) attention heads: the "
                + "width must be divisible by twice the number of heads"
        case .incomplete(let what, let found, let needed):
            "it has \(found) \(what) instead of \(needed): a part of it is missing"
        case .tooLarge(let what, let value, let limit):
            "its tensors describe \(what) of \(value), above this program's limit of \(limit)"
        case .severalClasses(let count):
            "it segments \(count) classes, and this program takes networks of one class"
        case .classes(let stated, let outputs):
            "its metadata entry '\(ClassLabel.metadataKey)' does not list the classes of its "
                + "\(outputs) output channels but the background: \(stated.debugDescription)"
        case .outOfProportion(let what, let needed, let found):
            "a network of these sizes has \(needed) \(what) or more, the file has \(found)"
        }
    }
}

/// How the tensors of a network with SAM's image encoder are named.
public enum SAMTensorForm: Sendable {
    /// As in segment-anything.
    case sam
    /// Behind the prefix `sam.`, with a mask token for the background and each class.
    case samed
    /// With `rel_h` for `rel_pos_h`, other names in the MLPs of the mask decoder, and a position
    /// embedding that does not show the input's size.
    case msa

    var prefix: String { self == .samed ? "sam." : "" }
    var decoderMLP: String { self == .msa ? "mlp.layers.0.0" : "mlp.lin1" }
    var relativeRows: String { self == .msa ? "rel_h" : "rel_pos_h" }
}

extension SAMConfiguration {
    /// The metadata key of a checkpoint for the sizes, as JSON.
    public static let metadataKey = "samus.configuration"

    /// Height and width of a patch in pixels; SAM's patches do not overlap.
    static let patchSize = 16

    /// Reads the sizes of a network from the shapes of its tensors.
    ///
    /// A decoder of the published width has eight heads; otherwise the number is in the file's
    /// metadata.
    ///
    /// - Parameters:
    ///   - patchStride: pixels of the input from one token to the next: 16 for SAM, 8 for SAMUS.
    ///   - form: how the tensors are named.
    ///   - names: names of all tensors.
    ///   - stated: the sizes in the file's metadata.
    ///   - shape: returns the shape of a tensor by name.
    /// - Throws: ``ConfigurationError`` when the shapes do not determine the sizes.
    public init(
        patchStride: Int, form: SAMTensorForm = .sam, names: [String],
        stated: SAMConfiguration? = nil, shape: @escaping (String) -> [Int]?
    ) throws(ConfigurationError) {
        let shapes = KnownShapes(shape: shape)
        let encoder = form.prefix + "image_encoder"
        let depth = Self.count(names, below: "\(encoder).blocks")
        let patch = try shapes.of("\(encoder).patch_embed.proj.weight", axes: 4)
        let tables = try (0..<max(depth, 1)).map { index throws(ConfigurationError) in
            try shapes.of("\(encoder).blocks.\(index).attn.\(form.relativeRows)", axes: 2)
        }
        let headWidth = tables[0][1]
        guard patch[0] % headWidth == 0 else {
            throw .unexpectedShape(
                name: "\(encoder).blocks.0.attn.\(form.relativeRows)", shape: tables[0])
        }
        let positions = try shapes.of("\(encoder).pos_embed", axes: 4)
        let names = Set(names)
        // SAMUS and MSA keep SAM's position embedding for every input size: the tables of the global
        // blocks give the grid. In SAMUS these are the blocks with cross-branch attention, in MSA
        // those with another table than the first block, which has windows.
        let showsGrid = patchStride == Self.patchSize && form != .msa
        let global = tables.indices.filter { index in
            if showsGrid { return tables[index][0] == 2 * positions[1] - 1 }
            return form == .msa
                ? tables[index][0] != tables[0][0]
                : names.contains("\(encoder).blocks.\(index).Space_Adapter.q.weight")
        }
        let others = form == .msa ? (tables[0][0] + 1) / 2 : 32
        let grid = showsGrid ? positions[1] : global.first.map { (tables[$0][0] + 1) / 2 } ?? others
        self.init(
            width: patch[0], depth: depth, heads: patch[0] / headWidth, globalBlocks: global,
            imageSize: grid * patchStride)
        if let local = tables.indices.first(where: { !global.contains($0) }) {
            windowSize = (tables[local][0] + 1) / 2
        }
        maskChannels = try shapes.of(
            form.prefix + "prompt_encoder.mask_downscaling.3.weight", axes: 4)[0]
        decoder = try Decoder(
            form: form, names: names, shapes: shapes, stated: stated?.decoder)
        adapter = EncoderAdapter(names: names.sorted(), shape: shape)
        if form == .samed { classes = decoder.candidates }
    }

    /// The number of numbered submodules of a module.
    static func count(_ names: some Sequence<String>, below prefix: String) -> Int {
        let numbers = names.compactMap { name -> Int? in
            guard name.hasPrefix(prefix + ".") else { return nil }
            return Int(name.dropFirst(prefix.count + 1).prefix { $0 != "." })
        }
        return Set(numbers).count
    }
}

/// Shapes of required tensors.
struct KnownShapes {
    let shape: (String) -> [Int]?

    /// The shape of a tensor, which must have this number of axes and no empty one.
    func of(_ name: String, axes: Int) throws(ConfigurationError) -> [Int] {
        guard let found = shape(name) else { throw .missing(name: name) }
        guard found.count == axes, found.allSatisfy({ $0 > 0 }) else {
            throw .unexpectedShape(name: name, shape: found)
        }
        return found
    }
}

extension SAMConfiguration.Decoder {
    /// The decoder's sizes.
    ///
    /// - Throws: ``ConfigurationError/decoderHeadsUnknown(width:)`` where neither the width nor the
    ///   metadata determines the heads.
    init(
        form: SAMTensorForm, names: Set<String>, shapes: KnownShapes, stated: Self?
    ) throws(ConfigurationError) {
        self.init()
        let decoder = form.prefix + "mask_decoder"
        let head = "\(decoder).iou_prediction_head.layers"
        width = try shapes.of("\(decoder).iou_token.weight", axes: 2)[1]
        depth = SAMConfiguration.count(names, below: "\(decoder).transformer.layers")
        mlpWidth = try shapes.of(
            "\(decoder).transformer.layers.0.\(form.decoderMLP).weight", axes: 2)[0]
        candidates = try shapes.of("\(decoder).mask_tokens.weight", axes: 2)[0] - 1
        iouDepth = SAMConfiguration.count(names, below: head)
        iouWidth = try shapes.of("\(head).0.weight", axes: 2)[0]
        if let stated, stated.width == width {
            heads = stated.heads
        } else if width != 256 {
            throw .decoderHeadsUnknown(width: width)
        }
        // Attention to the image is half as wide.
        guard (1...width).contains(heads), width % (2 * heads) == 0 else {
            throw .decoderHeads(heads, width: width)
        }
        guard width >= 8, candidates > 0 else {
            throw .unexpectedShape(
                name: "\(decoder).mask_tokens.weight", shape: [candidates + 1, width])
        }
    }
}

extension SAMConfiguration {
    /// Tokens along a side of the grid: attention among 128 x 128 tokens takes 1 GB per head.
    private static let largestGrid = 128
    /// Tokens along a side of a window; the published networks have 14.
    private static let largestWindow = 128

    /// Refuses sizes that do not agree with the amount of data in a file, before a network is made.
    ///
    /// Up to half of the data may be missing: loading then lists the missing tensors.
    ///
    /// - Parameters:
    ///   - numbers: number of elements of all tensors in the file.
    ///   - tensors: number of tensors.
    ///   - patchStride: pixels of the input from one token to the next.
    /// - Throws: ``ConfigurationError``.
    public func check(
        numbers: Int, tensors: Int, patchStride: Int
    ) throws(ConfigurationError) {
        try Self.check("an input", imageSize, limit: Self.largestGrid * patchStride)
        try Self.check("windows", windowSize, limit: Self.largestWindow)
        // The least number of tensors of each block, layer and head.
        let parts = [
            product(depth, 12), product(decoder.depth, 24), product(decoder.candidates + 1, 6),
            product(decoder.iouDepth, 2),
        ]
        let neededTensors = parts.reduce(0, sum)
        guard neededTensors / 2 <= tensors else {
            throw .outOfProportion("tensors", needed: neededTensors, found: tensors)
        }
        // Attention has four matrices of D x D, an MLP of four times the width eight.
        let matrices = [
            product(depth, 12, width, width),
            product(decoder.depth, 4, decoder.width, decoder.width),
            product(decoder.depth, 2, decoder.width, decoder.mlpWidth),
            product(decoder.candidates + 1, 2, decoder.width, decoder.width),
            product(decoder.iouDepth, decoder.iouWidth, min(decoder.width, decoder.iouWidth)),
            product(maskChannels, decoder.width),
        ]
        let neededNumbers = matrices.reduce(0, sum)
        guard neededNumbers / 2 <= numbers else {
            throw .outOfProportion("numbers", needed: neededNumbers, found: numbers)
        }
    }

    /// Refuses a network that lacks whole blocks or layers: it would be detected as a smaller
    /// network and give wrong outlines.
    ///
    /// - Parameter stated: the sizes in the file's metadata; nil to use the published sizes for an
    ///   encoder or decoder of a published width.
    /// - Throws: ``ConfigurationError/incomplete(_:found:of:)``.
    func checkComplete(_ stated: SAMConfiguration?) throws(ConfigurationError) {
        let published = Self.published(imageSize)
        if let whole = stated ?? published.first(where: { $0.width == width }) {
            try Self.check("blocks", depth, of: whole.depth)
            try Self.check(
                "blocks with global attention", globalBlocks.count,
                of: whole.globalBlocks.count)
        }
        let usual = Decoder()
        if let whole = stated?.decoder ?? (decoder.width == usual.width ? usual : nil) {
            try Self.check("blocks of the mask decoder", decoder.depth, of: whole.depth)
            try Self.check("layers of the IoU head", decoder.iouDepth, of: whole.iouDepth)
        }
    }

    private static func check(
        _ what: String, _ found: Int, of needed: Int
    ) throws(ConfigurationError) {
        guard found == needed else { throw .incomplete(what, found: found, of: needed) }
    }

    private static func check(
        _ what: String, _ value: Int, limit: Int
    ) throws(ConfigurationError) {
        guard value <= limit else { throw .tooLarge(what, value, limit: limit) }
    }
}

/// A product that saturates at the largest integer.
private func product(_ factors: Int...) -> Int {
    factors.reduce(1) { product, factor in
        let (next, overflow) = product.multipliedReportingOverflow(by: factor)
        return overflow ? .max : next
    }
}

/// A sum that saturates at the largest integer.
private func sum(_ one: Int, _ other: Int) -> Int {
    let (sum, overflow) = one.addingReportingOverflow(other)
    return overflow ? .max : sum
}

extension SAMConfiguration {
    /// The sizes of the network in a checkpoint.
    ///
    /// - Parameters:
    ///   - checkpoint: a checkpoint of SAM, SAMUS or AutoSAMUS.
    ///   - patchStride: pixels of the input from one token to the next.
    ///   - form: how the tensors are named.
    ///   - decoderHeads: attention heads of the mask decoder, which no shape shows; nil for the
    ///     number in the file's metadata, or the published eight.
    /// - Throws: ``ConfigurationError`` when the tensors do not determine the sizes.
    init(
        _ checkpoint: Checkpoint, patchStride: Int, form: SAMTensorForm, decoderHeads: Int?
    ) throws(ConfigurationError) {
        let names = checkpoint.names
        let stated = try decoderHeads == nil ? Self.stated(in: checkpoint) : nil
        var assumed = stated
        if let decoderHeads {
            var sizes = Self.base(imageSize: 256)
            sizes.decoder.width =
                checkpoint[form.prefix + "mask_decoder.iou_token.weight"]?
                .shape.last ?? 0
            sizes.decoder.heads = decoderHeads
            assumed = sizes
        }
        try self.init(patchStride: patchStride, form: form, names: names, stated: assumed) {
            checkpoint[$0]?.shape
        }
        try checkComplete(stated)
        try check(
            numbers: names.reduce(0) { $0 + (checkpoint[$1]?.elementCount ?? 0) },
            tensors: names.count, patchStride: patchStride)
    }

    /// The sizes in a file's metadata; nil when it has none.
    private static func stated(
        in checkpoint: Checkpoint
    ) throws(ConfigurationError) -> SAMConfiguration? {
        guard let text = checkpoint.metadata[metadataKey] else { return nil }
        do {
            return try JSON.decode(SAMConfiguration.self, from: text.utf8, keys: .exact)
        } catch {
            throw .unreadableStatement(text)
        }
    }
}
