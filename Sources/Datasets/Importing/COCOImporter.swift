import Foundation
import Imaging

/// Imports COCO JSON, which annotation programs export.
///
/// One or several JSON files (`instances_train.json`, `train/_annotations.coco.json`), with polygons
/// and both kinds of run lengths. Used categories become classes in the order of their numbers; where classes overlap, the later object is used.
struct COCOImporter: Importer {
    /// One file, with the split from its name or folder.
    private struct Part {
        let file: String
        let split: Split?
        let content: COCOFile
    }

    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let (root, files) = Self.files(source)
        guard !files.isEmpty else {
            throw .wrongFormat(source: source.path, reason: "there is no JSON file")
        }
        var plan = ImportPlan(classNames: [])
        var parts: [Part] = []
        for file in files {
            let data: Data
            do throws(ImportProblem) {
                data = try root.data(file, limit: 64 << 20)
            } catch {
                throw .unreadable(path: root.path(file), reason: error.reason)
            }
            let content: COCOFile
            do {
                content = try JSONDecoder().decode(COCOFile.self, from: data)
            } catch {
                guard (try? JSONDecoder().decode(OtherJSON.self, from: data)) == nil else {
                    plan.remarks.append(ImportProblem(file, "it lists no images; skipped"))
                    continue
                }
                plan.problems.append(
                    ImportProblem(file, "it is not COCO JSON\(Self.place(of: error))"))
                continue
            }
            let split = Split(folderNamed: file) ?? Split(folderNamed: file.parent.lastComponent)
            parts.append(Part(file: file, split: split, content: content))
        }
        parts.removeAll { part in
            guard part.content.annotations == nil else { return false }
            plan.remarks.append(ImportProblem(part.file, "it has no annotations; skipped"))
            return true
        }
        guard !parts.isEmpty else {
            throw .wrongFormat(
                source: source.path,
                reason: "no JSON file has COCO's 'images', 'annotations' and 'categories'")
        }
        let classes = try Self.classes(parts.map(\.content), source: source.path)
        plan.classNames = classes.map(\.name)
        plan.hasSplit = parts.contains { $0.split != nil }
        let finder = ImageFinder(root)
        for part in parts { Self.add(part, classes.map(\.id), finder, of: root, to: &plan) }
        var seen: Set<String> = []
        if let twice = plan.items.map(\.source).first(where: { !seen.insert($0).inserted }) {
            throw .wrongFormat(
                source: source.path,
                reason: "'\(twice)' is listed twice, so that it could be in two splits:"
                    + " give one JSON file to import, or remove the others")
        }
        return plan
    }

    /// Where in a file decoding failed, as text; empty where unknown.
    private static func place(of error: any Error) -> String {
        let path: [any CodingKey]? =
            switch error as? DecodingError {
            case .typeMismatch(_, let context), .valueNotFound(_, let context),
                .keyNotFound(_, let context), .dataCorrupted(let context):
                context.codingPath
            default: nil
            }
        guard let path, !path.isEmpty else { return "" }
        return " at "
            + path.map { $0.intValue.map(String.init) ?? $0.stringValue }
            .joined(separator: "/")
    }

    /// The folder of the dataset, and its JSON files.
    private static func files(_ source: SourceFolder) -> (SourceFolder, [String]) {
        guard source.path.lowercased().hasSuffix(".json") else {
            return (source, source.allFiles(depth: 2).filter { $0.lowercased().hasSuffix(".json") })
        }
        let url = URL(fileURLWithPath: source.path).standardizedFileURL
        let folder = url.deletingLastPathComponent()
        guard folder.lastPathComponent.lowercased() == "annotations" else {
            return (SourceFolder(path: folder.path), [url.lastPathComponent])
        }
        return (
            SourceFolder(path: folder.deletingLastPathComponent().path),
            ["\(folder.lastPathComponent)/\(url.lastPathComponent)"]
        )
    }

    private static func classes(
        _ files: [COCOFile], source: String
    ) throws(ImportError) -> [COCOFile.Category] {
        var names: [Int: String] = [:]
        for category in files.flatMap({ $0.categories ?? [] }) {
            if let name = names.updateValue(category.name, forKey: category.id),
                name != category.name
            {
                throw .wrongFormat(
                    source: source,
                    reason: "category \(category.id) is '\(name)' in one file and"
                        + " '\(category.name)' in another")
            }
        }
        let used = Set(files.flatMap { $0.annotations ?? [] }.map(\.category)).sorted()
        guard (1...255).contains(used.count) else {
            throw .wrongFormat(
                source: source, reason: "\(used.count) categories are used; 1 to 255 are supported")
        }
        return used.map { COCOFile.Category(id: $0, name: names[$0] ?? "category \($0)") }
    }

    private static func add(
        _ part: Part, _ categories: [Int], _ finder: ImageFinder, of root: SourceFolder,
        to plan: inout ImportPlan
    ) {
        let objects = Dictionary(grouping: part.content.annotations ?? [], by: \.image)
        for entry in part.content.images {
            guard let file = finder.file(entry.fileName, near: part.file) else {
                plan.problems.append(
                    ImportProblem(
                        part.file,
                        "its image '\(entry.fileName)' is not found, or there are"
                            + " several of that name"))
                continue
            }
            let objects = objects[entry.id] ?? []
            plan.items.append(
                ImportItem(source: file, split: part.split) { () throws(ImportProblem) in
                    let image = try root.image(file)
                    guard entry.width ?? image.width == image.width,
                        entry.height ?? image.height == image.height
                    else {
                        throw ImportProblem(
                            file,
                            "it has \(image.size) pixels; \(part.file) has"
                                + " \(entry.width ?? 0)x\(entry.height ?? 0)")
                    }
                    var label = DrawnLabel(size: image.size)
                    for object in objects {
                        guard let mask = object.segmentation?.mask(size: image.size) else {
                            throw ImportProblem(
                                file, "an object in \(part.file) has no outline that fits it")
                        }
                        let index = categories.firstIndex(of: object.category) ?? 0
                        label.draw(mask, as: UInt8(index + 1))
                    }
                    return [label.image(image, name: file.stem)]
                })
        }
    }
}

/// A JSON object without a list of images.
private struct OtherJSON: Decodable {
    private enum CodingKeys: String, CodingKey {
        case images
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard !container.contains(.images) else {
            throw DecodingError.dataCorruptedError(
                forKey: .images, in: container, debugDescription: "there is a list of images")
        }
    }
}

/// The parts of a COCO JSON file that masks need.
struct COCOFile: Decodable {
    struct ImageEntry: Decodable {
        let id: Int
        let fileName: String
        let width: Int?
        let height: Int?

        private enum CodingKeys: String, CodingKey {
            case id, width, height
            case fileName = "file_name"
        }
    }

    struct Category: Decodable {
        let id: Int
        let name: String
    }

    struct Annotation: Decodable {
        let image: Int
        let category: Int
        let segmentation: Segmentation?

        private enum CodingKeys: String, CodingKey {
            case segmentation
            case image = "image_id"
            case category = "category_id"
        }
    }

    let images: [ImageEntry]
    /// Nil in files without annotations, such as a test set.
    let annotations: [Annotation]?
    let categories: [Category]?

    /// The mask of an object: polygons, or plain or compressed run lengths.
    enum Segmentation: Decodable {
        /// Alternating x and y, in pixels from the image's corner.
        case polygons([[Double]])
        case counts([Int], size: [Int])
        case packed(String, size: [Int])

        private enum CodingKeys: String, CodingKey {
            case counts, size
        }

        init(from decoder: any Decoder) throws {
            if let polygons = try? decoder.singleValueContainer().decode([[Double]].self) {
                self = .polygons(polygons)
                return
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            let size = try container.decode([Int].self, forKey: .size)
            if let packed = try? container.decode(String.self, forKey: .counts) {
                self = .packed(packed, size: size)
            } else {
                self = .counts(try container.decode([Int].self, forKey: .counts), size: size)
            }
        }

        /// - Parameter size: the image's size.
        /// - Returns: the mask; nil where the object does not fit the image or has no outline.
        func mask(size: Size) -> Mask? {
            switch self {
            case .polygons(let lists):
                let polygons = lists.compactMap { Self.polygon($0) }
                return polygons.count == lists.count && !polygons.isEmpty
                    ? Mask(polygons: polygons, size: size) : nil
            case .counts(let counts, let stated):
                guard stated == [size.height, size.width] else { return nil }
                return RunLength(size: size, counts: counts)?.mask()
            case .packed(let text, let stated):
                guard stated == [size.height, size.width] else { return nil }
                return RunLength(compressed: text, size: size)?.mask()
            }
        }

        /// COCO coordinates start at the corner of the first pixel, ``PixelPoint`` at its centre.
        private static func polygon(_ list: [Double]) -> [PixelPoint]? {
            guard list.count >= 6, list.count % 2 == 0, list.allSatisfy(\.isFinite) else {
                return nil
            }
            return stride(from: 0, to: list.count, by: 2).map {
                PixelPoint(x: list[$0] - 0.5, y: list[$0 + 1] - 0.5)
            }
        }
    }
}
