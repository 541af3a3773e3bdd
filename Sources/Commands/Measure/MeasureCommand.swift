import ArgumentParser
import DICOM
import FileIO
import Foundation
import Imaging
import Measurements

/// `samus measure`: areas and lengths of masks, in mm where the size of a pixel is known.
struct MeasureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure",
        abstract: "Measure masks: areas, diameters, ellipse, distances, in mm where known.",
        discussion: """
            Examples:
              samus measure samus-results/US1.frame0005.json
              samus measure masks/ --spacing-table index.csv --output measurements.csv
              samus measure lesion.png --image US1.dcm --frame 5
              samus measure intima.png --to adventitia.png --spacing 0.06

            A mask is a PNG (0 outside), a NIfTI file with one frame or --frame, a DICOM SEG, or \
            NAME.json of 'samus segment', which has the masks of all objects with their pixel size.

            The size of a pixel comes from --spacing or --spacing-table; else from --image or the \
            result (ultrasound region of the DICOM file in which the mask lies, NIfTI header); \
            else from the header of a NIfTI mask or a DICOM SEG. Where it is not known, numbers \
            are in pixels, and the reason is said. Every number has the interval by which it \
            changes when the boundary moves by half a pixel; the error of the outline itself may \
            be larger.

            The perimeter is Crofton's. The long axis is the largest distance of two boundary \
            points, the short axis the extent perpendicular to it. Vertical over horizontal extent \
            above 1 is taller than wide. The head circumference is that of the fitted ellipse \
            (Ramanujan). All parts of a mask count as one object.

            Research use only, not a medical device: check every outline.
            """)

    @Argument(
        help:
            "Masks (PNG, NIfTI, DICOM SEG), results of 'samus segment' (JSON), or folders of them.",
        completion: .file(extensions: ["png", "json", "nii", "gz", "dcm"]))
    var masks: [String]

    @OptionGroup(title: "Size of a pixel")
    var spacing: SpacingOptions

    @Option(
        help: ArgumentHelp(
            "The image of the masks: PNG, JPEG, DICOM or NIfTI. Gives the size of a pixel and the "
                + "grey levels inside.",
            valueName: "file"),
        completion: .file())
    var image: String?

    @Option(
        help: ArgumentHelp(
            "The frame of --image, of a NIfTI mask, or of the image of a DICOM SEG, from 1.",
            valueName: "n"))
    var frame: Int?

    @Option(
        help: ArgumentHelp(
            "A second mask: also measure the distance between the facing boundaries.",
            valueName: "mask"),
        completion: .file())
    var to: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Also write the numbers to a file: .csv, or .json with everything.", valueName: "file"),
        completion: .file(extensions: ["csv", "json"]))
    var output: String?

    @Flag(help: "Replace the file of --output.")
    var force = false

    func validate() throws {
        guard !masks.isEmpty else { throw ValidationError("give at least one mask") }
        guard frame ?? 1 > 0 else { throw ValidationError("--frame: frames are counted from 1") }
        if let output {
            guard ["csv", "json"].contains((output as NSString).pathExtension.lowercased()) else {
                throw ValidationError("--output \(output): a file .csv or .json is needed")
            }
        }
    }

    func run() throws {
        let source = try withExitStatus(.input) { try spacing.source() }
        let files = try withExitStatus(.input) { try MaskFiles.expand(masks) }
        if let output {
            try OutputFile(path: output).check(force: force, option: "--output")
            try OutputFile(path: output).checkIsNone(
                of: files + [image, to, spacing.spacingTable].compactMap(\.self),
                option: "--output")
        }
        let loader = MeasuredMaskLoader(
            spacing: source, imagePath: image, frame: frame, otherPath: to)
        var records: [MeasurementRecord] = []
        var failures = 0
        for file in files {
            do {
                for mask in try loader.masks(of: file) {
                    let record = MeasurementRecord(mask)
                    Terminal.print(record.text)
                    records.append(record)
                }
            } catch let error as DICOMError where error.isAboutDecoder {
                throw ExitError(.unavailable, "\(error)")
            } catch {
                Terminal.log("failed: \(error)")
                failures += 1
            }
        }
        Terminal.print(ResearchNotice.text)
        if let output {
            try withExitStatus(.output) { try write(records, to: output) }
        }
        guard failures == 0 else {
            throw ExitError(.someImages, "\(failures) of \(files.count) files failed")
        }
    }

    private func write(_ records: [MeasurementRecord], to path: String) throws {
        if path.lowercased().hasSuffix(".csv") {
            let lines =
                [MeasurementRecord.csvHeader] + records.map(\.csvRow)
            let text = lines.map { CSV.line($0) + "\n" }.joined()
            try AtomicFile.write(Array(text.utf8), to: path)
        } else {
            let file = MeasurementFile(measurements: records)
            try AtomicFile.write(JSON.encode(file, style: .indented), to: path)
        }
    }
}

/// `--output FILE.json`.
private struct MeasurementFile: Encodable {
    let formatVersion = 1
    let notice = ResearchNotice.text
    let program = "samus \(ProgramVersion.current)"
    let measurements: [MeasurementRecord]
}

/// Finds the files that the arguments of `samus measure` name.
enum MaskFiles {
    /// - Parameter arguments: files and folders.
    /// - Returns: the files; of a folder, the results `NAME.json`, or where it has none the masks, or
    ///   where it has none of these the files `NAME.seg.dcm`.
    /// - Throws: ``InputError``.
    static func expand(_ arguments: [String]) throws(InputError) -> [String] {
        var files: [String] = []
        for argument in arguments {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) else {
                throw .notFound(argument)
            }
            guard isFolder.boolValue else {
                files.append(argument)
                continue
            }
            let names = ((try? FileManager.default.subpathsOfDirectory(atPath: argument)) ?? [])
                .sorted()
            let results = names.filter { name in
                name.hasSuffix(".json")
                    && ![".rle.json", ".contour.json", ".everything.json"].contains(
                        where: name.hasSuffix)
            }
            let masks = names.filter { name in
                let name = name.lowercased()
                return
                    (name.hasSuffix(".png")
                    && ![".overlay.png", ".probability.png", ".area.png"].contains(
                        where: name.hasSuffix))
                    || name.hasSuffix(".nii") || name.hasSuffix(".nii.gz")
            }
            let segmentations = names.filter { $0.lowercased().hasSuffix(".seg.dcm") }
            let found = [results, masks, segmentations].first { !$0.isEmpty } ?? []
            guard !found.isEmpty else { throw .noMasks(argument) }
            files += found.map { (argument as NSString).appendingPathComponent($0) }
        }
        return files
    }
}
