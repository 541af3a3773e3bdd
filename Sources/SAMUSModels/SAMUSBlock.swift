import SegmentAnything
import Torch
import TorchNN

/// A block of SAMUS's image encoder (arXiv:2309.06824): SAM's block; a global one also exchanges
/// features with the CNN branch.
final class SAMUSBlock: Module {
    let norm1: LayerNorm
    let attn: ViTAttention
    let norm2: LayerNorm
    let mlp: ViTMLP
    let featureAdapter: FeatureAdapter?
    let crossBranchAttention: CrossBranchAttention?
    let refinement: SingleConvolution?

    /// The authors' names.
    override class var checkpointNames: [String: String] {
        [
            "featureAdapter": "MLP_Adapter", "crossBranchAttention": "Space_Adapter",
            "refinement": "refine_Adapter",
        ]
    }

    /// - Parameters:
    ///   - width: channels in and out, D.
    ///   - heads: attention heads.
    ///   - window: height and width of a window in tokens; nil for a global block.
    ///   - grid: height and width of all tokens.
    init(width: Int, heads: Int, window: Int?, grid: Int) {
        norm1 = LayerNorm(width, epsilon: 1e-6)
        attn = ViTAttention(width: width, heads: heads, window: window, grid: grid)
        norm2 = LayerNorm(width, epsilon: 1e-6)
        mlp = ViTMLP(width: width)
        let isGlobal = window == nil
        featureAdapter = isGlobal ? FeatureAdapter(width: width, skip: false) : nil
        crossBranchAttention = isGlobal ? CrossBranchAttention(width: width, heads: heads) : nil
        refinement = isGlobal ? SingleConvolution(width, width) : nil
    }

    /// The modules that SAM's block does not have.
    var addedModules: [Module] {
        [featureAdapter, crossBranchAttention, refinement].compactMap { $0 }
    }

    /// The tables of relative positions along rows and columns.
    var relativePositions: [Parameter] { attn.relativePositions }

    /// - Parameters:
    ///   - tokens: `[B, H, W, D]`.
    ///   - features: of the CNN branch, `[B, D, H, W]`.
    /// - Returns: both, of the same shapes.
    func callAsFunction(_ tokens: Tensor, features: Tensor) -> (tokens: Tensor, features: Tensor) {
        var normed = norm1(tokens)
        if let crossBranchAttention {
            // Added to the input of the block's attention, not to the residual stream.
            normed = normed + crossBranchAttention(normed, features: features)
        }
        let attended = tokens + attn(normed)
        let seen = norm2(attended)
        var result = attended + mlp(seen)
        if let featureAdapter {
            result = result.adding(featureAdapter(seen), times: 0.5)
        }
        return (result, refinement.map { $0(features) } ?? features)
    }

    /// The block with activation checkpointing.
    func checkpointed(
        _ tokens: Tensor, features: Tensor
    ) -> (tokens: Tensor, features: Tensor) {
        let results = Torch.checkpointed(
            [tokens, features], parameters: parameters.map(\.value)
        ) { [self] inputs in
            let (tokens, features) = self(inputs[0], features: inputs[1])
            return [tokens, features]
        }
        return (results[0], results[1])
    }
}
