import FileIO
import Foundation
import Imaging

/// Prompts for many images, as a JSON file.
///
/// ```json
/// { "images": [ { "image": "a4c.png", "objects": [
///     { "label": "left ventricle", "box": [150, 48, 208, 140] },
///     { "points": [[100, 80]], "negatives": [[20, 20]], "mask": "rough.png" } ] } ] }
/// ```
/// An object may be `{ "auto": true }` instead, for a model that finds it by itself.
/// Paths are relative to the JSON file. A key that is not known is an error, since a misspelt
/// prompt left out in silence gives a wrong outline.
struct PromptFile: Decodable {
    let images: [ImageEntry]

    struct ImageEntry: Decodable {
        let image: String
        let objects: [Object]

        init(from decoder: any Decoder) throws {
            let container = try KnownKeys.container(decoder, ["image", "objects"])
            image = try container.decode(String.self, forKey: "image")
            objects = try container.decode([Object].self, forKey: "objects")
            guard !objects.isEmpty else {
                throw DecodingError.dataCorruptedError(
                    forKey: "objects", in: container, debugDescription: "the list is empty")
            }
            guard objects.count(where: { $0.prompt.mode == .auto }) <= 1 else {
                throw DecodingError.dataCorruptedError(
                    forKey: "objects", in: container,
                    debugDescription: "a model finds one object by itself: say auto once")
            }
            guard objects.count <= 1000 else {
                throw DecodingError.dataCorruptedError(
                    forKey: "objects", in: container,
                    debugDescription: "\(objects.count) objects, at most 1000 are taken")
            }
        }
    }

    struct Object: Decodable {
        let prompt: ObjectPrompt

        init(from decoder: any Decoder) throws {
            let container = try KnownKeys.container(
                decoder, ["label", "points", "negatives", "box", "mask", "auto"])
            func places(_ key: KnownKeys) throws -> [PixelPoint] {
                try (container.decodeIfPresent([[Double]].self, forKey: key) ?? []).map { place in
                    guard place.count == 2 else {
                        throw DecodingError.dataCorruptedError(
                            forKey: key, in: container, debugDescription: "a place is [x, y]")
                    }
                    return PixelPoint(x: place[0], y: place[1])
                }
            }
            let corners = try container.decodeIfPresent([Double].self, forKey: "box")
            guard corners == nil || corners?.count == 4 else {
                throw DecodingError.dataCorruptedError(
                    forKey: "box", in: container, debugDescription: "a box is [x0, y0, x1, y1]")
            }
            let isAuto = try container.decodeIfPresent(Bool.self, forKey: "auto") ?? false
            prompt = ObjectPrompt(
                label: try container.decodeIfPresent(String.self, forKey: "label"),
                mode: isAuto ? .auto : .prompted,
                points: try places("points"), backgroundPoints: try places("negatives"),
                box: corners.map { PixelRectangle(x0: $0[0], y0: $0[1], x1: $0[2], y1: $0[3]) },
                maskPath: try container.decodeIfPresent(String.self, forKey: "mask"))
            guard prompt.isEmpty == isAuto else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: isAuto
                            ? "an object is found by itself (auto), or where prompts say: not both"
                            : "an object needs a box, points or a mask"))
            }
        }
    }

    init(from decoder: any Decoder) throws {
        images = try KnownKeys.container(decoder, ["images"])
            .decode([ImageEntry].self, forKey: "images")
    }

    /// Reads a prompt file and makes its paths whole.
    ///
    /// - Parameter path: the JSON file, at most 64 MB.
    /// - Returns: at least one image.
    /// - Throws: ``PromptFileError``.
    static func read(_ path: String) throws(PromptFileError) -> [ImageTask] {
        let url = URL(fileURLWithPath: path)
        let file: PromptFile
        do {
            let data = try RegularFile.read(path, limit: 64 << 20)
            file = try JSON.decode(PromptFile.self, from: data, keys: .exact)
            if let key = repeatedKey(in: Data(data)) {
                throw PromptFileError.malformed(path, "an object has '\(key)' twice")
            }
        } catch let error as PromptFileError {
            throw error
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
        func whole(_ name: String) -> String {
            name.hasPrefix("/") ? name : folder.appendingPathComponent(name).relativePath
        }
        return file.images.map { entry in
            let objects = entry.objects.map { object in
                var prompt = object.prompt
                prompt.maskPath = prompt.maskPath.map(whole)
                return prompt
            }
            return ImageTask(
                path: whole(entry.image), stem: stem(of: entry.image), objects: objects)
        }
    }
}

extension PromptFile {
    /// Results keep the folders that a relative path names below the prompt file.
    private static func stem(of image: String) -> String {
        let parts = image.split(separator: "/").filter { $0 != "." }
        guard !image.hasPrefix("/"), !parts.contains("..") else {
            return InputFiles.stem(of: image)
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
            "'\(path)' is not a file; a JSON file of prompts is needed"
        case .tooLarge(let path):
            "'\(path)' is larger than 64 MB; split the prompts over several files"
        case .unreadable(let path, let reason):
            "the prompts in '\(path)' cannot be read: \(reason)"
        case .malformed(let path, let reason):
            "the prompts in '\(path)' are not of the form that 'samus segment --help' shows: "
                + reason
        }
    }
}
