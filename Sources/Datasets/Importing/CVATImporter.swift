import Foundation
import Imaging

/// Imports the XML of CVAT ("CVAT for images 1.1") with its images.
///
/// Polygons, masks and ellipses are objects; their labels become classes, in alphabetical order.
/// Where classes overlap, the object with the larger `z_order` is used, or else the later one.
struct CVATImporter: Importer {
    private static let longestFile = 256 << 20
    private static let mostPoints = 1_000_000

    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let files = source.allFiles(depth: 4).filter { $0.lowercased().hasSuffix(".xml") }
        guard !files.isEmpty else {
            throw .wrongFormat(source: source.path, reason: "there is no 'annotations.xml'")
        }
        var plan = ImportPlan(classNames: [])
        var images: [(file: String, image: CVATImage)] = []
        for file in files {
            do throws(ImportProblem) {
                images += try Self.images(in: file, of: source).map { (file, $0) }
            } catch {
                plan.problems.append(error)
            }
        }
        guard !images.isEmpty else {
            let reason = plan.problems.first.map { "\($0)" } ?? "no XML file lists images"
            throw .wrongFormat(source: source.path, reason: reason)
        }
        let labels = Set(images.flatMap { $0.image.shapes.map(\.label) }).sorted()
        guard (1...255).contains(labels.count) else {
            throw .wrongFormat(
                source: source.path,
                reason: "\(labels.count) labels are used; 1 to 255 are supported")
        }
        plan.classNames = labels
        let finder = ImageFinder(source, jsonFiles: files)
        for file in files {
            let own = images.filter { $0.file == file }.map(\.image)
            for (image, found) in zip(own, finder.files(own.map(\.name), near: file)) {
                guard case .image(let path) = found else {
                    plan.problems.append(
                        ImportProblem(file, "its image '\(image.name)' is not found\(found.reason)")
                    )
                    continue
                }
                let split =
                    image.subset.flatMap { Split(folderNamed: $0) }
                    ?? path.parent.components(separatedBy: "/").compactMap {
                        Split(folderNamed: $0)
                    }.last
                plan.hasSplit = plan.hasSplit || split != nil
                plan.items.append(
                    ImportItem(source: path, split: split) { () throws(ImportProblem) in
                        [try Self.read(image, at: path, in: source, labels)]
                    })
            }
        }
        return plan
    }

    private static func read(
        _ entry: CVATImage, at path: String, in source: SourceFolder, _ labels: [String]
    ) throws(ImportProblem) -> ImportedImage {
        let image = try source.image(path)
        guard image.size == entry.size else {
            throw ImportProblem(
                path, "it has \(image.size) pixels; the XML file has \(entry.size)")
        }
        var label = DrawnLabel(size: image.size)
        let ordered = entry.shapes.enumerated().sorted {
            ($0.element.order, $0.offset) < ($1.element.order, $1.offset)
        }
        for (index, shape) in ordered {
            guard let number = labels.firstIndex(of: shape.label) else { continue }
            guard let mask = shape.outline.mask(size: image.size) else {
                throw ImportProblem(
                    path, "object \(index + 1) ('\(shape.label)') \(shape.outline.problem)")
            }
            label.draw(mask, as: UInt8(number + 1))
        }
        return label.image(image, name: path.stem)
    }

    /// The images of one file.
    private static func images(
        in file: String, of source: SourceFolder
    ) throws(ImportProblem) -> [CVATImage] {
        var images: [CVATImage] = []
        for tag in XMLTags(try source.text(file, limit: longestFile)) {
            let attributes = tag.attributes
            switch tag.name {
            case "track":
                throw ImportProblem(
                    file, "it has the tracks of a video: export 'CVAT for images 1.1'")
            case "image":
                guard let name = attributes["name"],
                    let width = attributes["width"].flatMap({ Int($0) }), width > 0,
                    let height = attributes["height"].flatMap({ Int($0) }), height > 0
                else {
                    throw ImportProblem(file, "an image has no name, width or height")
                }
                images.append(
                    CVATImage(
                        name: name, subset: attributes["subset"],
                        size: Size(height: height, width: width)))
            case "polygon", "mask", "ellipse", "box", "polyline", "points", "cuboid", "skeleton":
                guard !images.isEmpty else { continue }
                images[images.count - 1].shapes.append(
                    CVATShape(
                        label: attributes["label"] ?? "",
                        order: attributes["z_order"].flatMap { Int($0) } ?? 0,
                        outline: CVATOutline(tag.name, attributes, mostPoints: mostPoints)))
            default: continue
            }
        }
        return images
    }
}

/// An image with its objects.
private struct CVATImage {
    let name: String
    let subset: String?
    let size: Size
    var shapes: [CVATShape] = []
}

private struct CVATShape {
    let label: String
    let order: Int
    let outline: CVATOutline
}

/// What an object covers.
private enum CVATOutline {
    /// In pixels from the image's corner.
    case polygon([PixelPoint])
    /// Runs of background and object, row by row, in a part of the image.
    case runs([Int], left: Int, top: Int, width: Int, height: Int)
    case unusable(String)

    init(_ kind: String, _ attributes: [String: String], mostPoints: Int) {
        func number(_ name: String) -> Double? {
            attributes[name].flatMap { Double($0) }.flatMap { abs($0) < 1e9 ? $0 : nil }
        }
        switch kind {
        case "polygon":
            let points = (attributes["points"] ?? "").split(separator: ";").prefix(mostPoints)
                .map { pair in
                    pair.split(separator: ",").compactMap { text in
                        Double(text.filter { !$0.isWhitespace })
                    }
                }
            guard points.count >= 3,
                points.allSatisfy({ $0.count == 2 && $0.allSatisfy { abs($0) < 1e9 } })
            else {
                self = .unusable("is a polygon without three points")
                return
            }
            self = .polygon(points.map { PixelPoint(x: $0[0] - 0.5, y: $0[1] - 0.5) })
        case "ellipse":
            guard let cx = number("cx"), let cy = number("cy"), let rx = number("rx"),
                let ry = number("ry")
            else {
                self = .unusable("is an ellipse without cx, cy, rx and ry")
                return
            }
            let turn = (number("rotation") ?? 0) * .pi / 180
            self = .polygon(
                (0..<720).map { step in
                    let angle = Double(step) * .pi / 360
                    let (u, v) = (rx * cos(angle), ry * sin(angle))
                    return PixelPoint(
                        x: cx + u * cos(turn) - v * sin(turn) - 0.5,
                        y: cy + u * sin(turn) + v * cos(turn) - 0.5)
                })
        case "mask":
            let counts = (attributes["rle"] ?? "").split(separator: ",").map { text in
                Int(text.filter { !$0.isWhitespace }) ?? -1
            }
            func whole(_ name: String) -> Int? { attributes[name].flatMap { Int($0) } }
            guard let left = whole("left"), let top = whole("top"), let width = whole("width"),
                let height = whole("height"), counts.allSatisfy({ $0 >= 0 })
            else {
                self = .unusable("is a mask without rle, left, top, width and height")
                return
            }
            self = .runs(counts, left: left, top: top, width: width, height: height)
        default:
            self = .unusable("is a \(kind), not an outline: redraw it as a polygon, or remove it")
        }
    }

    /// Why there is no mask, for the end of a sentence.
    var problem: String {
        if case .unusable(let reason) = self { return reason }
        return "has a mask that does not fit the image"
    }

    /// The pixels whose centres are inside; nil where there is a ``problem``.
    func mask(size: Size) -> Mask? {
        switch self {
        case .polygon(let points): return Mask(polygons: [points], size: size)
        case .unusable: return nil
        case .runs(let counts, let left, let top, let width, let height):
            guard left >= 0, top >= 0, width > 0, height > 0, width <= size.width - left,
                height <= size.height - top
            else { return nil }
            var values = [UInt8](repeating: 0, count: size.area)
            var place = 0
            for (index, count) in counts.enumerated() {
                guard count <= width * height - place else { return nil }
                if index % 2 == 1 {
                    for pixel in place..<place + count {
                        values[(top + pixel / width) * size.width + left + pixel % width] = 1
                    }
                }
                place += count
            }
            return place == width * height
                ? Mask(width: size.width, height: size.height, values: values) : nil
        }
    }
}

/// The start tags of an XML text, in order.
///
/// Not a full XML parser, as those read document types and external entities, a known way of attack.
/// Comments, declarations and CDATA are passed over; the five named entities in attributes are read.
struct XMLTags: Sequence, IteratorProtocol {
    /// A start tag, or an empty element.
    struct Tag {
        let name: String
        let attributes: [String: String]
    }

    private let text: [UInt8]
    private var place = 0

    init(_ text: String) {
        self.text = Array(text.utf8)
    }

    mutating func next() -> Tag? {
        while let start = text[place...].firstIndex(of: UInt8(ascii: "<")) {
            place = start + 1
            guard place < text.count else { return nil }
            switch text[place] {
            case UInt8(ascii: "!"), UInt8(ascii: "?"), UInt8(ascii: "/"):
                skipMarkup()
            default:
                if let tag = tag() { return tag }
            }
        }
        return nil
    }

    private mutating func skipMarkup() {
        let rest = text[place...]
        let end: [UInt8] =
            rest.starts(with: Array("!--".utf8))
            ? Array("-->".utf8)
            : rest.starts(with: Array("![CDATA[".utf8)) ? Array("]]>".utf8) : Array(">".utf8)
        while place < text.count, !text[place...].starts(with: end) { place += 1 }
    }

    private mutating func tag() -> Tag? {
        let name = word()
        var attributes: [String: String] = [:]
        while true {
            skipSpace()
            guard place < text.count else { return nil }
            if text[place] == UInt8(ascii: ">") { break }
            if text[place] == UInt8(ascii: "/") {
                place += 1
                continue
            }
            let key = word()
            skipSpace()
            guard !key.isEmpty, place < text.count, text[place] == UInt8(ascii: "=") else {
                return nil
            }
            place += 1
            skipSpace()
            guard place < text.count, text[place] == 34 || text[place] == 39,
                let end = text[(place + 1)...].firstIndex(of: text[place])
            else { return nil }
            attributes[key] = Self.unescaped(
                String(decoding: text[(place + 1)..<end], as: UTF8.self))
            place = end + 1
        }
        return name.isEmpty ? nil : Tag(name: name, attributes: attributes)
    }

    private mutating func word() -> String {
        let start = place
        while place < text.count, !Self.ends.contains(text[place]) { place += 1 }
        return String(decoding: text[start..<place], as: UTF8.self)
    }

    private mutating func skipSpace() {
        while place < text.count, [9, 10, 13, 32].contains(text[place]) { place += 1 }
    }

    private static let ends = Set(" \t\r\n=/><\"'".utf8)

    private static func unescaped(_ text: String) -> String {
        guard text.contains("&") else { return text }
        // The ampersand last, so that `&amp;lt;` stays `&lt;`.
        return [("&quot;", "\""), ("&apos;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
            .reduce(text) { $0.replacing($1.0, with: $1.1) }
    }
}
