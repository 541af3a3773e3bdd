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
    let formats: Set<OutputFormat>
    let objects: Int
    let candidates: Int

    /// Every file that will be written.
    var all: [URL] {
        let masks =
            formats.contains(.png)
            ? (0..<objects).flatMap { object in
                (0..<candidates).map { mask(object: object, candidate: $0) }
            } : []
        let others: [(OutputFormat, URL)] = [
            (.overlay, overlay), (.json, json), (.rle, runLengths), (.contour, contours),
        ]
        return masks + others.filter { formats.contains($0.0) }.map(\.1)
    }

    /// The file of a mask; where there are several objects or candidates they are numbered from 1.
    func mask(object: Int, candidate: Int) -> URL {
        var name = name
        if objects > 1 { name += ".object\(object + 1)" }
        if candidates > 1 { name += ".candidate\(candidate + 1)" }
        return folder.appendingPathComponent(name + ".mask.png")
    }

    var overlay: URL { folder.appendingPathComponent(name + ".overlay.png") }
    var json: URL { folder.appendingPathComponent(name + ".json") }
    var runLengths: URL { folder.appendingPathComponent(name + ".rle.json") }
    var contours: URL { folder.appendingPathComponent(name + ".contour.json") }

    /// The folder of all files.
    var subfolder: URL { json.deletingLastPathComponent() }

    /// Results of former runs on the same image that these files do not replace.
    func leftFromFormerRuns() -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: subfolder.path)) ?? []
        let current = Set(all.map(\.lastPathComponent))
        let prefix = json.deletingPathExtension().lastPathComponent + "."
        return names.sorted().filter { name in
            guard name.hasPrefix(prefix), !current.contains(name) else { return false }
            let rest = name.dropFirst(prefix.count)
            return ["json", "rle.json", "contour.json", "overlay.png"].contains(rest)
                || rest.wholeMatch(of: /(object\d+\.)?(candidate\d+\.)?mask\.png/) != nil
        }.map { subfolder.appendingPathComponent($0) }
    }

    /// Refuses results that would replace each other or an input.
    ///
    /// - Parameters:
    ///   - results: the files of each image.
    ///   - inputs: every file that the run reads; those that do not exist are ignored.
    /// - Throws: ``InputError``.
    static func check(_ results: [ResultFiles], inputs: [String]) throws(InputError) {
        let identities = Set(inputs.compactMap(FileIdentity.init))
        var owners: [String: String] = [:]
        for files in results {
            // All names are checked, because the next run may write other formats.
            guard files.json.lastPathComponent.utf8.count <= 255 - longestSuffix else {
                throw .nameTooLong(files.imagePath)
            }
            for file in files.all {
                // Some file systems do not distinguish upper and lower case.
                let key = file.standardizedFileURL.path.lowercased()
                if let owner = owners.updateValue(files.imagePath, forKey: key) {
                    throw .sameResults(first: owner, second: files.imagePath)
                }
                if let identity = FileIdentity(file.path), identities.contains(identity) {
                    throw .resultIsInput(file.relativePath)
                }
            }
        }
    }

    private static let longestSuffix = ".object1000.candidate3.mask.png".utf8.count
}
