import SAMUSModels
import SegmentAnything
import Segmentation
import TorchNN

/// What is trained, and how it is by default.
public enum Recipe: String, Sendable, CaseIterable, Codable {
    /// SAMUS as its authors train it: adapters, CNN branch, cross-branch attention.
    case samus
    /// AutoSAMUS as its authors train it: the prompt generator and its adapter, no prompts.
    case autosamus
    /// Prompt encoder and mask decoder on a frozen image encoder, whose embeddings are kept.
    case decoder
    /// Every weight.
    case full

    /// Freezes what the recipe does not train.
    ///
    /// - Parameters:
    ///   - network: to be trained.
    ///   - kind: which network it is.
    /// - Throws: ``TrainingError/recipe(_:kind:)`` when the recipe is of another network.
    public func freeze(_ network: any PromptableNetwork, kind: ModelArchitecture)
        throws(TrainingError)
    {
        switch self {
        case .samus:
            guard kind == .samus, let samus = network as? SAMUS else {
                throw .recipe(self, kind: kind)
            }
            samus.freeze()
        case .autosamus:
            guard let auto = network as? AutoSAMUS else { throw .recipe(self, kind: kind) }
            auto.freeze()
        case .decoder:
            network.setTrainable(false)
            network.setTrainable(true) { Self.isDecoder($0) }
        case .full:
            network.setTrainable(true)
        }
    }

    /// Whether a tensor belongs to prompt encoder or mask decoder.
    static func isDecoder(_ name: String) -> Bool {
        name.hasPrefix("prompt_encoder.") || name.hasPrefix("mask_decoder.")
    }

    /// The network it is for, where there is only one.
    public var kind: ModelArchitecture? {
        switch self {
        case .samus: .samus
        case .autosamus: .autoSAMUS
        case .decoder, .full: nil
        }
    }

    /// The prompts of its steps by default.
    ///
    /// - Parameter kind: the network: AutoSAMUS's prompt generator is trained without prompts alone.
    /// - Returns: kinds and shares.
    public func prompts(for kind: ModelArchitecture) -> PromptMix {
        switch self {
        case .samus: .init([.init(.clicks(1))])
        case .autosamus: .init([.init(.promptFree)])
        case .full where kind == .autoSAMUS: .init([.init(.promptFree)])
        case .decoder, .full:
            .init([
                .init(.clicks(1), share: 3), .init(.box(), share: 3),
                .init(.corrections(2), share: 2),
                .init(.clicks(3), share: 1), .init(.backgroundPoints(1), share: 1),
            ])
        }
    }
}
