import SegmentAnything
import Segmentation

extension AdapterMethod {
    /// Unfreezes the prompt encoder and the mask decoder where the method trains them.
    ///
    /// - Parameter network: the network to be trained.
    func unfreezeDecoder(of network: any SegmentationNetwork) {
        guard let network = network as? any PromptableNetwork else { return }
        if trainsPromptEncoder { network.promptEncoder.setTrainable(true) }
        if trainsMaskDecoder { network.maskDecoder.setTrainable(true) }
    }
}

extension Recipe {
    /// Freezes the weights that the recipe does not train.
    ///
    /// - Parameter network: the network to be trained.
    /// - Throws: ``TrainingError/recipe(_:architecture:)`` when the network does not support the recipe.
    public func freeze(_ network: any SegmentationNetwork) throws(TrainingError) {
        guard network.setTrainable(by: self) else {
            throw .recipe(self, architecture: type(of: network).architecture)
        }
    }

    /// The prompts of the training steps by default.
    ///
    /// - Parameter kind: the architecture; a prompt-free one is trained without prompts.
    /// - Returns: kinds of prompt and their shares.
    public func prompts(for kind: ModelArchitecture) -> PromptMix {
        switch self {
        case .samus: .init([.init(.clicks(1))])
        case .autosamus: .init([.init(.promptFree)])
        case .full where kind.isPromptFree, .adapter where kind.isPromptFree:
            .init([.init(.promptFree)])
        // As the authors of MedSAM and of the Medical SAM Adapter train.
        case .full where kind == .medSAM, .adapter where kind == .medSAM: .init([.init(.box())])
        case .adapter where kind.trainedPrompts == [.click]: .init([.init(.clicks(1))])
        case .decoder, .full, .adapter:
            .init([
                .init(.clicks(1), weight: 3), .init(.box(), weight: 3),
                .init(.corrections(2), weight: 2),
                .init(.clicks(3), weight: 1), .init(.backgroundPoints(1), weight: 1),
            ])
        }
    }
}
