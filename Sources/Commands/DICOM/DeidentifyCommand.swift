import ArgumentParser
import DICOM
import FileIO
import Foundation
import Imaging

/// `samus deidentify`: DICOM images without names, dates and burned-in text.
struct DeidentifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deidentify",
        abstract: "Copy DICOM images without the identity of patients.",
        discussion: """
            Examples:
              samus deidentify STUDY/ --output shared
              samus deidentify US1.dcm --region 84,31,596,415 --key-file key --output shared

            Only listed attributes are kept: sizes, timing, ultrasound regions, manufacturer and \
            model. Names, dates, comments, private attributes, overlays and all others are \
            removed. Patient ID and UIDs are replaced, the same ones by the same ones in one run, \
            or with --key-file in all runs with this key. Keep the key secret.

            Pixels outside the ultrasound regions are set to 0, because devices write names there. \
            An image without regions is refused: give --region with the part to keep. Text inside \
            a region is not recognised: look at the frames before you share them.

            Results are OUTPUT/SERIES/INSTANCE.dcm, named by the new UIDs, uncompressed with 8 \
            bits per sample. Every frame is read back and compared.

            Research use only. You are responsible for what you share.
            """)

    @Argument(help: "DICOM files, folders of them, or DICOMDIR files.", completion: .file())
    var files: [String]

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Keep these pixels instead of the ultrasound regions; x1 and y1 are the first column "
                + "and row after them. Repeatable.",
            valueName: "x0,y0,x1,y1"))
    var region: [PixelRectangle] = []

    @Option(
        help: ArgumentHelp(
            "A file with a secret of at least 16 bytes, so that all runs with it replace an "
                + "identifier by the same one.",
            valueName: "file"),
        completion: .file())
    var keyFile: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for the results; made if needed.", valueName: "dir"),
        completion: .directory)
    var output: String

    @Flag(help: "Replace results that exist.")
    var force = false

    func validate() throws {
        guard !files.isEmpty else { throw ValidationError("give at least one DICOM file") }
        for box in region where Self.pixels(box) == nil {
            throw ValidationError(
                "--region \(box.x0),\(box.y0),\(box.x1),\(box.y1): whole numbers with x0 < x1 and "
                    + "y0 < y1 are needed")
        }
    }

    private static func pixels(_ box: PixelRectangle) -> PixelBox? {
        guard let x0 = Int(exactly: box.x0), let y0 = Int(exactly: box.y0),
            let x1 = Int(exactly: box.x1), let y1 = Int(exactly: box.y1), 0 <= x0, x0 < x1, 0 <= y0,
            y0 < y1
        else { return nil }
        return PixelBox(x0: x0, y0: y0, x1: x1, y1: y1)
    }

    func run() throws {
        let pseudonyms = try withExitStatus(.input) { try readKey() }
        let found = try withExitStatus(.input) {
            try InputFiles.expand(files).filter { $0.isNamed || ImageFileKind($0.path) == .dicom }
        }
        let folder = OutputFolder(output)
        try folder.make()
        let boxes = region.isEmpty ? nil : region.compactMap(Self.pixels)
        var (done, failures, passedOver) = (0, 0, 0)
        for file in found {
            do {
                let source = try DICOMFile.read(file.path)
                if source.image == nil, !file.isNamed {
                    let path = file.path.visibleLine
                    Terminal.log("note: passed over, as it has no image: '\(path)'")
                    passedOver += 1
                    continue
                }
                let result = try source.deidentify(
                    into: folder.url, pseudonyms: pseudonyms, keeping: boxes,
                    program: "samus \(ProgramVersion.current)", replaces: force)
                done += 1
                let frames = counted(result.frames, "frame")
                let kept = result.boxes.map { "\($0.x0),\($0.y0),\($0.x1),\($0.y1)" }
                Terminal.print(
                    "\(result.path.visibleLine): \(frames), kept \(kept.joined(separator: " and "))"
                )
            } catch let error as DICOMError where error.isAboutDecoder {
                throw ExitError(.unavailable, "\(error)")
            } catch {
                Terminal.log("failed: \(error)")
                failures += 1
            }
        }
        Terminal.print(
            "\(done) of \(found.count - passedOver) files; look at the frames: text inside the "
                + "kept pixels remains"
        )
        guard failures == 0 else {
            throw ExitError(.someImages, "\(failures) of \(found.count) files were not written")
        }
    }

    private func readKey() throws -> Pseudonyms {
        guard let keyFile else { return .random() }
        let key = try RegularFile.read(keyFile, limit: 4096)
        guard key.count >= 16 else {
            throw ValidationError(
                "the key file '\(keyFile)' has \(key.count) bytes; at least 16 are needed")
        }
        return Pseudonyms(key: key)
    }
}
