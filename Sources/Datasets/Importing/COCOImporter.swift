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
            let (text, encoding) = Self.decoded(data)
            if let encoding {
                plan.remarks.append(ImportProblem(file, "it is not UTF-8; read as \(encoding)"))
            }
            let content: COCOFile
            do {
                content = try JSONDecoder().decode(COCOFile.self, from: text)
            } catch {
                guard (try? JSONDecoder().decode(OtherJSON.self, from: text)) == nil else {
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
        parts = parts.map { part in
            Part(
                file: part.file, split: part.split,
                content: part.content.withoutUnclear { place, reason in
                    plan.problems.append(ImportProblem(part.file, "\(place): \(reason)"))
                })
        }
        let classes = try Self.classes(parts.map(\.content), source: source.path)
        plan.classNames = classes.map(\.name)
        plan.hasSplit = parts.contains { $0.split != nil }
        let finder = ImageFinder(root, jsonFiles: parts.map(\.file))
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

    /// The bytes as UTF-8, and the name of the encoding where they are not.
    ///
    /// Annotation programs on Chinese systems write names in GBK, which GB18030 contains.
    private static func decoded(_ data: Data) -> (text: Data, encoding: String?) {
        let gb18030 = String.Encoding(rawValue: 0x8000_0632)
        guard !data.starts(with: [0xFF, 0xFE]), !data.starts(with: [0xFE, 0xFF]),
            String(validating: data, as: UTF8.self) == nil,
            let text = String(data: data, encoding: gb18030)
        else { return (data, nil) }
        return (Data(text.utf8), "GB18030 (GBK)")
    }

    private static func classes(
        _ files: [COCOFile], source: String
    ) throws(ImportError) -> [COCOFile.Category] {
        var names: [COCOFile.Identifier: String] = [:]
        for category in files.flatMap({ $0.categories ?? [] }).compactMap(\.value) {
            if let name = names.updateValue(category.name, forKey: category.id),
                name != category.name
            {
                throw .wrongFormat(
                    source: source,
                    reason: "category \(category.id) is '\(name)' and '\(category.name)'")
            }
        }
        let usable = files.flatMap { $0.annotations ?? [] }.compactMap(\.value)
            .filter { $0.problem == nil }
        let used = Set(usable.compactMap(\.category)).sorted()
        guard (1...255).contains(used.count) else {
            throw .wrongFormat(
                source: source, reason: "\(used.count) categories are used; 1 to 255 are supported")
        }
        return used.map { COCOFile.Category(id: $0, name: names[$0] ?? "category \($0)") }
    }

    private static func add(
        _ part: Part, _ categories: [COCOFile.Identifier], _ finder: ImageFinder,
        of root: SourceFolder, to plan: inout ImportPlan
    ) {
        var objects: [COCOFile.Identifier: [(place: String, object: COCOFile.Annotation)]] = [:]
        for (index, annotation) in (part.content.annotations ?? []).enumerated() {
            guard let object = annotation.value, let image = object.image else { continue }
            objects[image, default: []].append(("annotations/\(index)", object))
        }
        let entries = part.content.images.compactMap(\.value)
        let files = finder.files(entries.map(\.fileName), near: part.file)
        for (entry, found) in zip(entries, files) {
            guard case .image(let file) = found else {
                plan.problems.append(
                    ImportProblem(
                        part.file, "its image '\(entry.fileName)' is not found\(found.reason)"))
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
                    for (place, object) in objects {
                        if let problem = object.problem {
                            throw ImportProblem(file, "\(place) of \(part.file): \(problem)")
                        }
                        guard let mask = object.segmentation?.mask(size: image.size),
                            let category = object.category,
                            let index = categories.firstIndex(of: category)
                        else {
                            throw ImportProblem(
                                file, "\(place) of \(part.file) has no outline that fits it")
                        }
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
    /// A number, or text as some programs write it; `1` and `"1"` are equal.
    struct Identifier: Decodable, Hashable, Comparable, CustomStringConvertible {
        private let number: Int?
        private let text: String

        var description: String { text }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                (self.number, text) = (number, "\(number)")
            } else {
                let text = try container.decode(String.self)
                number = Int(text)
                self.text = number.map { "\($0)" } ?? text
            }
        }

        /// Numbers before texts.
        static func < (left: Identifier, right: Identifier) -> Bool {
            switch (left.number, right.number) {
            case (let left?, let right?): left < right
            case (nil, nil): left.text < right.text
            case (let number, _): number != nil
            }
        }
    }

    /// An entry of a list; one that cannot be read does not cost the others.
    struct Entry<Value: Decodable>: Decodable {
        let value: Value?

        init(_ value: Value?) {
            self.value = value
        }

        init(from decoder: any Decoder) throws {
            value = try? Value(from: decoder)
        }
    }

    struct ImageEntry: Decodable {
        let id: Identifier
        let fileName: String
        let width: Int?
        let height: Int?

        private enum CodingKeys: String, CodingKey {
            case id, width, height
            case fileName = "file_name"
        }
    }

    struct Category: Decodable {
        let id: Identifier
        let name: String
    }

    struct Annotation: Decodable {
        let image: Identifier?
        let category: Identifier?
        let segmentation: Segmentation?
        /// Why the object cannot be used.
        let problem: String?

        private enum CodingKeys: String, CodingKey {
            case segmentation
            case image = "image_id"
            case category = "category_id"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            image = try? container.decode(Identifier.self, forKey: .image)
            category = try? container.decode(Identifier.self, forKey: .category)
            segmentation = try? container.decode(Segmentation.self, forKey: .segmentation)
            problem =
                category == nil
                ? "its category_id is not a number or text"
                : segmentation == nil
                    ? "its segmentation is neither a list of polygons nor run lengths" : nil
        }
    }

    var images: [Entry<ImageEntry>]
    /// Nil in files without annotations, such as a test set.
    let annotations: [Entry<Annotation>]?
    let categories: [Entry<Category>]?

    /// Without images whose objects are unclear.
    ///
    /// - Parameter report: called with the place and the reason of each entry that is left out.
    /// - Returns: the file with images of different ids.
    func withoutUnclear(_ report: (_ place: String, _ reason: String) -> Void) -> COCOFile {
        var file = self
        let ids = Dictionary(grouping: images.indices) { images[$0].value?.id }
        for (index, image) in images.enumerated() {
            guard let id = image.value?.id else {
                report("images/\(index)", "an id and a file_name are needed")
                continue
            }
            guard let first = ids[id]?.first(where: { $0 != index }) else { continue }
            report(
                "images/\(index)",
                "it has the id \(id) of images/\(first): whose objects they are is unknown")
            file.images[index] = Entry(nil)
        }
        for (index, annotation) in (annotations ?? []).enumerated() {
            guard let image = annotation.value?.image else {
                report("annotations/\(index)", "an image_id is needed; its object is lost")
                continue
            }
            if ids[image] == nil {
                report(
                    "annotations/\(index)", "image \(image) is not listed; its object is lost")
            }
        }
        return file
    }

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
