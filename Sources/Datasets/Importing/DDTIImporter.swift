import Foundation
import Imaging

/// Imports DDTI, thyroid nodules (Pedraza et al., 2015).
///
/// `1.xml` describes a patient and has the contours in `1_1.jpg` as `<mark><image>1</image>
/// <svg>[{"points": [{"x": 10, "y": 20}, …]}]</svg></mark>`.
///
/// A pixel is inside when its centre is in a contour. An image without a contour is skipped, as it
/// may still show a nodule.
struct DDTIImporter: Importer {
    private struct Region: Decodable {
        struct Point: Decodable {
            let x, y: Double
        }
        let points: [Point]
    }

    private static let maximumPoints = 100_000

    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let root = source.nearest { folder in
            folder.files().contains { $0.lowercased().hasSuffix(".xml") }
        }
        guard let root else {
            throw .wrongFormat(source: source.path, reason: "there is no '1.xml'")
        }
        var plan = ImportPlan(classNames: ["nodule"], detailColumns: ["tirads"])
        let files = root.files()
        var imageFiles: [String: String] = [:]
        for file in files where file.isImage { imageFiles[file.stem] = file }
        for file in files where file.lowercased().hasSuffix(".xml") {
            do throws(ImportProblem) {
                try add(file, of: root, &imageFiles, to: &plan)
            } catch {
                plan.problems.append(error)
            }
        }
        for imageFile in imageFiles.values.sorted(by: { $0.precedes($1) }) {
            plan.remarks.append(ImportProblem(imageFile, "no contour in any XML file; skipped"))
        }
        return plan
    }

    /// Adds the images of one XML file, and removes them from the images without description.
    private func add(
        _ file: String, of root: SourceFolder, _ imageFiles: inout [String: String],
        to plan: inout ImportPlan
    ) throws(ImportProblem) {
        let document = ElementScanner(try root.text(file, limit: 16 << 20))
        let marks = document.elements("mark")
        guard !marks.isEmpty else { throw ImportProblem(file, "it has no element 'mark'") }
        let level = document.elements("tirads").first?.content ?? ""
        var contours: [String: [[PixelPoint]]] = [:]
        for mark in marks {
            let number = mark.elements("image").first?.content ?? ""
            let text = mark.elements("svg").first?.content ?? ""
            guard !text.isEmpty else { continue }
            let name = "\(file.stem)_\(number)"
            do throws(ImportProblem) {
                contours[name, default: []] += try Self.polygons(text, file: file, number: number)
            } catch {
                plan.problems.append(error)
                // An image with only some of its nodules must not be imported.
                imageFiles[name] = nil
            }
        }
        for (name, polygons) in contours.sorted(by: { $0.key.precedes($1.key) }) {
            guard !polygons.isEmpty else { continue }
            guard let imageFile = imageFiles.removeValue(forKey: name) else {
                if !plan.problems.contains(where: { $0.file == file }) {
                    plan.problems.append(
                        ImportProblem(file, "the image '\(name).jpg' is missing"))
                }
                continue
            }
            var item = ImportItem(source: imageFile) { () throws(ImportProblem) in
                let image = try root.image(imageFile)
                let mask = Mask(polygons: polygons, size: image.size)
                guard mask.area > 0 else {
                    throw ImportProblem(imageFile, "its contours in \(file) enclose no pixel of it")
                }
                let label = Image(
                    width: image.width, height: image.height, channels: 1, pixels: mask.values)
                return [ImportedImage(name: name, image: image, label: label)]
            }
            item.patient = "ddti\(file.stem)"
            item.details["tirads"] = level
            plan.items.append(item)
        }
    }

    private static func polygons(
        _ text: String, file: String, number: String
    ) throws(ImportProblem) -> [[PixelPoint]] {
        let regions: [Region]
        do {
            regions = try JSONDecoder().decode([Region].self, from: Data(text.utf8))
        } catch {
            throw ImportProblem(
                file, "the contours of image \(number) are not a list of points, or truncated")
        }
        guard regions.allSatisfy({ $0.points.allSatisfy { $0.x.isFinite && $0.y.isFinite } }) else {
            throw ImportProblem(file, "a point of image \(number) is not a number")
        }
        let count = regions.reduce(0) { $0 + $1.points.count }
        guard count <= maximumPoints else {
            throw ImportProblem(
                file, "image \(number) has \(count) points; at most 100000 are supported")
        }
        return regions.map { $0.points.map { PixelPoint(x: $0.x, y: $0.y) } }
            .filter { $0.count > 2 }
    }
}

/// Finds elements by name in the XML of DDTI.
///
/// Not a full XML parser, as those read document types and external entities, a known way of attack.
/// It reads start and end tags, CDATA and the five named entities.
struct ElementScanner {
    private let text: Substring.UTF8View

    init(_ text: String) {
        self.text = text[...].utf8
    }

    private init(_ text: Substring.UTF8View) {
        self.text = text
    }

    /// The content of each element of a name, in order; without elements that have no end tag.
    func elements(_ name: String) -> [ElementScanner] {
        var found: [ElementScanner] = []
        var rest = text
        while let start = Self.tag(name, in: rest) {
            guard let end = Self.find("</\(name)>", in: rest[start...]) else { break }
            found.append(ElementScanner(rest[start..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return found
    }

    /// The text, trimmed, with entities replaced.
    var content: String {
        var content = Substring(text)[...]
        if let start = Self.find("<![CDATA[", in: content.utf8),
            let end = Self.find("]]>", in: content.utf8[start.upperBound...])
        {
            return Self.trimmed(content[start.upperBound..<end.lowerBound])
        }
        var result = ""
        while let index = content.firstIndex(of: "&") {
            result += content[..<index]
            content = content[index...]
            let entity = Self.entities.first { content.hasPrefix($0.name) }
            result += entity?.text ?? "&"
            content = content.dropFirst(entity?.name.count ?? 1)
        }
        return Self.trimmed((result + content)[...])
    }

    private static let entities: [(name: String, text: String)] = [
        ("&quot;", "\""), ("&apos;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"),
        ("&#34;", "\""), ("&#39;", "'"),
    ]

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop(while: \.isWhitespace)
        return String(start.reversed().drop(while: \.isWhitespace).reversed())
    }

    /// The start of the content of the next element of a name.
    private static func tag(_ name: String, in text: Substring.UTF8View) -> String.Index? {
        var rest = text
        while let start = find("<\(name)", in: rest) {
            rest = rest[start.upperBound...]
            guard let next = rest.first else { return nil }
            if next == UInt8(ascii: ">") { return rest.index(after: rest.startIndex) }
            // `<marks>` is not `<mark …>`.
            guard next == 32 || next == 9 || next == 10 || next == 13 else { continue }
            return rest.firstIndex(of: UInt8(ascii: ">")).map { rest.index(after: $0) }
        }
        return nil
    }

    private static func find(
        _ word: String, in text: Substring.UTF8View
    ) -> Range<String.Index>? {
        let word = Array(word.utf8)
        var rest = text
        while let start = rest.firstIndex(of: word[0]) {
            rest = rest[start...]
            if rest.starts(with: word) {
                return start..<rest.index(start, offsetBy: word.count)
            }
            rest = rest.dropFirst()
        }
        return nil
    }
}
