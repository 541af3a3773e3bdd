import ArgumentParser
import DICOM
import FileIO
import Foundation
import Imaging
import Measurements

/// `samus heart`: volumes and ejection fraction of the left ventricle, from masks.
struct HeartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heart",
        abstract: "Volumes and ejection fraction of the left ventricle, from masks.",
        usage: "samus heart --a4c MASKS … [--a2c MASKS …] [--output DIR] [--force]",
        discussion: """
            Examples:
              samus heart --a4c a4c_labels.nii.gz
              samus heart --a4c track-4ch/ --a2c track-2ch/ -o patient1
              samus heart --a4c 4CH_ED_gt.nii.gz 4CH_ES_gt.nii.gz --a2c 2CH_ED_gt.nii.gz \
            2CH_ES_gt.nii.gz
              samus heart --a4c ED.json ES.json --spacing 0.3

            MASKS of a view are its frames in order: a NIfTI file of labels (2D+t), a folder of \
            'samus track', results of 'samus segment' (NAME.json), masks or labels (PNG, NIfTI), \
            or a folder of them. In a label file, --lv-label is the left ventricle and --la-label \
            the left atrium; in a result, the objects with the labels 'LV' or 'left ventricle', \
            and 'LA' or 'left atrium'. A mask of one object is the ventricle.

            End diastole is the frame with the largest area of the ventricle, end systole the one \
            with the smallest area of the same beat; --a4c-frames and --a2c-frames choose others. \
            Volumes are computed by the method of 20 disks in one plane, and in two planes where \
            both views are given; the left atrium by area and length, where it is labelled. Every \
            number has the interval by which it changes when the boundary moves by half a pixel; \
            the error of the outline itself is usually larger.

            What cannot be computed is left out, and the reason is said: pixels of unknown size, \
            a mask that is cut by the edge of the sector or the image, no ventricle.

            Results: heart.html and heart.png (contours, axes, disks and curves, to be checked by \
            eye), heart.json (every number with frame, mask and source of millimetres) and \
            heart.csv (the area of each frame). Docs/Heart.md explains them. The exit code is 3 \
            when no volume could be computed.

            Research use only, not a medical device: check every outline.
            """)

    @Option(
        name: .customLong("a4c"), parsing: .upToNextOption,
        help: ArgumentHelp("Masks of the apical four-chamber view.", valueName: "masks"),
        completion: .file(extensions: ["png", "json", "nii", "gz"]))
    var fourChamber: [String] = []

    @Option(
        name: .customLong("a2c"), parsing: .upToNextOption,
        help: ArgumentHelp("Masks of the apical two-chamber view.", valueName: "masks"),
        completion: .file(extensions: ["png", "json", "nii", "gz"]))
    var twoChamber: [String] = []

    @Option(
        name: .customLong("a4c-image"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "The cine of the masks, or an image for each mask: drawn in the report, and shows "
                + "where the sector ends. Results of 'samus' name theirs.", valueName: "images"),
        completion: .file())
    var fourChamberImages: [String] = []

    @Option(
        name: .customLong("a2c-image"), parsing: .upToNextOption,
        help: ArgumentHelp("The same for the two-chamber view.", valueName: "images"),
        completion: .file())
    var twoChamberImages: [String] = []

    @Option(
        name: .customLong("a4c-frames"),
        help: ArgumentHelp(
            "End diastole and end systole of the four-chamber view, from 1.", valueName: "ed,es"))
    var fourChamberFrames: PhaseFrames?

    @Option(
        name: .customLong("a2c-frames"),
        help: ArgumentHelp("The same for the two-chamber view.", valueName: "ed,es"))
    var twoChamberFrames: PhaseFrames?

    @Option(help: "The left ventricle in label files.")
    var lvLabel = 1

    @Option(help: "The left atrium in label files.")
    var laLabel = 3

    @Option(
        help: """
            How disks are measured: 'disks' at their middles, each volume with its own axis; \
            'camus' as the notebook of the CAMUS challenge, at the edges towards the base, all \
            volumes with the longest axis of the patient.
            """)
    var convention: DiskConvention = .disks

    @Flag(
        help: """
            Also compute volumes where the ventricle or the atrium is cut by the edge of the sector \
            or the image: the outline there is a guess.
            """)
    var allowCut = false

    @OptionGroup(title: "Size of a pixel")
    var spacing: SpacingOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder for the results; made if needed.", valueName: "dir"),
        completion: .directory)
    var output = "samus-heart"

    @Flag(help: "Replace results that exist.")
    var force = false

    func validate() throws {
        guard !fourChamber.isEmpty || !twoChamber.isEmpty else {
            throw ValidationError("give the masks of a view: --a4c, --a2c or both")
        }
        guard (1...255).contains(lvLabel), (1...255).contains(laLabel), lvLabel != laLabel else {
            throw ValidationError(
                "--lv-label and --la-label take two different numbers from 1 to 255")
        }
        for (name, masks, images, frames) in [
            ("a4c", fourChamber, fourChamberImages, fourChamberFrames),
            ("a2c", twoChamber, twoChamberImages, twoChamberFrames),
        ] where masks.isEmpty && (!images.isEmpty || frames != nil) {
            throw ValidationError("--\(name)-image and --\(name)-frames need masks: --\(name)")
        }
    }

    func run() throws {
        let labels = HeartLabels(ventricle: lvLabel, atrium: laLabel)
        let views = try withExitStatus(.input) {
            let spacing = try spacing.source()
            return try [
                ("A4C", fourChamber, fourChamberImages, fourChamberFrames),
                ("A2C", twoChamber, twoChamberImages, twoChamberFrames),
            ].filter { !$0.1.isEmpty }.map { name, masks, images, frames in
                HeartViewInput(
                    name: name,
                    source: try HeartMasks(masks, images: images, labels: labels, spacing: spacing),
                    frames: frames)
            }
        }
        let files = HeartFiles(folder: OutputFolder(output))
        try withExitStatus(.output) { try FileTransaction.recover(in: files.folder.url.path) }
        try files.folder.check(
            files.all, inputs: views.flatMap { $0.source.inputs }, force: force)
        let measured = try withExitStatus(.input) {
            do {
                return try views.map {
                    try MeasuredView($0, convention: convention, allowsCut: allowCut)
                }
            } catch let error as DICOMError where error.isAboutDecoder {
                throw ExitError(.unavailable, "\(error)")
            } catch let error as VideoError where error.isAboutProgram {
                throw ExitError(.unavailable, "\(error)")
            }
        }
        let result = HeartResult(measured, convention: convention)
        try files.folder.make()
        defer { files.folder.removeIfEmpty() }
        try withExitStatus(.output) { try HeartReport(result).write(files) }
        Terminal.print(result.text)
        Terminal.print("report: \(files.page.relativePath.visibleLine)")
        Terminal.print(ResearchNotice.text)
        if !result.hasVolume { throw ExitError(.nothingFound) }
    }
}

extension DiskConvention: ExpressibleByArgument {}

/// Two frames on the command line: `12,20`.
struct PhaseFrames: ExpressibleByArgument, Equatable {
    let endDiastole: Int
    let endSystole: Int

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int($0) }.filter { $0 > 0 }
        guard parts.count == 2, numbers.count == 2, numbers[0] != numbers[1] else { return nil }
        endDiastole = numbers[0]
        endSystole = numbers[1]
    }
}

/// The names of the results.
struct HeartFiles {
    let folder: OutputFolder

    var page: URL { folder.file("heart.html") }
    var sheet: URL { folder.file("heart.png") }
    var record: URL { folder.file("heart.json") }
    var table: URL { folder.file("heart.csv") }

    var all: [URL] { [page, sheet, record, table] }
}
