import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// MedSAM (Nature Communications 2024): SAM's ViT-B, trained with boxes on medical images.
///
/// Its layers are those of SAM. It differs in its input, which is stretched to a square and scaled to
/// 0...1 by the image's own least and greatest value.
public final class MedSAM: SAM {
    /// The registry's entry.
    public override class var architecture: ModelArchitecture { .medSAM }

    /// A network with new weights.
    public override class func make(
        _ configuration: ModelConfiguration
    ) -> any SegmentationNetwork {
        MedSAM(configuration.samSizes)
    }
}

/// The Medical SAM Adapter (arXiv:2304.12620) in the version of 2025.
///
/// Bottlenecks behind the attention, inside its windows, and beside the MLP. The windows are cut before
/// the norm, so that padding tokens are its bias. The position embedding has SAM's 64 x 64 cells for
/// every input size.
public class MedicalSAMAdapter: SAM {
    /// The registry's entry.
    public override class var architecture: ModelArchitecture { .medicalSAMAdapter }

    /// A network with new weights.
    public override class func make(
        _ configuration: ModelConfiguration
    ) -> any SegmentationNetwork {
        MedicalSAMAdapter(configuration.samSizes, form: .msa)
    }

    /// With the recipe `adapter`, as the authors train: adapters and mask decoder.
    public override func trainedParameters(by recipe: Recipe) -> [Parameter]? {
        recipe == .adapter
            ? adapterParameters + maskDecoder.parameters : super.trainedParameters(by: recipe)
    }

    /// The sizes of SAM with an input of 256 pixels.
    public override class func configuration(
        startingFrom source: ModelConfiguration, of architecture: ModelArchitecture
    ) -> ModelConfiguration {
        source.samSizes.adapted(by: .bottleneck, imageSize: 256)
    }
}

/// The Medical SAM Adapter in its first version, of 2023.
///
/// Its tensors have SAM's names, its position embedding has the input's grid, and grey values in 0..1
/// are the input.
public final class MedicalSAMAdapter2023: MedicalSAMAdapter {
    /// The registry's entry.
    public override class var architecture: ModelArchitecture { .medicalSAMAdapter2023 }

    /// A network with new weights.
    public override class func make(
        _ configuration: ModelConfiguration
    ) -> any SegmentationNetwork {
        MedicalSAMAdapter2023(configuration.samSizes)
    }

    /// The sizes of SAM, with its input of 1024 pixels.
    public override class func configuration(
        startingFrom source: ModelConfiguration, of architecture: ModelArchitecture
    ) -> ModelConfiguration {
        source.adapted(by: .bottleneck)
    }
}

/// SAM-Med2D (arXiv:2308.16184): SAM for inputs of 256 pixels with convolutional adapters.
///
/// The mask of a prompt is the best of the three candidates, in training too.
public final class SAMMed2D: SAM {
    /// The registry's entry.
    public override class var architecture: ModelArchitecture { .samMed2D }

    /// A network with new weights.
    public override class func make(
        _ configuration: ModelConfiguration
    ) -> any SegmentationNetwork {
        SAMMed2D(configuration.samSizes)
    }

    /// With the recipe `adapter`, as the authors train: adapters, prompt encoder and mask decoder.
    public override func trainedParameters(by recipe: Recipe) -> [Parameter]? {
        recipe == .adapter
            ? adapterParameters + promptEncoder.parameters + maskDecoder.parameters
            : super.trainedParameters(by: recipe)
    }

    /// The sizes of SAM with an input of 256 pixels.
    public override class func configuration(
        startingFrom source: ModelConfiguration, of architecture: ModelArchitecture
    ) -> ModelConfiguration {
        source.samSizes.adapted(by: .convolution, imageSize: 256)
    }
}

extension SAMConfiguration {
    /// These sizes with an adapter and another input.
    fileprivate func adapted(by adapter: EncoderAdapter, imageSize: Int) -> ModelConfiguration {
        var sizes = self
        sizes.imageSize = imageSize
        return ModelConfiguration.sam(sizes).adapted(by: adapter)
    }
}
