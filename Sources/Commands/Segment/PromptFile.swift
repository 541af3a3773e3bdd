import FileIO
import Foundation
import Imaging

/// A JSON file with prompts for many images.
///
/// ```json
/// { "images": [ { "image": "a4c.png", "objects": [
///     { "label": "left ventricle", "box": [150, 48, 208, 140] },
///     { "points": [[100, 80]], "background_points": [[20, 20]], "mask": "rough.png" } ] } ] }
/// ```
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
        let objects: [Object]

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(
                decoder, keys: ["image", "objects"], synonyms: ["picture": "image"])
            image = try object.decode(String.self, "image")
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
                keys: ["label", "points", "background_points", "box", "mask", "prompt_free"],
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
                points: try Self.points("points", of: object),
                backgroundPoints: try Self.points("background_points", of: object),
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
        let folder = url.deletingLastPathComponent()
        func resolved(_ name: String) -> String {
            name.hasPrefix("/") ? name : folder.appendingPathComponent(name).relativePath
        }
        return file.images.map { entry in
            let objects = entry.objects.map { object in
                var prompt = object.prompt
                prompt.maskPath = prompt.maskPath.map(resolved)
                return prompt
            }
            return InputImage(
                path: resolved(entry.image), name: resultName(of: entry.image), objects: objects)
        }
    }

    /// Results go to the same subfolders as the images of a relative path.
    private static func resultName(of image: String) -> String {
        let parts = image.split(separator: "/").filter { $0 != "." }
        guard !image.hasPrefix("/"), !parts.contains("..") else {
            return InputFiles.resultName(of: image)
        }
        return (parts.joined(separator: "/") as NSString).deletingPathExtension
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
