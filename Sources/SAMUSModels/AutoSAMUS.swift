import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// AutoSAMUS (MICCAI 2024): SAMUS that finds its object without a click.
///
/// It takes prompts too, and is then the SAMUS inside it.
public final class AutoSAMUS: SAMUS {
    let promptGenerator: PromptGenerator
    let featureAdapter: DensePromptAdapter

    override class var ownParts: Set<String> {
        super.ownParts.union(["prompt_generator", "feature_adapter"])
    }

    /// A network with new weights.
    ///
    /// - Parameter sizes: as `SAMConfiguration.base(imageSize: 256)`.
    public override init(_ sizes: SAMConfiguration) {
        promptGenerator = PromptGenerator(width: sizes.decoder.width)
        featureAdapter = DensePromptAdapter(width: sizes.decoder.width)
        super.init(sizes)
    }

    /// The mask of the object it finds.
    ///
    /// - Parameter embedding: of B images, `[B, D, H, W]`.
    /// - Returns: logits, `[B, 1, 4 H, 4 W]`, and IoU estimates, `[B, 1]`.
    public override func decodeUnprompted(
        _ embedding: Tensor
    ) -> (logits: Tensor, iou: Tensor)? {
        let found = promptGenerator(image: embedding, outputTokens: maskDecoder.outputTokens)
        return maskDecoder(
            image: found.image, positions: promptEncoder.densePositions(),
            sparse: found.objectToken, dense: featureAdapter(found.image), multimask: false)
    }

    /// Frees the prompt generator and its adapter and freezes all of SAMUS, whatever `tables` says.
    public override func freeze(but tables: TrainedTables = .globalBlocks) {
        setTrainable(false)
        promptGenerator.setTrainable(true)
        featureAdapter.setTrainable(true)
    }
}
