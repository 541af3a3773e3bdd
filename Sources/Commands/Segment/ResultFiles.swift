import Foundation
import Imaging

/// Where the results of one image go.
struct ResultFiles {
    /// The output folder.
    let folder: URL
    /// The image's path below it, without an ending.
    let stem: String
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
        let single: [(OutputFormat, URL)] = [
            (.overlay, overlay), (.json, json), (.rle, runLengths), (.contour, contours),
        ]
        return masks + single.filter { formats.contains($0.0) }.map(\.1)
    }

    /// A mask; objects and candidates are numbered from 1 where there are several.
    func mask(object: Int, candidate: Int) -> URL {
        var name = stem
        if objects > 1 { name += ".object\(object + 1)" }
        if candidates > 1 { name += ".candidate\(candidate + 1)" }
        return folder.appendingPathComponent(name + ".mask.png")
    }

    var overlay: URL { folder.appendingPathComponent(stem + ".overlay.png") }
    var json: URL { folder.appendingPathComponent(stem + ".json") }
    var runLengths: URL { folder.appendingPathComponent(stem + ".rle.json") }
    var contours: URL { folder.appendingPathComponent(stem + ".contour.json") }

    /// Results of the same image that lie beside these and are not of this run.
    func older() -> [URL] {
        let folder = json.deletingLastPathComponent()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let mine = Set(all.map(\.lastPathComponent))
        let prefix = json.deletingPathExtension().lastPathComponent + "."
        return names.sorted().filter { name in
            guard name.hasPrefix(prefix), !mine.contains(name) else { return false }
            let rest = name.dropFirst(prefix.count)
            return ["json", "rle.json", "contour.json", "overlay.png"].contains(rest)
                || rest.wholeMatch(of: /(object\d+\.)?(candidate\d+\.)?mask\.png/) != nil
        }.map { folder.appendingPathComponent($0) }
    }

    /// Makes the folders of the results.
    func makeFolder() throws {
        try FileManager.default.createDirectory(
            at: json.deletingLastPathComponent(), withIntermediateDirectories: true)
    }
}
