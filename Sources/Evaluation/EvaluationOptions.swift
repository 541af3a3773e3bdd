import Datasets
import Imaging
import MaskMetrics

/// The resolution at which masks are compared with labels.
public enum EvaluationResolution: String, Codable, Sendable, CaseIterable {
    /// The image's own pixels, in mm where the spacing is known.
    case native
    /// Image and label resized to 256x256 first, as in the authors' program: comparable with the
    /// paper.
    case model

    /// The size for ``model``.
    public static let modelSize = Size(height: 256, width: 256)
}

/// Options of an evaluation.
public struct EvaluationOptions: Codable, Equatable, Sendable {
    /// How prompts are made from labels; empty where masks come from files.
    public var prompts: [PromptStrategy]
    /// The resolution.
    public var resolution: EvaluationResolution
    /// Seed of random clicks and of the bootstrap.
    public var seed: UInt64
    /// Tolerance of surface Dice.
    public var tolerance: SurfaceTolerance
    /// Whether the uncertainty of masks is measured, which decodes each prompt many times; nil in
    /// reports of version 0.1.
    public var uncertainty: Bool?
    /// Whether the masks of an image's classes are joined to one label image before they are measured:
    /// where they overlap, the highest logit wins; nil in former reports.
    public var labels: Bool?

    /// - Parameters:
    ///   - prompts: how prompts are made from labels; empty where masks come from files.
    ///   - resolution: the resolution.
    ///   - seed: seed of random clicks and of the bootstrap.
    ///   - tolerance: tolerance of surface Dice.
    ///   - uncertainty: whether the uncertainty of masks is measured.
    ///   - labels: whether the masks of an image's classes are joined to one label image.
    public init(
        prompts: [PromptStrategy], resolution: EvaluationResolution = .native, seed: UInt64 = 0,
        tolerance: SurfaceTolerance = SurfaceTolerance(), uncertainty: Bool = false,
        labels: Bool = false
    ) {
        self.prompts = prompts
        self.resolution = resolution
        self.seed = seed
        self.tolerance = tolerance
        self.uncertainty = uncertainty
        self.labels = labels ? true : nil
    }
}

/// The largest distance at which two contours agree, for surface Dice.
public struct SurfaceTolerance: Codable, Equatable, Sendable {
    /// In mm, where the spacing is known.
    public var millimetres: Double
    /// In pixels, elsewhere.
    public var pixels: Double

    /// - Parameters:
    ///   - millimetres: where spacing is known.
    ///   - pixels: elsewhere.
    public init(millimetres: Double = 1, pixels: Double = 2) {
        self.millimetres = millimetres
        self.pixels = pixels
    }
}

/// Unit of lengths.
public enum LengthUnit: String, Codable, Sendable, CaseIterable {
    case millimetres = "mm"
    case pixels = "px"
}

extension MaskMetric {
    /// Whether its value depends on the case's ``LengthUnit``, so that means do not mix units.
    var dependsOnUnit: Bool { unit == .length || unit == .area || self == .surfaceDice }

    /// Whether larger values are better; nil where values near 0 are.
    var moreIsBetter: Bool? {
        switch unit {
        case .share: true
        case .length, .columns: false
        case .area: nil
        }
    }
}
