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

    /// Refuses an image that its EXIF orientation turns while its masks have none.
    ///
    /// A mask of another shape than the stored image shows that it was drawn on the turned one; else
    /// nothing shows it.
    func checkOrientation(of relative: String, masks: [String]) throws(ImportProblem) {
        guard let turned = try? ImageOrientation.read(path(relative)), turned.exif != 1 else {
            return
        }
        for mask in masks {
            let own = try? ImageOrientation.read(path(mask))
            guard own?.exif == 1, own?.size != turned.upright || turned.size == turned.upright
            else { continue }
            throw ImportProblem(
                relative,
                "its EXIF orientation \(turned.exif) turns it, and its mask '\(mask)' has none, so"
                    + " that the mask may not fit: store the image upright without EXIF")
        }
    }

    /// Reads the values of a mask.
    func labelValues(_ relative: String) throws(ImportProblem) -> LabelValues {
        do throws(ImageError) {
            return try LabelValues.read(path(relative))
        } catch {
            throw ImportProblem(relative, error.reason(without: path(relative)))
        }
    }

    /// Reads an image with the union of masks as class 1.
    func image(
        _ relative: String, name: String, masks: [String], spacing: PixelSpacing? = nil,
        fullValue: Int? = nil
    ) throws(ImportProblem) -> ImportedImage {
        let image = try self.image(relative)
        try checkOrientation(of: relative, masks: masks)
        var values = [UInt8](repeating: 0, count: image.size.area)
        var remark: String?
        for path in masks {
            let (mask, note) = try labelValues(path).mask(fullValue: fullValue)
            guard mask.size == image.size else {
                throw ImportProblem(
                    relative, "it has \(image.size) pixels, its mask '\(path)' \(mask.size)")
            }
            remark = remark ?? note.map { "its mask '\(path)': \($0)" }
            for (index, value) in mask.values.enumerated() { values[index] |= value }
        }
        if !values.contains(0) { remark = "its mask covers the whole image" }
        let label = Image(width: image.width, height: image.height, channels: 1, pixels: values)
        return ImportedImage(
            name: name, image: image, label: label, spacing: spacing, remark: remark)
    }
}

extension ImageError {
    /// The message without the file's name.
    ///
    /// A name that is not UTF-8, such as one in GBK, cannot be opened.
    func reason(without name: String) -> String {
        if case .cannotRead = self, name.contains("\u{FFFD}") {
            return "its name is not UTF-8, so that it cannot be opened: rename the file"
        }
        return "\(self)".replacing("'\(name)'", with: "it")
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
        func onlyImages(_ files: [String]) -> [String] {
            files.filter { file in
                if !file.isImage { remarks.append(ImportProblem(file, "not an image; skipped")) }
                return file.isImage
            }
        }
        let masks = onlyImages(masks)
        let images = onlyImages(images)
        let exact = Dictionary(grouping: masks, by: \.stem)
        let withoutCase = Dictionary(grouping: masks) { $0.stem.lowercased() }
        let sameName = Dictionary(grouping: images, by: \.stem)
        var used: Set<String> = []
        for image in images {
            let names = keys(image.stem)
            let found =
                names.compactMap { exact[$0] }.first
                ?? names.compactMap { withoutCase[$0.lowercased()] }.first
            used.formUnion(found ?? [])
            guard let mask = found?.first else {
                problems.append(
                    ImportProblem(image, "it has no mask; '\(names[0])' is expected"))
                continue
            }
            if let found, found.count > 1 {
                let list = found.map { "'\($0.lastComponent)'" }.joined(separator: " and ")
                problems.append(ImportProblem(image, "it has several masks, \(list)"))
                continue
            }
            if let other = sameName[image.stem]?.first(where: { $0 != image }) {
                problems.append(
                    ImportProblem(
                        image,
                        "'\(other.lastComponent)' has the same name: whose mask"
                            + " '\(mask.lastComponent)' is, is unknown"))
                continue
            }
            pairs.append((image, mask))
        }
        // Names that differ in upper and lower case only must not share a mask.
        let shared = Dictionary(grouping: pairs, by: \.mask).filter { $0.value.count > 1 }
        pairs.removeAll { image, mask in
            guard shared[mask] != nil, !keys(image.stem).contains(mask.stem) else { return false }
            problems.append(
                ImportProblem(
                    image, "its mask '\(mask.lastComponent)' is of an image of another case"))
            return true
        }
        for mask in masks where !used.contains(mask) {
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
    /// The image of a name in a JSON file.
    enum Found {
        case image(String)
        case missing
        /// Files of this name that another folder or JSON file seems to own.
        case elsewhere([String])

        /// Words after "is not found".
        var reason: String {
            guard case .elsewhere(let files) = self else { return "" }
            let names = files.sorted().prefix(3).map { "'\($0)'" }.joined(separator: ", ")
            return files.count == 1
                ? "; \(names) is in another folder"
                : "; there are several of this name: \(names)"
        }
    }

    /// By lower-case path.
    private let files: [String: [String]]
    /// By lower-case file name.
    private let byName: [String: [String]]
    /// Folders that images are in, and the folders above them, in lower case.
    private let folders: Set<String>
    private let jsonFolders: Set<String>

    /// - Parameters:
    ///   - root: the source.
    ///   - jsonFiles: its JSON files.
    init(_ root: SourceFolder, jsonFiles: [String]) {
        let images = root.allFiles().filter(\.isImage)
        files = Dictionary(grouping: images) { $0.lowercased() }
        byName = Dictionary(grouping: images) { $0.lastComponent.lowercased() }
        folders = Set(images.flatMap { $0.parent.lowercased().components(separatedBy: "/") })
        jsonFolders = Set(jsonFiles.map(\.parent))
    }

    /// The images of the names in one JSON file; only images inside the source are found.
    ///
    /// A name is looked for beside the JSON file, in `images` and from the source's folder, then by
    /// its last parts where the folder that it names does not exist. Only if none of the names is
    /// found in these ways, an image anywhere in the source is taken, where it is the only one of its
    /// name and not of another split or JSON file.
    ///
    /// - Parameters:
    ///   - names: as the file has them; `\` means `/`, and the case of letters is ignored where no
    ///     image has the exact name.
    ///   - json: the JSON file.
    /// - Returns: for each name its image.
    func files(_ names: [String], near json: String) -> [Found] {
        let direct = names.map { place(of: $0, near: json) }
        let isElsewhere = direct.allSatisfy { $0 == nil }
        return zip(names, direct).map { name, place in
            if let place { return .image(place) }
            let last = Self.normalized(name).lastComponent.lowercased()
            let all = byName[last] ?? []
            let own = all.filter { isOwn($0, of: json) }
            guard isElsewhere, own.count == 1 else {
                return all.isEmpty ? .missing : .elsewhere(all)
            }
            return .image(own[0])
        }
    }

    private static func normalized(_ name: String) -> String {
        name.replacing("\\", with: "/")
    }

    private func place(of name: String, near json: String) -> String? {
        let folder = json.parent.isEmpty ? "" : json.parent + "/"
        var parts = Self.normalized(name).components(separatedBy: "/").filter { $0 != "." }
        while !parts.isEmpty {
            let name = parts.joined(separator: "/")
            for path in ["\(folder)\(name)", "images/\(name)", "\(folder)images/\(name)", name] {
                if let file = file(path) { return file }
            }
            // A folder that exists holds its images; another one was on the annotator's computer.
            let first = parts.removeFirst().lowercased()
            guard !folders.contains(first) || first.isEmpty else { return nil }
        }
        return nil
    }

    private func file(_ path: String) -> String? {
        let candidates = files[path.lowercased()] ?? []
        return candidates.first { $0 == path } ?? (candidates.count == 1 ? candidates[0] : nil)
    }

    /// Whether an image belongs to neither another split nor another JSON file.
    private func isOwn(_ image: String, of json: String) -> Bool {
        func splits(_ path: String) -> [Split] {
            path.components(separatedBy: "/").compactMap { Split(folderNamed: $0) }
        }
        if let split = splits(json).last, let other = splits(image.parent).last, split != other {
            return false
        }
        var folder = image.parent
        while !jsonFolders.contains(folder), !folder.isEmpty { folder = folder.parent }
        return !jsonFolders.contains(folder) || folder.isEmpty
            || "\(json.parent)/".hasPrefix("\(folder)/")
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
