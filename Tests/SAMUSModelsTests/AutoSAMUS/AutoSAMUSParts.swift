import SAMUSModels
import Torch
import TorchNN

/// The modules that AutoSAMUS adds to SAMUS, under their names there.
final class AutoSAMUSParts: Module {
    let promptGenerator: PromptGenerator
    let featureAdapter: DensePromptAdapter

    init(
        width: Int, objectTokens: Int = 50, heads: Int = 8, headWidth: Int = 64,
        mlpWidth: Int = 1024
    ) {
        promptGenerator = PromptGenerator(
            width: width, objectTokens: objectTokens, heads: heads, headWidth: headWidth,
            mlpWidth: mlpWidth)
        featureAdapter = DensePromptAdapter(width: width)
    }

    /// All outputs, by the names of the golden values.
    func outputs(image: Tensor, outputTokens: Tensor) -> [String: Tensor] {
        let found = promptGenerator(image: image, outputTokens: outputTokens)
        return [
            "object_token": found.objectToken, "output_tokens": found.outputTokens,
            "new_image_embedding": found.image, "dense_prompt": featureAdapter(found.image),
        ]
    }
}
