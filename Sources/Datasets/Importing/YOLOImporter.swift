import Foundation
import Imaging

/// Imports YOLO segmentation.
///
/// `…/labels/…/NAME.txt` has the objects of `…/images/…/NAME.jpg` as lines `class x1 y1 x2 y2 …`, in
/// fractions of the image's width and height; `data.yaml` has the class names.
///
/// An image without a text file has no object. Where classes overlap, the later object is used.
struct YOLOImporter: Importer {
    private static let maximumNumbers = 200_001

    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let imported = source.allFiles().filter { $0.isImage && Self.labels($0) != nil }
        guard !imported.isEmpty else {
            throw .wrongFormat(source: source.path, reason: "there is no folder 'images'")
        }
        let texts = source.allFiles().filter {
            $0.hasSuffix(".txt") && $0.components(separatedBy: "/").contains("labels")
        }
        guard !texts.isEmpty else {
            throw .wrongFormat(
                source: source.path, reason: "there is no folder 'labels' with text files")
        }
        var plan = ImportPlan(classNames: try Self.names(source))
        if plan.classNames.isEmpty {
            plan.classNames = try Self.numbers(texts, in: source).map { "class \($0)" }
            plan.notes.append("data.yaml is missing or has no names: classes are numbered")
        }
        plan.hasSplit = imported.contains { Self.split($0) != nil }
        var left = Set(texts)
        let sameName = Dictionary(grouping: imported) { Self.labels($0) ?? "" }
        let count = plan.classNames.count
        for file in imported {
            let labels = Self.labels(file) ?? ""
            if let other = sameName[labels]?.first(where: { $0 != file }) {
                left.remove(labels)
                plan.problems.append(
                    ImportProblem(
                        file,
                        "'\(other.lastComponent)' has the same name: whose objects"
                            + " '\(labels)' holds is unknown"))
                continue
            }
            let text = left.remove(labels)
            plan.items.append(
                ImportItem(source: file, split: Self.split(file)) {
                    () throws(ImportProblem) in
                    let image = try source.image(file)
                    var label = DrawnLabel(size: image.size)
                    if let text {
                        for line in try source.text(text).split(whereSeparator: \.isNewline) {
                            let object = try Self.object(line, file: text, classes: count)
                            label.draw(
                                Mask(polygons: [object.polygon(in: image.size)], size: image.size),
                                as: UInt8(object.number + 1))
                        }
                    }
                    return [label.image(image, name: file.stem)]
                })
        }
        for text in left.sorted() {
            plan.problems.append(ImportProblem(text, "its image is missing"))
        }
        return plan
    }

    /// The text file of an image: the last folder `images` becomes `labels`.
    private static func labels(_ file: String) -> String? {
        var parts = file.components(separatedBy: "/")
        guard let index = parts.dropLast().lastIndex(of: "images") else { return nil }
        parts[index] = "labels"
        parts[parts.count - 1] = file.stem + ".txt"
        return parts.joined(separator: "/")
    }

    private static func split(_ file: String) -> Split? {
        file.components(separatedBy: "/").dropLast().compactMap { Split(folderNamed: $0) }.last
    }

    private static func names(_ source: SourceFolder) throws(ImportError) -> [String] {
        let files = source.files().filter {
            $0.lowercased().hasSuffix(".yaml") || $0.lowercased().hasSuffix(".yml")
        }
        for file in files {
            do throws(ImportProblem) {
                let names = YOLONames.read(try source.text(file, limit: 1 << 20))
                if !names.isEmpty { return names }
            } catch {
                throw .unreadable(path: source.path(file), reason: error.reason)
            }
        }
        return []
    }

    /// All class numbers from 0 to the largest that occurs.
    private static func numbers(
        _ texts: [String], in source: SourceFolder
    ) throws(ImportError) -> Range<Int> {
        var largest = 0
        for text in texts {
            // An unreadable file is reported later.
            let lines = (try? source.text(text))?.split(whereSeparator: \.isNewline) ?? []
            for line in lines {
                let number = line.split(separator: " ").first.flatMap { Int($0) } ?? 0
                largest = max(largest, number)
            }
        }
        guard largest < 255 else {
            throw .wrongFormat(
                source: source.path, reason: "class \(largest) is too large; 0 to 254 are supported"
            )
        }
        return 0..<largest + 1
    }

    private struct Object {
        let number: Int
        /// Alternating x and y, in fractions of the image.
        let fractions: [Double]

        func polygon(in size: Size) -> [PixelPoint] {
            stride(from: 0, to: fractions.count, by: 2).map {
                PixelPoint(
                    x: fractions[$0] * Double(size.width) - 0.5,
                    y: fractions[$0 + 1] * Double(size.height) - 0.5)
            }
        }
    }

    private static func object(
        _ line: Substring, file: String, classes: Int
    ) throws(ImportProblem) -> Object {
        let words = line.split(maxSplits: maximumNumbers, whereSeparator: \.isWhitespace)
        guard let number = words.first.flatMap({ Int($0) }), (0..<classes).contains(number) else {
            throw ImportProblem(
                file, "'\(line.prefix(20))' does not begin with a class from 0 to \(classes - 1)")
        }
        guard words.count != 5 else {
            throw ImportProblem(file, "it holds a box, not an outline")
        }
        let fractions = words.dropFirst().compactMap { Double($0) }
        guard fractions.count == words.count - 1, fractions.count >= 6, fractions.count % 2 == 0,
            fractions.allSatisfy({ (-1...2).contains($0) })
        else {
            throw ImportProblem(
                file, "'\(line.prefix(20))…' is not a class and at least 3 points in fractions of 1"
            )
        }
        return Object(number: number, fractions: fractions)
    }
}

/// The classes' names in YOLO's `data.yaml`, in the four ways people write them.
///
/// ```yaml
/// names: [cyst, nodule]          # or {0: cyst, 1: nodule}
/// names:
///   - cyst                       # or 0: cyst
/// ```
enum YOLONames {
    /// - Parameter text: the whole file.
    /// - Returns: names from class 0; empty where the file has none.
    static func read(_ text: String) -> [String] {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .map { withoutComment(String($0)) }
        guard let start = lines.firstIndex(where: { $0.hasPrefix("names:") }) else { return [] }
        var inline = trimmed(String(lines[start].dropFirst("names:".count)))
        // A list in brackets may go over several lines.
        var next = start + 1
        while let opening = inline.first, "[{".contains(opening),
            !"]}".contains(inline.last ?? " "),
            next < lines.count
        {
            inline += " " + trimmed(lines[next])
            next += 1
        }
        var entries: [String]
        if inline.isEmpty {
            entries = lines[(start + 1)...]
                .prefix { $0.isEmpty || $0.first?.isWhitespace == true || $0.hasPrefix("-") }
                .map(trimmed).filter { !$0.isEmpty }
        } else {
            entries = inline.dropFirst().dropLast().split(separator: ",").map {
                trimmed(String($0))
            }
        }
        entries = entries.filter { !$0.isEmpty }
        var names: [Int: String] = [:]
        for (index, entry) in entries.enumerated() {
            if entry.hasPrefix("-") {
                names[index] = unquoted(trimmed(String(entry.dropFirst())))
            } else if let colon = entry.firstIndex(of: ":"), let number = Int(entry[..<colon]) {
                names[number] = unquoted(trimmed(String(entry[entry.index(after: colon)...])))
            } else {
                names[index] = unquoted(entry)
            }
        }
        guard let last = names.keys.max(), last < 255, names.keys.allSatisfy({ $0 >= 0 }) else {
            return []
        }
        return (0...last).map { names[$0] ?? "class \($0)" }
    }

    private static func withoutComment(_ line: String) -> String {
        line.hasPrefix("#")
            ? ""
            : line.split(separator: " #", omittingEmptySubsequences: false)
                .first.map(String.init) ?? line
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.drop(while: \.isWhitespace)
        return String(start.reversed().drop(while: \.isWhitespace).reversed())
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count > 1, let mark = text.first, "\"'".contains(mark), text.last == mark else {
            return text
        }
        return String(text.dropFirst().dropLast())
    }
}
