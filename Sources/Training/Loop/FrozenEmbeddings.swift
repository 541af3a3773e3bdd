import Datasets
import SegmentAnything
import Torch

/// Embeddings of an encoder that is not trained, computed once for each variant of an image.
public struct FrozenEmbeddings {
    let network: any PromptableNetwork
    let cache: EmbeddingCache?
    let isBFloat16: Bool
    /// Whether neighbouring cells are averaged, two by two: for a student with a grid half as fine.
    let isPooled: Bool

    /// - Parameters:
    ///   - network: whose encoder.
    ///   - cache: keeps them on disk; nil computes each anew.
    ///   - isBFloat16: whether they are computed in bfloat16.
    ///   - isPooled: whether neighbouring cells are averaged, two by two.
    public init(
        _ network: any PromptableNetwork, cache: EmbeddingCache?, isBFloat16: Bool,
        isPooled: Bool = false
    ) {
        self.network = network
        self.cache = cache
        self.isBFloat16 = isBFloat16
        self.isPooled = isPooled
    }

    /// The embeddings of some examples.
    ///
    /// - Parameters:
    ///   - examples: each with its number of variant, where they are kept.
    ///   - input: gives an example's image, `[1, C, S, S]`.
    /// - Returns: `[B, D, H, W]`.
    /// - Throws: `CheckpointError` when one cannot be kept.
    func callAsFunction(_ examples: [Example], input: (Example) -> Tensor) throws -> Tensor {
        .concatenate(
            try examples.map { example in
                guard let cache, let variant = example.variant else {
                    return encode(input(example))
                }
                // The pixels too: another root may have another image of the name.
                var seen = Fingerprint()
                seen.add(example.image.width)
                seen.add(example.image.pixels)
                let name =
                    "\(example.sample.image)#\(variant) \(seen.text)"
                    + (isPooled ? " pooled" : "")
                return try cache.embedding(of: name) {
                    encode(input(example))
                }
            })
    }

    private func encode(_ image: Tensor) -> Tensor {
        withoutGrad {
            let embedding = withAutocast(to: isBFloat16 ? .bfloat16 : .float32) {
                network.encode(image)
            }.to(.float32)
            return isPooled ? averagePool2d(embedding, size: 2, stride: 2) : embedding
        }
    }
}
