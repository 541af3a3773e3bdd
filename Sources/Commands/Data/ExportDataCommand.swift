import ArgumentParser
import DICOM
import FileIO
import Foundation
import Imaging

/// The formats in which `samus data export` writes masks.
enum ExportFormat: String, CaseIterable, ExpressibleByArgument {
    case coco, labelme
    case xAnyLabeling = "x-anylabeling"
    case nifti, nrrd
    case nnUNet = "nnunet"

    /// The format that reads the result again.
    var importFormat: String {
        switch self {
        case .coco: "coco"
        case .labelme, .xAnyLabeling: "labelme"
        case .nifti, .nrrd: "volumes"
        case .nnUNet: "nnunet"
        }
    }
}

/// `samus data export`: masks of `samus segment` in the format of other programs.
struct ExportDataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write results of 'samus segment' in the format of other programs.",
        discussion: """
            FORMAT is \(ExportFormat.allCases.map(\.rawValue).joined(separator: ", ")). RESULTS are \
            files NAME.json of 'samus segment', or folders of them. OUTPUT is a new folder with \
            images and masks, written completely or not at all:

              coco           annotations.json, images/NAME.png
              labelme        NAME.json, NAME.png
              x-anylabeling  NAME.json, NAME.png
              nifti          images/NAME.nii.gz, labels/NAME.nii.gz, classes.csv
              nrrd           images/NAME.nrrd, labels/NAME.seg.nrrd (3D Slicer)
              nnunet         imagesTr/NAME_0000.nii.gz, labelsTr/NAME.nii.gz, dataset.json

            Labels of the objects are the classes; objects without a label are 'object'. Of several \
            candidates the first is taken. Volumes have the grid of the source: all frames of a \
            DICOM, NIfTI or video file, with its pixel size and, of NIfTI, its orientation. COCO \
            and volumes hold the masks exactly; labelme and X-AnyLabeling have polygons, of which \
            --tolerance removes points.

            'samus data import' reads each of them again. Images are copied: keep them where their \
            patients' data may be.

            Research use only, not a medical device: check every outline.
            """)

    @Argument(help: "The format of OUTPUT.")
    var format: ExportFormat
    @Argument(
        help: "Results NAME.json of 'samus segment', or folders of them.",
        completion: .file(extensions: ["json"]))
    var results: [String]
    @Option(
        name: .shortAndLong, help: ArgumentHelp("The new folder.", valueName: "dir"),
        completion: .directory)
    var output: String
    @Option(
        help: ArgumentHelp(
            "Polygons of labelme and X-AnyLabeling: how far points may move, in pixels; 0 keeps "
                + "the steps of the pixels.", valueName: "px"))
    var tolerance = 0.75
    @OptionGroup(title: "Size of a pixel")
    var spacing: SpacingOptions

    func validate() throws {
        guard !results.isEmpty else { throw ValidationError("give at least one result") }
        guard (0...100).contains(tolerance) else {
            throw ValidationError("--tolerance takes a number from 0 to 100")
        }
    }

    func run() throws {
        guard FileKind(output) == nil else {
            throw ExitError(
                .output, "'\(output)' exists already: choose another --output, or remove it")
        }
        let sources = try withExitStatus(.input) {
            let source = try spacing.source()
            return try ExportSource.grouped(MaskFiles.expand(results), spacing: source)
        }
        guard !sources.files.isEmpty else {
            for problem in sources.problems { Terminal.log("failed: \(problem)") }
            throw ExitError(.input, "no result of 'samus segment' could be read")
        }
        let writer = try withExitStatus(.output) {
            try ExportWriter(
                output, format: format, classes: sources.classes, tolerance: tolerance)
        }
        let reader = try FrameReader(spacing: spacing.source())
        let interruption = Interruption()
        var progress = ProgressBar(total: sources.files.count)
        defer { progress.clear() }
        var problems = sources.problems
        for (done, file) in sources.files.enumerated() {
            progress.show(done: done, name: file.path)
            guard !interruption.isRequested else {
                throw ExitError(.interrupted, "interrupted; nothing has been written")
            }
            do {
                try writer.add(file, reader)
            } catch let error as ExitError {
                throw error
            } catch let error as DICOMError where error.isAboutDecoder {
                throw ExitError(.unavailable, "\(error)")
            } catch {
                problems.append("\(file.path): \(error)")
            }
        }
        progress.clear()
        guard writer.images > 0 else {
            for problem in problems { Terminal.log("failed: \(problem)".visibleLine) }
            throw ExitError(.input, "no image of the results could be read")
        }
        try withExitStatus(.output) { try writer.finish() }
        for note in writer.notes { Terminal.log("note: \(note)".visibleLine) }
        for problem in problems.prefix(100) { Terminal.log("failed: \(problem)".visibleLine) }
        let classes = sources.classes.enumerated().map { "\($0 + 1) = \($1)" }
        Terminal.print(
            "\(output): \(counted(writer.images, "image")), \(counted(writer.objects, "object"))")
        Terminal.print("classes: \(classes.joined(separator: ", "))")
        Terminal.print(
            "to read it again: samus data import \(format.importFormat) \(output) ROOT")
        guard problems.isEmpty else {
            throw ExitError(.someImages, "\(problems.count) of the results failed")
        }
    }
}

/// The masks of all frames of one image file.
struct ExportSource {
    struct Object {
        let mask: Mask
        /// From 1.
        let classNumber: Int
        let number: Int
    }

    struct Frame {
        /// From 1; nil for a file with one image.
        let number: Int?
        let objects: [Object]
    }

    /// The image file.
    let path: String
    /// The name of the results, without a frame.
    let name: String
    let frames: [Frame]
    /// Size of a pixel as the results state it, in the first that does.
    let spacing: PixelSpacing?

    /// Reads results, and puts those of one file together.
    ///
    /// - Parameters:
    ///   - paths: the files `NAME.json`.
    ///   - spacing: pixel sizes from the command line.
    /// - Returns: the image files in the order of the results, the names of classes from class 1, and
    ///   why results cannot be used.
    static func grouped(
        _ paths: [String], spacing: SpacingSource
    ) -> (files: [ExportSource], classes: [String], problems: [String]) {
        let loader = MeasuredMaskLoader(
            spacing: spacing, imagePath: nil, frame: nil, otherPath: nil)
        var order: [String] = []
        var frames: [String: [(frame: Int?, masks: [(label: String, mask: RunLength)])]] = [:]
        var spacings: [String: PixelSpacing] = [:]
        var labels: Set<String> = []
        var problems: [String] = []
        for path in paths {
            guard path.lowercased().hasSuffix(".json") else {
                problems.append("'\(path)' is not a result of 'samus segment' (NAME.json)")
                continue
            }
            do {
                let masks = try loader.masks(of: path).filter { $0.candidate ?? 1 == 1 }
                guard let image = masks.first?.image else {
                    problems.append("'\(path)' has no masks")
                    continue
                }
                if frames[image] == nil { order.append(image) }
                spacings[image] =
                    spacings[image] ?? masks.lazy.compactMap(\.calibration.spacing).first
                let objects = masks.map { ($0.label ?? "object", $0.mask.runLength()) }
                objects.forEach { labels.insert($0.0) }
                frames[image, default: []].append((masks[0].frame, objects))
            } catch {
                problems.append("\(error)")
            }
        }
        let classes = labels.sorted()
        var names: Set<String> = []
        let files = order.map { path in
            var name = InputFiles.resultName(of: path)
            var number = 1
            while !names.insert(name.lowercased()).inserted {
                number += 1
                name = "\(InputFiles.resultName(of: path))-\(number)"
            }
            let all = (frames[path] ?? []).sorted { ($0.frame ?? 0) < ($1.frame ?? 0) }
            return ExportSource(
                path: path, name: name,
                frames: all.map { frame, masks in
                    Frame(
                        number: frame,
                        objects: masks.enumerated().map { index, entry in
                            Object(
                                mask: entry.mask.mask(),
                                classNumber: (classes.firstIndex(of: entry.label) ?? 0) + 1,
                                number: index + 1)
                        })
                }, spacing: spacings[path])
        }
        return (files, classes, problems)
    }
}
