import ArgumentParser
import Foundation
import Imaging
import Segmentation

/// The work of one run of `samus segment`; ``SegmentCommand`` makes it from the options.
struct SegmentJob: Sendable {
    /// How objects are found.
    enum Mode: Equatable, Sendable {
        /// Every object has a prompt or is found by a prompt-free model.
        ///
        /// - `multimask`: whether all candidates of the decoder are written.
        case objects(multimask: Bool, keep: KeptParts)
        /// Automatic mask generation.
        case everything(AutomaticMaskOptions)
    }

    var images: [InputImage]
    let mode: Mode
    let outputFolder: String
    let formats: Set<OutputFormat>
    /// Whether results of former runs may be replaced.
    let replacesResults: Bool
    /// The file of `--prompts`.
    let promptFile: String?

    /// Every file that the run reads, except the model.
    var inputs: [String] {
        images.flatMap { [$0.path] + $0.objects.compactMap(\.maskPath) }
            + (promptFile.map { [$0] } ?? [])
    }

    /// Checks that a model can do the job.
    ///
    /// - Throws: ``ExitError``.
    func check(for model: ModelDescription) throws(ExitError) {
        guard images.contains(where: { $0.objects.contains(where: \.isPromptFree) }) else { return }
        guard model.architecture.isPromptFree else {
            throw ExitError(
                .unavailable,
                "\(EngineError.needsPrompt(model: model.name)); it is \(model.architecture.rawValue), and "
                    + "only AutoSAMUS works without a prompt (--prompt-free)")
        }
        if case .objects(multimask: true, _) = mode {
            throw ExitError(
                .input,
                "'\(promptFile ?? "")' has a prompt-free object, for which the model gives one "
                    + "mask: leave out --multimask")
        }
    }
}

/// An image to segment.
struct InputImage: Equatable, Sendable {
    /// The image's file.
    let path: String
    /// The path of its results below the output folder, without a file extension.
    let name: String
    /// The objects to segment; none with `--everything`.
    let objects: [ObjectPrompt]
}

/// How one object is found: by its prompt, or by a prompt-free model.
struct ObjectPrompt: Equatable, Sendable {
    var label: String?
    var isPromptFree = false
    var points: [PixelPoint] = []
    var backgroundPoints: [PixelPoint] = []
    var box: PixelRectangle?
    /// A file with a rough mask.
    var maskPath: String?

    /// Whether there is no point, box or mask.
    var isEmpty: Bool {
        points.isEmpty && backgroundPoints.isEmpty && box == nil && maskPath == nil
    }
}

/// Which parts of a mask are kept: all, or the largest connected component.
enum KeptParts: String, ExpressibleByArgument, CaseIterable, Sendable {
    case all, largest
}
