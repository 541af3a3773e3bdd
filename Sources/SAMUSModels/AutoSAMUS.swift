import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// AutoSAMUS (MICCAI 2024): SAMUS that segments without a click.
///
/// With a prompt it computes what SAMUS computes.
public final class AutoSAMUS: SAMUS {
    let promptGenerator: PromptGenerator
    let featureAdapter: DensePromptAdapter

    /// A network with new weights.
    ///
    /// - Parameter sizes: sizes such as `SAMConfiguration.base(imageSize: 256)`.
    public override init(_ sizes: SAMConfiguration) {
        promptGenerator = PromptGenerator(width: sizes.decoder.width)
        featureAdapter = DensePromptAdapter(width: sizes.decoder.width)
        super.init(sizes)
    }

    /// Segments without a prompt.
    ///
    /// - Parameter embedding: of B images, `[B, D, H, W]`.
    /// - Returns: logits, `[B, 1, 4 H, 4 W]`, and IoU estimates, `[B, 1]`.
    public override func decodePromptFree(
        _ embedding: Tensor
    ) -> DecodedMasks? {
        let found = promptGenerator(image: embedding, outputTokens: maskDecoder.outputTokens)
        return maskDecoder(
            image: found.image, positions: promptEncoder.densePositions(),
            sparse: found.objectToken, dense: featureAdapter(found.image), multimask: false)
    }

    /// The registry's entry.
    public override class var architecture: ModelArchitecture { .autoSAMUS }

    /// A network with new weights.
    public override class func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork
    {
        AutoSAMUS(configuration.samSizes)
    }

    override var addedModules: [Module] { super.addedModules + [promptGenerator, featureAdapter] }

    /// What the authors train: the prompt generator and its adapter; all of SAMUS is frozen.
    public override func trainedParameters(by recipe: Recipe) -> [Parameter]? {
        switch recipe {
        case .autosamus: promptGenerator.parameters + featureAdapter.parameters
        case .decoder, .full: super.trainedParameters(by: recipe)
        case .samus, .adapter: nil
        }
    }
}
