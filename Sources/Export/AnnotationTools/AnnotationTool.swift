import Segmentation

/// A program for annotating pictures that runs models of ours.
public enum AnnotationTool: Equatable, Sendable {
    case xAnyLabeling(XAnyLabelingType)
    /// AnyLabeling, and samexporter, with which its models are made and tried.
    case anyLabeling
}

/// The `type` of an X-AnyLabeling model: which of its classes prepares pictures and calls the graphs.
public enum XAnyLabelingType: String, Sendable, CaseIterable {
    /// Pictures are stretched to a square before the encoder gets them.
    case samMed2D = "sam_med2d"
    /// The encoder gets pictures as they are.
    case efficientViTSAM = "efficientvit_sam"

    /// The type that a network is written for unless another is asked for.
    ///
    /// - Parameter kind: of the network.
    public init(for kind: ModelKind) {
        self = kind.preparation.keepsProportions ? .efficientViTSAM : .samMed2D
    }

    /// Whether a network can be called so: the proportions of a stretched picture are told to the
    /// decoder alone, too late for a network that keeps them.
    ///
    /// - Parameter kind: of the network.
    /// - Returns: false where its masks would be wrong.
    public func carries(_ kind: ModelKind) -> Bool {
        self == .efficientViTSAM || !kind.preparation.keepsProportions
    }
}
