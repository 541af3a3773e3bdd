import Datasets
import Imaging
import Metrics

/// The grid on which masks are compared with labels.
public enum EvaluationResolution: String, Codable, Sendable, CaseIterable {
    /// The image's own, in mm where its spacing is known.
    case native
    /// 256x256 pixels, image and label stretched to it before anything else, as in the authors'
    /// program: comparable with the paper.
    case model

    /// Height and width of the grid of ``model``.
    public static let modelSize = Size(height: 256, width: 256)
}

/// How an evaluation is done.
public struct EvaluationOptions: Codable, Equatable, Sendable {
    /// How prompts are made of labels; none where masks come from files.
    public var prompts: [PromptStrategy]
    /// The grid.
    public var resolution: EvaluationResolution
    /// Of random clicks and of the bootstrap.
    public var seed: UInt64
    /// How far apart two surfaces may be for surface Dice.
    public var tolerance: SurfaceTolerance

    /// - Parameters:
    ///   - prompts: how prompts are made of labels; none where masks come from files.
    ///   - resolution: the grid.
    ///   - seed: of random clicks and of the bootstrap.
    ///   - tolerance: for surface Dice.
    public init(
        prompts: [PromptStrategy], resolution: EvaluationResolution = .native, seed: UInt64 = 0,
        tolerance: SurfaceTolerance = SurfaceTolerance()
    ) {
        self.prompts = prompts
        self.resolution = resolution
        self.seed = seed
        self.tolerance = tolerance
    }
}

/// How far apart two surfaces may be and still agree, for surface Dice.
public struct SurfaceTolerance: Codable, Equatable, Sendable {
    /// Where spacing is known, in mm.
    public var millimetres: Double
    /// Elsewhere, in pixels.
    public var pixels: Double

    /// - Parameters:
    ///   - millimetres: where spacing is known.
    ///   - pixels: elsewhere.
    public init(millimetres: Double = 1, pixels: Double = 2) {
        self.millimetres = millimetres
        self.pixels = pixels
    }
}

/// What lengths are measured in.
public enum LengthUnit: String, Codable, Sendable, CaseIterable {
    case millimetres = "mm"
    case pixels = "px"
}

extension MaskMetric {
    /// Whether its value depends on the case's ``LengthUnit``, so that means do not mix units.
    var dependsOnUnit: Bool { unit == .length || unit == .area || self == .surfaceDice }

    /// Whether more is better, less is, or neither says anything.
    var moreIsBetter: Bool? {
        switch unit {
        case .share: true
        case .length, .columns: false
        case .area: nil
        }
    }
}

extension Duration {
    /// The duration in seconds.
    public var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
