import FileIO
import Foundation
import Imaging
import Segmentation

/// A JSON file with prompts for many images.
///
/// ```json
/// { "images": [ { "image": "a4c.png", "objects": [
///     { "label": "left ventricle", "box": [150, 48, 208, 140] },
///     { "points": [[100, 80]], "background_points": [[20, 20]], "mask": "rough.png" },
///     { "clicks": [[100, 80, 1], [20, 20, 0], [110, 95, 1]] } ] } ] }
/// ```
/// `clicks` are points in their order, 1 on the object and 0 outside it.
/// An image of a cine also has its number: `"frame": 5`.
/// For a model that needs no prompt, an object may be `{ "prompt_free": true }` instead.
/// `foreground_points` means the same as `points`; `pictures`, `picture`, `negatives` and `auto` are
/// the keys of former versions. Paths are relative to the JSON file. An unknown key is an error,
/// because ignoring a misspelt prompt would give a wrong mask.
struct PromptFile: Decodable {
    let images: [ImageEntry]

    init(from decoder: any Decoder) throws {
        let object = try StrictObject(
            decoder, keys: ["images", "format_version"], synonyms: ["pictures": "images"])
        images = try object.decode([ImageEntry].self, "images")
    }

    /// One image and its objects.
    struct ImageEntry: Decodable {
        let image: String
        let frame: Int?
        let objects: [Object]

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(
                decoder, keys: ["image", "frame", "objects"], synonyms: ["picture": "image"])
            image = try object.decode(String.self, "image")
            frame = try object.decodeIfPresent(Int.self, "frame")
            guard frame ?? 1 > 0 else { throw object.error("frame", "frames are counted from 1") }
            objects = try object.decode([Object].self, "objects")
            guard !objects.isEmpty else {
                throw object.error("objects", "the list is empty")
            }
            guard objects.count(where: \.prompt.isPromptFree) <= 1 else {
                throw object.error(
                    "objects", "a prompt-free model finds one object: only one may be prompt_free")
            }
            guard objects.count <= 1000 else {
                throw object.error("objects", "\(objects.count) objects; at most 1000 are allowed")
            }
        }
    }

    /// One object of an image.
    struct Object: Decodable {
        let prompt: ObjectPrompt

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(
                decoder,
                keys: [
                    "label", "points", "background_points", "clicks", "box", "mask", "prompt_free",
                ],
                synonyms: [
                    "foreground_points": "points", "negatives": "background_points",
                    "auto": "prompt_free",
                ])
            let corners = try object.decodeIfPresent([Double].self, "box")
            guard corners == nil || corners?.count == 4 else {
                throw object.error("box", "a box is [x0, y0, x1, y1]")
            }
            let isPromptFree = try object.decodeIfPresent(Bool.self, "prompt_free") ?? false
            prompt = ObjectPrompt(
                label: try object.decodeIfPresent(String.self, "label"),
                isPromptFree: isPromptFree,
                clicks: try Self.clicks(of: object),
                box: corners.map { PixelRectangle(x0: $0[0], y0: $0[1], x1: $0[2], y1: $0[3]) },
                maskPath: try object.decodeIfPresent(String.self, "mask"))
            guard prompt.isEmpty == isPromptFree else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: isPromptFree
                            ? "an object has prompts or is prompt_free, not both"
                            : "an object needs a box, points or a mask"))
            }
        }

        /// The clicks in their order: those on the object first, unless the file orders them.
        private static func clicks(of object: StrictObject) throws -> [PromptClick] {
            let unordered =
                try points("points", of: object).map { PromptClick($0, isForeground: true) }
                + points("background_points", of: object).map {
                    PromptClick($0, isForeground: false)
                }
            guard let ordered = try object.decodeIfPresent([[Double]].self, "clicks") else {
                return unordered
            }
            guard unordered.isEmpty else {
                throw object.error(
                    "clicks", "an object has clicks, or points and background_points, not both")
            }
            return try ordered.map { click in
                guard click.count == 3, click[2] == 0 || click[2] == 1 else {
                    throw object.error(
                        "clicks", "a click is [x, y, 1] on the object or [x, y, 0] outside it")
                }
                return PromptClick(
                    PixelPoint(x: click[0], y: click[1]), isForeground: click[2] == 1)
            }
        }

        private static func points(
            _ key: String, of object: StrictObject
        ) throws -> [PixelPoint] {
            try (object.decodeIfPresent([[Double]].self, key) ?? []).map { point in
                guard point.count == 2 else { throw object.error(key, "a point is [x, y]") }
                return PixelPoint(x: point[0], y: point[1])
            }
        }
    }
}

extension PromptFile {
    private static let largestSize = 16 << 20

    /// Reads a prompt file and resolves its paths.
    ///
    /// - Parameter path: the JSON file, at most 16 MB.
    /// - Returns: at least one image.
    /// - Throws: ``PromptFileError``.
    static func read(_ path: String) throws(PromptFileError) -> [InputImage] {
        let url = URL(fileURLWithPath: path)
        let file: PromptFile
        do {
            let data = try RegularFile.read(path, limit: largestSize)
            file = try JSON.decode(PromptFile.self, from: data, keys: .exact, isStrict: true)
        } catch let error as JSONError {
            throw .malformed(path, error.reason)
        } catch let error as FileReadError {
            switch error {
            case .notARegularFile: throw .notAFile(path)
            case .tooLarge: throw .tooLarge(path)
            default: throw .unreadable(path, error.reason)
            }
        } catch {
            throw .unreadable(path, "\(error)")
        }
        guard !file.images.isEmpty else { throw .malformed(path, "'images' is empty") }
        let folders = [url, url.resolvingSymlinksInPath()].map { $0.deletingLastPathComponent() }
        var files = ReferredFiles(folders: folders)
        return file.images.map { entry in
            let objects = entry.objects.map { object in
                var prompt = object.prompt
                prompt.maskPath = prompt.maskPath.map { files.path($0) }
                return prompt
            }
            let name = resultName(of: entry.image)
            return InputImage(
                path: files.path(entry.image), frame: entry.frame,
                name: InputFiles.resultName(name, frame: entry.frame), fileName: name,
                objects: objects)
        }
    }

    /// Results go to the same subfolders as the images of a relative path.
    private static func resultName(of image: String) -> String {
        // Without this, a name with backslashes would become a file name with backslashes.
        let image = ReferredFiles.isWindowsPath(image) ? image.replacing("\\", with: "/") : image
        let parts = image.split(separator: "/").filter { $0 != "." }
        guard !image.hasPrefix("/"), !parts.contains(".."), parts.first?.hasSuffix(":") != true
        else {
            return InputFiles.resultName(of: image)
        }
        return InputFiles.withoutExtension(parts.joined(separator: "/"))
    }
}

/// The files that a prompt file names, perhaps written on another system.
private struct ReferredFiles {
    /// The folder of the prompt file and, where that is a link, the folder of the file it links to.
    let folders: [URL]
    /// The names in each folder by their lower-case forms: a folder is listed once, however many names
    /// of it are missing.
    private var listings: [String: [String: [String]]] = [:]

    init(folders: [URL]) {
        self.folders = folders
    }

    /// The path of a name.
    ///
    /// - Parameter name: an absolute path, or one relative to the prompt file.
    /// - Returns: the first that exists: of the exact name; with `/` for `\`; with other upper and
    ///   lower case. Otherwise the exact name in the first folder.
    mutating func path(_ name: String) -> String {
        let names = [name] + (Self.isWindowsPath(name) ? [name.replacing("\\", with: "/")] : [])
        let paths = names.flatMap { name in
            name.hasPrefix("/")
                ? [name] : folders.map { $0.appendingPathComponent(name).relativePath }
        }
        if let exact = paths.first(where: FileManager.default.fileExists(atPath:)) { return exact }
        for path in paths {
            if let found = ignoringCase(path) { return found }
        }
        return paths[0]
    }

    static func isWindowsPath(_ name: String) -> Bool { name.contains("\\") && !name.contains("/") }

    /// The only file in the same folder whose name differs in case alone.
    private mutating func ignoringCase(_ path: String) -> String? {
        let folder = (path as NSString).deletingLastPathComponent
        let wanted = (path as NSString).lastPathComponent.lowercased()
        if listings[folder] == nil {
            let place = folder.isEmpty ? "." : folder
            let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
            listings[folder] = Dictionary(grouping: names) { $0.lowercased() }
        }
        guard let found = listings[folder]?[wanted], found.count == 1 else { return nil }
        return folder.appending("/\(found[0])")
    }
}

/// Why a prompt file cannot be used.
enum PromptFileError: Error, Equatable {
    case notAFile(String)
    case tooLarge(String)
    case unreadable(String, String)
    case malformed(String, String)
}

extension PromptFileError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    var description: String {
        switch self {
        case .notAFile(let path):
            "'\(path)' is not a file; a JSON file with prompts is needed"
        case .tooLarge(let path):
            "'\(path)' is larger than 16 MB; split the prompts into several files"
        case .unreadable(let path, let reason):
            "the prompt file '\(path)' cannot be read: \(reason)"
        case .malformed(let path, let reason):
            "the prompt file '\(path)' does not have the format that 'samus segment --help' "
                + "shows: \(reason)"
        }
    }
}
