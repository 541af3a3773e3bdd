import FileIO
import Foundation
import Imaging

/// A folder of a source, with paths relative to it.
struct SourceFolder {
    let path: String

    /// The full path of a relative one.
    func path(_ relative: String) -> String {
        relative.isEmpty ? path : "\(path)/\(relative)"
    }

    /// The folders directly in a folder, without hidden ones, in numeric order.
    func folders(in relative: String = "") -> [String] {
        children(of: relative).filter { isFolder($0) }
    }

    /// The files directly in a folder, without hidden ones, in numeric order.
    func files(in relative: String = "") -> [String] {
        children(of: relative).filter { !isFolder($0) }
    }

    /// All files below a folder, at most 8 levels deep.
    func allFiles(in relative: String = "", depth: Int = 8) -> [String] {
        files(in: relative)
            + (depth > 0
                ? folders(in: relative).flatMap { allFiles(in: $0, depth: depth - 1) } : [])
    }

    /// The first existing subfolder of some names, ignoring case.
    func folder(_ names: [String], in relative: String = "") -> String? {
        let folders = folders(in: relative)
        for name in names {
            let found = folders.first { $0.lastComponent.lowercased() == name.lowercased() }
            if let found { return found }
        }
        return nil
    }

    /// The file of a name, ignoring case.
    func file(_ name: String, in relative: String = "") -> String? {
        files(in: relative).first { $0.lastComponent.lowercased() == name.lowercased() }
    }

    /// The nearest folder that meets a condition: this one or one at most two levels below, as users
    /// often give the folder around an unpacked archive.
    func nearest(where isRight: (SourceFolder) -> Bool) -> SourceFolder? {
        var candidates = [self]
        for _ in 0...2 {
            if let found = candidates.first(where: isRight) { return found }
            candidates = candidates.flatMap { candidate in
                candidate.folders().map { SourceFolder(path: candidate.path($0)) }
            }
        }
        return nil
    }

    /// Reads a text file in UTF-8 or Latin-1.
    ///
    /// - Parameters:
    ///   - relative: its path.
    ///   - limit: its largest size, in bytes.
    /// - Returns: the text, without a byte order mark.
    /// - Throws: ``ImportProblem`` when it is too large or no regular file.
    func text(_ relative: String, limit: Int = 64 << 20) throws(ImportProblem) -> String {
        let data = try data(relative, limit: limit)
        // Names in tables and lists are ASCII; older programs write other text in Latin-1.
        let decoded =
            String(data: data, encoding: .utf8) ?? String(data: data, encoding: .isoLatin1)
        guard let text = decoded else { throw ImportProblem(relative, "it is not text") }
        return text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
    }

    /// Reads a file after checking its kind and size.
    ///
    /// - Parameters:
    ///   - relative: its path.
    ///   - limit: its largest size, in bytes.
    /// - Returns: the content.
    /// - Throws: ``ImportProblem`` when it is too large or no regular file.
    func data(_ relative: String, limit: Int) throws(ImportProblem) -> Data {
        do throws(FileReadError) {
            return Data(try RegularFile.read(path(relative), limit: limit))
        } catch {
            throw ImportProblem(relative, error.reason)
        }
    }

    private func children(of relative: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path(relative))) ?? []
        return names.filter { !$0.hasPrefix(".") && $0 != "__MACOSX" }
            .sorted { $0.precedes($1) }
            .map { relative.isEmpty ? $0 : "\(relative)/\($0)" }
    }

    private func isFolder(_ relative: String) -> Bool {
        var status = stat()
        return stat(path(relative), &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}

extension String {
    /// After the last slash.
    var lastComponent: String {
        lastIndex(of: "/").map { String(self[index(after: $0)...]) } ?? self
    }

    /// Before the last slash; empty where there is none.
    var parent: String { lastIndex(of: "/").map { String(self[..<$0]) } ?? "" }

    /// The last component without its extension.
    var stem: String {
        let name = lastComponent
        return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    }

    /// Whether it has the extension of an image.
    var isImage: Bool {
        let endings = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "gif", "webp"]
        return endings.contains { lowercased().hasSuffix(".\($0)") }
    }

    /// Numeric order: `benign (2)` before `benign (10)`.
    func precedes(_ other: String) -> Bool {
        switch compare(other, options: [.numeric, .caseInsensitive]) {
        case .orderedAscending: true
        case .orderedDescending: false
        case .orderedSame: self < other
        }
    }
}

extension SourceFolder {
    /// Reads an image; equal red, green and blue become one channel.
    func image(_ relative: String) throws(ImportProblem) -> Image {
        let image: Image
        do throws(ImageError) {
            image = try Image.read(path(relative))
        } catch {
            throw ImportProblem(relative, error.reason(without: path(relative)))
        }
        guard image.channels == 3 else { return image }
        let isGrey = image.pixels.withUnsafeBufferPointer { pixels in
            stride(from: 0, to: pixels.count, by: 3).allSatisfy {
                pixels[$0] == pixels[$0 + 1] && pixels[$0] == pixels[$0 + 2]
            }
        }
        return isGrey ? image.grey() : image
    }

    /// Reads a mask of one object: JPEG above 127; PNG above 0, or above 127 with smooth edges.
    ///
    /// - Returns: the mask, and a note for the user.
    func mask(_ relative: String) throws(ImportProblem) -> (mask: Mask, remark: String?) {
        do throws(ImageError) {
            let mask = try Mask.read(path(relative))
            guard relative.lowercased().hasSuffix(".png"),
                let image = try? Image.read(path(relative))
            else { return (mask, nil) }
            let levels = image.levels
            guard levels.count > 2, let largest = levels.max(), largest > 127 else {
                return (mask, nil)
            }
            let values = image.highest().map { $0 > 127 ? 1 : 0 as UInt8 }
            return (
                Mask(width: image.width, height: image.height, values: values),
                "its mask has \(levels.count) grey levels; those above 127 are inside"
            )
        } catch {
            throw ImportProblem(relative, error.reason(without: path(relative)))
        }
    }

    /// Reads an image with the union of masks as class 1.
    func image(
        _ relative: String, name: String, masks: [String], spacing: PixelSpacing? = nil
    ) throws(ImportProblem) -> ImportedImage {
        let image = try self.image(relative)
        var values = [UInt8](repeating: 0, count: image.size.area)
        var remark: String?
        for path in masks {
            let (mask, words) = try mask(path)
            guard mask.size == image.size else {
                throw ImportProblem(
                    relative, "it has \(image.size) pixels, its mask '\(path)' \(mask.size)")
            }
            remark = remark ?? words
            for (index, value) in mask.values.enumerated() { values[index] |= value }
        }
        if !values.contains(0) { remark = "its mask covers the whole image" }
        let label = Image(width: image.width, height: image.height, channels: 1, pixels: values)
        return ImportedImage(
            name: name, image: image, label: label, spacing: spacing, remark: remark)
    }
}

extension Image {
    /// The largest of each pixel's channels.
    func highest() -> [UInt8] {
        guard channels == 3 else { return pixels }
        return stride(from: 0, to: pixels.count, by: 3).map {
            max(pixels[$0], pixels[$0 + 1], pixels[$0 + 2])
        }
    }

    /// The values that occur, of each pixel's largest channel.
    var levels: Set<Int> {
        var occurs = [Bool](repeating: false, count: 256)
        for value in highest() { occurs[Int(value)] = true }
        return Set(occurs.indices.filter { occurs[$0] })
    }

    /// The colours that occur, without greys; at most about 256.
    var colours: Set<[UInt8]> {
        guard channels == 3 else { return [] }
        var found: Set<[UInt8]> = []
        for place in stride(from: 0, to: pixels.count, by: 3) where found.count < 256 {
            let (red, green, blue) = (pixels[place], pixels[place + 1], pixels[place + 2])
            if red != green || green != blue { found.insert([red, green, blue]) }
        }
        return found
    }
}

extension ImageError {
    /// The message without the file's name.
    func reason(without name: String) -> String {
        "\(self)".replacing("'\(name)'", with: "it")
    }
}

/// Images paired with masks by name.
struct PairedFiles {
    var pairs: [(image: String, mask: String)] = []
    var problems: [ImportProblem] = []
    var remarks: [ImportProblem] = []

    /// - Parameters:
    ///   - images: files; other files than images are skipped.
    ///   - masks: files; other files than images are skipped.
    ///   - keys: possible mask names, without extension, for an image's name.
    init(images: [String], masks: [String], keys: (String) -> [String] = { [$0] }) {
        var byStem: [String: String] = [:]
        for mask in masks {
            guard mask.isImage else {
                remarks.append(ImportProblem(mask, "not an image; skipped"))
                continue
            }
            byStem[mask.stem.lowercased()] = mask
        }
        var used: Set<String> = []
        for image in images {
            guard image.isImage else {
                remarks.append(ImportProblem(image, "not an image; skipped"))
                continue
            }
            let names = keys(image.stem)
            guard let mask = names.compactMap({ byStem[$0.lowercased()] }).first else {
                problems.append(
                    ImportProblem(image, "it has no mask; '\(names[0])' is expected"))
                continue
            }
            used.insert(mask)
            pairs.append((image, mask))
        }
        for mask in masks where mask.isImage && !used.contains(mask) {
            problems.append(ImportProblem(mask, "the image of this mask is missing"))
        }
    }
}

extension ImportPlan {
    /// Adds pairs of images and masks of one object.
    ///
    /// - Parameters:
    ///   - files: the pairs.
    ///   - folder: their folder.
    ///   - prefix: prefix of each name, where two folders use equal names.
    ///   - split: the split of all of them.
    mutating func add(
        _ files: PairedFiles, in folder: SourceFolder, prefix: String = "", split: Split? = nil
    ) {
        problems += files.problems
        remarks += files.remarks
        items += files.pairs.map { image, mask in
            ImportItem(source: image, split: split) { () throws(ImportProblem) in
                [try folder.image(image, name: prefix + image.stem, masks: [mask])]
            }
        }
    }
}

/// Finds the images of a COCO source, whose JSON files refer to them in different ways.
struct ImageFinder {
    private let files: Set<String>
    private let byName: [String: [String]]

    init(_ root: SourceFolder) {
        let images = root.allFiles().filter(\.isImage)
        files = Set(images)
        byName = Dictionary(grouping: images, by: \.lastComponent)
    }

    /// - Parameters:
    ///   - name: the name in the JSON file; only images inside the source are found.
    ///   - json: the JSON file.
    /// - Returns: the image; nil where there is none or more than one.
    func file(_ name: String, near json: String) -> String? {
        let folder = json.parent.isEmpty ? "" : json.parent + "/"
        for path in ["\(folder)\(name)", "images/\(name)", "\(folder)images/\(name)", name]
        where files.contains(path) {
            return path
        }
        let candidates = byName[name.lastComponent] ?? []
        guard candidates.count > 1, let split = Split(folderNamed: json) else {
            return candidates.count == 1 ? candidates[0] : nil
        }
        let own = candidates.filter { Split(folderNamed: $0.parent.lastComponent) == split }
        return own.count == 1 ? own[0] : nil
    }
}

/// Makes names for files and lists: safe in a path, and unique even on file systems that ignore
/// case.
struct ImageNames {
    private var used: Set<String> = []

    /// - Parameter original: a name such as `benign (1)`; letters, digits, `.`, `-` and `_` stay.
    /// - Returns: a name such as `benign_1`, or `benign_1-2` if that is taken.
    mutating func unique(_ original: String) -> String {
        let safe = Self.safe(original)
        var name = safe
        var number = 1
        while !used.insert(name.lowercased()).inserted {
            number += 1
            name = "\(safe)-\(number)"
        }
        return name
    }

    /// - Parameter original: any text.
    /// - Returns: at most 200 bytes, never empty, without a leading dot.
    static func safe(_ original: String) -> String {
        var name = ""
        for character in original.precomposedStringWithCanonicalMapping {
            let isKept = character.isLetter || character.isNumber || "._-".contains(character)
            if isKept {
                name.append(character)
            } else if !name.isEmpty && name.last != "_" {
                name.append("_")
            }
        }
        // File systems allow 255 bytes; an extension and a number need some.
        while name.utf8.count > 200 { name.removeLast() }
        let trimmed = name.drop { $0 == "." || $0 == "_" }
        let end = trimmed.lastIndex { $0 != "_" && $0 != "." }
        return end.map { String(trimmed[...$0]) } ?? "image"
    }
}

/// A label on which objects are drawn in sequence.
struct DrawnLabel {
    private let size: Size
    private var values: [UInt8]
    private var hidden = 0

    init(size: Size) {
        self.size = size
        values = [UInt8](repeating: 0, count: size.area)
    }

    /// Draws an object over earlier ones.
    mutating func draw(_ mask: Mask, as label: UInt8) {
        for (index, value) in mask.values.enumerated() where value != 0 {
            if values[index] != 0 && values[index] != label { hidden += 1 }
            values[index] = label
        }
    }

    /// The image with this label, with a note on overlapping classes.
    func image(_ image: Image, name: String) -> ImportedImage {
        ImportedImage(
            name: name, image: image,
            label: Image(width: size.width, height: size.height, channels: 1, pixels: values),
            remark: hidden == 0
                ? nil : "classes overlap in \(hidden) pixels; the later one is used")
    }
}
