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
        /// - `answer`: when nothing counts as found.
        case objects(multimask: Bool, keep: KeptParts, answer: AnswerOptions)
        /// Automatic mask generation.
        case everything(AutomaticMaskOptions)
    }

    /// What happens to results of former runs.
    enum ExistingResults: Sendable {
        /// Any such file ends the run before it begins.
        case refused
        /// `--force`.
        case replaced
        /// `--skip-existing`: images whose results are complete are left out; incomplete results are
        /// replaced.
        case skipped
    }

    /// The images of all parts of the list.
    let allImages: [InputImage]
    /// The images of this run: those of its part.
    let images: [InputImage]
    /// The names of DICOM results.
    let dicomNames: DICOMNames
    /// The part of the list; nil for all of it.
    let shard: Shard?
    let mode: Mode
    let outputFolder: String
    let formats: Set<OutputFormat>
    /// Whether the formats were not given on the command line.
    let hasDefaultFormats: Bool
    /// The values of objects in label images; nil where none are written.
    ///
    /// With label images, masks do not overlap.
    var labels: LabelTable?
    let existing: ExistingResults
    /// The file of `--prompts`.
    let promptFile: String?
    /// Pixel sizes from the command line.
    let spacing: SpacingSource
    /// Whether a summary is written.
    let writesSummary: Bool
    /// Whether standard output has a line of JSON for each image instead of a table.
    let printsJSONLines: Bool

    init(
        images: [InputImage], shard: Shard?, mode: Mode, outputFolder: String,
        formats: Set<OutputFormat>, hasDefaultFormats: Bool = false, existing: ExistingResults,
        promptFile: String?, spacing: SpacingSource, writesSummary: Bool, printsJSONLines: Bool
    ) {
        let dicomNames = DICOMNames(images, formats)
        allImages = images
        self.dicomNames = dicomNames
        self.shard = shard
        self.images =
            shard.map { shard in
                images.filter { shard.contains(dicomNames.name(of: $0) ?? $0.name) }
            } ?? images
        self.mode = mode
        self.outputFolder = outputFolder
        self.formats = formats
        self.hasDefaultFormats = hasDefaultFormats
        self.existing = existing
        self.promptFile = promptFile
        self.spacing = spacing
        self.writesSummary = writesSummary
        self.printsJSONLines = printsJSONLines
    }

    /// Calls `body` with every file that the run reads, except the model.
    func forEachInput(_ body: (String) -> Void) {
        for image in allImages {
            body(image.path)
            for object in image.objects {
                if let path = object.maskPath { body(path) }
            }
        }
        if let promptFile { body(promptFile) }
        if let table = spacing.tablePath { body(table) }
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
                    + "only AutoSAMUS and task-specific networks such as U-Net work without a prompt "
                    + "(--prompt-free)")
        }
        if case .objects(multimask: true, _, _) = mode {
            throw ExitError(
                .input,
                "'\(promptFile ?? "")' has a prompt-free object, for which the model gives one "
                    + "mask: leave out --multimask")
        }
    }
}

/// The names of DICOM results: a file has one of each kind, whichever frames are segmented.
struct DICOMNames: Sendable {
    /// How many images each file has, by the name of its results; nil without such results.
    private let counts: [String: Int]?
    /// For each name, in lower case, that several files have: two of the files.
    private let shared: [String: (first: String, second: String)]

    init(_ images: [InputImage], _ formats: Set<OutputFormat>) {
        guard formats.contains(where: \.isDICOM) else {
            counts = nil
            shared = [:]
            return
        }
        counts = images.reduce(into: [:]) { $0[$1.fileName, default: 0] += 1 }
        var paths: [String: String] = [:]
        shared = images.reduce(into: [:]) { shared, image in
            // Some file systems do not distinguish upper and lower case.
            let name = image.fileName.lowercased()
            if let first = paths[name], first != image.path { shared[name] = (first, image.path) }
            paths[name] = paths[name] ?? image.path
        }
    }

    /// The path of the results of an image's file below the output folder, without an extension.
    ///
    /// - Returns: the name of the frame where it is the only one of its file; nil where no DICOM
    ///   results are written.
    func name(of image: InputImage) -> String? {
        counts.map { $0[image.fileName] == 1 ? image.name : image.fileName }
    }

    /// Two files whose DICOM results would have the name of this image's: masks of two patients must
    /// never be written as those of one.
    func clash(of image: InputImage) -> (first: String, second: String)? {
        shared[image.fileName.lowercased()]
    }
}

/// An image to segment.
struct InputImage: Equatable, Sendable {
    /// The image's file.
    let path: String
    /// The number of a frame, from 1; nil for a file with one image.
    var frame: Int?
    /// The path of its results below the output folder, without a file extension.
    let name: String
    /// The path of results of all frames of the file together.
    let fileName: String
    /// The objects to segment; none with `--everything`.
    let objects: [ObjectPrompt]
}

/// How one object is found: by its prompt, or by a prompt-free model.
struct ObjectPrompt: Equatable, Sendable {
    var label: String?
    var isPromptFree = false
    /// The value of the class that a model of several classes finds; nil for other objects.
    var classValue: UInt8?
    /// Clicks on and outside the object, in their order.
    var clicks: [PromptClick] = []
    var box: PixelRectangle?
    /// A file with a rough mask.
    var maskPath: String?

    /// How an object is found.
    ///
    /// - Parameters:
    ///   - label: the object's name in results.
    ///   - isPromptFree: whether a prompt-free model finds the object.
    ///   - clicks: clicks on and outside the object, in their order.
    ///   - box: a box around the object.
    ///   - maskPath: a file with a rough mask.
    init(
        label: String? = nil, isPromptFree: Bool = false, clicks: [PromptClick] = [],
        box: PixelRectangle? = nil, maskPath: String? = nil
    ) {
        self.label = label
        self.isPromptFree = isPromptFree
        self.clicks = clicks
        self.box = box
        self.maskPath = maskPath
    }

    /// Whether there is no point, box or mask.
    var isEmpty: Bool {
        clicks.isEmpty && box == nil && maskPath == nil
    }
}

/// Which parts of a mask are kept: all, or the largest connected component.
enum KeptParts: String, ExpressibleByArgument, CaseIterable, Sendable {
    case all, largest
}
