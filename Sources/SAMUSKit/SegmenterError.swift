import Foundation
import Imaging
import Inference
import Segmentation

/// Why a model cannot be loaded or an image cannot be segmented.
public enum SegmenterError: Error, Equatable, Sendable {
    /// No folder has the distributed model.
    case modelNotFound(name: String, searched: [String])
    /// The bundle is incomplete, damaged or of a newer format.
    case unusableModel(String)
    /// OpenVINO is missing, too old, or failed.
    case runtimeUnavailable(String)
    /// The image cannot be read or decoded.
    case unreadableImage(String)
    /// The mask cannot be encoded.
    case unwritableImage(String)
    /// The prompt does not fit the image.
    case invalidPrompt(String)
    /// The model is not prompt-free.
    case needsPrompt(model: String)
    /// The model's output has values that are not finite.
    case notFinite(model: String)
}

extension SegmenterError: LocalizedError, CustomStringConvertible {
    /// One sentence about the cause and the remedy.
    public var description: String {
        switch self {
        case .modelNotFound(let name, let searched):
            "the model '\(name)' was not found: set SAMUS_MODELS to the folder that contains "
                + "\(name).samus (searched \(searched.joined(separator: ", ")))"
        case .unusableModel(let reason), .runtimeUnavailable(let reason),
            .unreadableImage(let reason), .unwritableImage(let reason), .invalidPrompt(let reason):
            reason
        case .needsPrompt(let model):
            EngineError.needsPrompt(model: model).description
        case .notFinite(let model):
            EngineError.notFinite(model: model).description
        }
    }

    /// The same sentence as ``description``.
    public var errorDescription: String? { description }

    /// Converts errors of the underlying libraries; other errors, as `CancellationError`, are
    /// returned unchanged.
    static func converting(_ error: any Error) -> any Error {
        switch error {
        case let error as ModelBundleError: Self.unusableModel(error.description)
        case let error as OpenVINOError: Self.runtimeUnavailable(error.description)
        case let error as ImageError: Self.unreadableImage(error.description)
        case let error as PromptError: Self.invalidPrompt(error.description)
        case EngineError.needsPrompt(let model): Self.needsPrompt(model: model)
        case EngineError.notFinite(let model): Self.notFinite(model: model)
        default: error
        }
    }
}
