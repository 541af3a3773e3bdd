import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// samus-lite: to LiteMedSAM what SAMUS is to SAM.
///
/// The encoder has a sixteenth of LiteMedSAM's tokens and a CNN branch for the details that these
/// lose; the prompt encoder and the mask decoder are LiteMedSAM's, with a head that estimates
/// whether there is an object at all.
public final class SAMUSLite: Module, PromptableNetwork {
    /// Height and width of its input in pixels.
    public static let inputSize = 256
    /// Stride of the embedding in pixels.
    static let stride = 8

    /// Images to embeddings.
    public let imageEncoder: SAMUSLiteEncoder
    /// Prompts to tokens.
    public let promptEncoder: PromptEncoder
    /// Embedding and tokens to masks.
    public let maskDecoder: MaskDecoder

    /// A network with new weights.
    ///
    /// - Parameter parts: the parts that SAMUS adds; an ablation leaves some out.
    public init(_ parts: SAMUSLiteParts = .all) {
        imageEncoder = SAMUSLiteEncoder(parts)
        promptEncoder = PromptEncoder(
            inputSize: Self.inputSize, embeddingSize: Self.inputSize / Self.stride)
        maskDecoder = MaskDecoder(hasPresence: true)
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .samusLite }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        guard case .lite(let parts) = configuration else {
            preconditionFailure("samus-lite needs its own sizes, not \(configuration)")
        }
        return SAMUSLite(parts)
    }

    /// The module of the image encoder.
    public var imageEncoderModule: Module { imageEncoder }

    /// Channels of an embedding: with the CNN branch, its fine features come behind the decoder's.
    public var embeddingWidth: Int { imageEncoder.embeddingWidth }

    /// - Parameter images: in 0..1, `[B, 3, 256, 256]`.
    /// - Returns: embedding, `[B, D, 32, 32]`.
    public func encode(_ images: Tensor) -> Tensor {
        encodeOneByOne(images) { imageEncoder($0) }
    }
}

extension SAMUSLite {
    /// The modules that LiteMedSAM does not have.
    private var addedModules: [Module] {
        imageEncoder.addedModules + [maskDecoder.presenceHead].compactMap(\.self)
    }

    /// All parts: LiteMedSAM has one size.
    public static func configuration(
        startingFrom source: ModelConfiguration, of architecture: ModelArchitecture
    ) -> ModelConfiguration {
        .lite(.all)
    }

    /// Initializes a new network from LiteMedSAM's weights.
    ///
    /// Every tensor of the same name and shape is copied. The stem's 1x1 kernels are spread evenly
    /// over 3x3 pixels, so that the network starts as LiteMedSAM on a smaller image. The attention
    /// biases of larger windows repeat those of the largest distance. All that SAMUS adds ends in a
    /// layer of zeros and changes nothing at first.
    ///
    /// - Parameter source: a checkpoint or a state dictionary of LiteMedSAM.
    /// - Returns: where each weight comes from.
    /// - Throws: `ModuleLoadError` when parts of LiteMedSAM are missing or have another shape, and
    ///   the error of the reader.
    public func transferWeights(from source: any TensorSource) throws -> WeightTransfer {
        let values = namedValues()
        let known = Set(values.map(\.name))
        var transfer = WeightTransfer(copied: [])
        transfer.unused = source.names.filter { !known.contains($0) }
        for (name, value) in values {
            guard let shape = source.shape(of: name) else {
                transfer.new.append(name)
                continue
            }
            if shape == value.value.shape {
                transfer.copied.append(name)
            } else if Self.resized(Tensor.empty(shape), to: value.value.shape) != nil {
                transfer.resized.append(name)
            }
        }
        let added = namedValues(in: addedModules).map(\.name)
        let accepted = Set(transfer.resized + added)
        if let error = difference(from: source)?.leavingOut(accepted.contains) { throw error }
        try withoutGrad {
            for (name, value) in values {
                guard let shape = source.shape(of: name) else { continue }
                let tensor = Tensor.empty(shape, dtype: value.value.dtype)
                try source.read(name, into: tensor)
                if let resized = Self.resized(tensor, to: value.value.shape) {
                    value.value.assign(from: resized)
                }
            }
        }
        return transfer
    }

    /// A tensor in another shape; nil where there is no rule for it.
    private static func resized(_ tensor: Tensor, to shape: [Int]) -> Tensor? {
        if tensor.shape == shape { return tensor }
        // A 1x1 kernel becomes the mean over the pixels of a larger one.
        if tensor.shape.count == 4, tensor.shape == shape.prefix(2) + [1, 1], shape[2] == shape[3] {
            return (tensor / Double(shape[2] * shape[3])).expanded(shape)
        }
        // Attention biases, `[heads, window * window]`: the distances of a larger window.
        if tensor.shape.count == 2, shape.count == 2, tensor.size(0) == shape[0] {
            let (old, new) = (side(of: tensor.size(1)), side(of: shape[1]))
            guard let old, let new, old < new else { return nil }
            let nearest = Tensor((0..<new).map { min($0, old - 1) })
            return tensor.reshaped([-1, old, old])
                .indexed(by: nearest, axis: 1).indexed(by: nearest, axis: 2)
                .reshaped(shape)
        }
        return nil
    }

    private static func side(of area: Int) -> Int? {
        let side = Int(Double(area).squareRoot().rounded())
        return side * side == area ? side : nil
    }
}
