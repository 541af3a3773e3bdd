import ArgumentParser
import FileIO
import Foundation

/// A kind of file that `samus segment` writes.
enum OutputFormat: String, CaseIterable, Sendable {
    /// The masks, 0 and 255.
    case png
    /// Outlines and prompts drawn on the image.
    case overlay
    /// Areas, contours, prompts, model and times.
    case json
    /// The masks as COCO run lengths.
    case rle
    /// The contours alone.
    case contour
    /// The probability of each pixel: `--uncertainty`.
    case probability
    /// One image with the value of each object, in which no two objects overlap.
    case labels
    /// A DICOM Segmentation object.
    case dicomSeg = "dicom-seg"
    /// A DICOM report with measurements.
    case report = "sr"

    /// Whether it is a DICOM object about all frames of a file.
    var isDICOM: Bool { self == .dicomSeg || self == .report }
}

/// A list of formats on the command line: `png,overlay`.
struct OutputFormats: ExpressibleByArgument, Sendable {
    let formats: Set<OutputFormat>

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        let formats = parts.compactMap { OutputFormat(rawValue: String($0)) }
        guard !formats.isEmpty, formats.count == parts.count else { return nil }
        self.formats = Set(formats)
    }

    static var allValueStrings: [String] { OutputFormat.allCases.map(\.rawValue) }
}

/// The names of one image's result files.
struct ResultFiles {
    /// The image of these results.
    let imagePath: String
    /// The output folder.
    let folder: URL
    /// The path of the results below the folder, without a file extension.
    let name: String
    /// The same for DICOM results, which are about all frames of the file; nil where none is written.
    let dicomName: String?
    let formats: Set<OutputFormat>
    let objects: Int
    let candidates: Int

    /// Every file that will be written for this image alone.
    var all: [URL] {
        let masks =
            formats.contains(.png)
            ? (0..<objects).flatMap { object in
                (0..<candidates).map { mask(object: object, candidate: $0) }
            } : []
        let maps = formats.contains(.probability) ? (0..<objects).map(probabilities) : []
        let others: [(OutputFormat, URL)] = [
            (.overlay, overlay), (.json, json), (.rle, runLengths), (.contour, contours),
            (.labels, labels),
        ]
        return masks + maps + others.filter { formats.contains($0.0) }.map(\.1)
    }

    /// The file of a mask; where there are several objects or candidates they are numbered from 1.
    func mask(object: Int, candidate: Int) -> URL {
        var name = name
        if objects > 1 { name += ".object\(object + 1)" }
        if candidates > 1 { name += ".candidate\(candidate + 1)" }
        return folder.appendingPathComponent(name + ".mask.png")
    }

    /// The probabilities of an object, from 0.
    func probabilities(object: Int) -> URL {
        let number = objects > 1 ? ".object\(object + 1)" : ""
        return folder.appendingPathComponent("\(name)\(number).probability.png")
    }

    /// The DICOM results of all frames of the file.
    var dicom: [URL] {
        [(OutputFormat.dicomSeg, dicomSegmentation), (.report, report)]
            .filter { formats.contains($0.0) }.compactMap(\.1)
    }

    var dicomSegmentation: URL? {
        dicomName.map { folder.appendingPathComponent($0 + ".seg.dcm") }
    }

    var report: URL? { dicomName.map { folder.appendingPathComponent($0 + ".sr.dcm") } }
    var labels: URL { folder.appendingPathComponent(name + ".labels.png") }
    var overlay: URL { folder.appendingPathComponent(name + ".overlay.png") }
    var json: URL { folder.appendingPathComponent(name + ".json") }
    var runLengths: URL { folder.appendingPathComponent(name + ".rle.json") }
    var contours: URL { folder.appendingPathComponent(name + ".contour.json") }

    /// The folder of all files.
    var subfolder: URL { json.deletingLastPathComponent() }

    /// Results of former runs on the same image that these files do not replace.
    ///
    /// The folder is listed only if one of the likely files exists: it may have a million files.
    func leftFromFormerRuns() -> [URL] {
        let current = Set((all + dicom).map(\.lastPathComponent))
        guard
            likelyFormerNames.contains(where: {
                !current.contains($0) && subfolder.appendingPathComponent($0).exists
            })
        else { return [] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: subfolder.path)) ?? []
        let prefix = json.deletingPathExtension().lastPathComponent + "."
        return names.sorted().filter { name in
            guard name.hasPrefix(prefix), !current.contains(name) else { return false }
            let rest = name.dropFirst(prefix.count)
            return Self.singleFiles.contains(rest)
                || rest.wholeMatch(of: /(object\d+\.)?(candidate\d+\.)?mask\.png/) != nil
                || rest.wholeMatch(of: /(object\d+\.)?probability\.png/) != nil
        }.map { subfolder.appendingPathComponent($0) }
    }

    /// The first files of each kind that a run with other options would have written; objects and
    /// candidates are numbered without gaps.
    private var likelyFormerNames: [String] {
        let base = json.deletingPathExtension().lastPathComponent
        let numbers = ["", "object1.", "object\(objects + 1)."]
        let masks = numbers.flatMap { object in
            ["", "candidate1.", "candidate\(candidates + 1)."].map { object + $0 + "mask.png" }
        }
        let maps = numbers.map { $0 + "probability.png" }
        return (Self.singleFiles.map(String.init) + masks + maps).map { "\(base).\($0)" }
    }

    private static let singleFiles: [Substring] = [
        "json", "rle.json", "contour.json", "overlay.png", "labels.png", "seg.dcm", "sr.dcm",
    ]

    /// Whether the names of all results fit a file system, in every format.
    var isShortEnough: Bool {
        json.lastPathComponent.utf8.count <= 255 - Self.longestSuffix
    }

    private static let longestSuffix = ".object1000.candidate3.mask.png".utf8.count
}
