import FileIO
import Foundation
import Imaging

/// A dataset that is written to a temporary folder and takes its name when complete.
final class ImportTarget {
    private let root: String
    private let dataset: String
    private let folder: AtomicFolder

    /// Creates the folders.
    ///
    /// - Throws: ``ImportError/cannotWrite(path:reason:)``.
    init(root: String, dataset: String) throws(ImportError) {
        self.root = root
        self.dataset = dataset
        try Self.makeFolder("\(root)/MainPatient")
        do throws(FileError) {
            try FileTransaction.recover(in: root)
            Leftovers.remove(in: "\(root)/MainPatient")
            folder = try AtomicFolder("\(root)/\(dataset)")
        } catch {
            throw .cannotWrite(path: error.path, reason: error.reason)
        }
        for part in ["img", "label"] {
            try Self.makeFolder(folder.path(of: part))
        }
    }

    private static func makeFolder(_ path: String) throws(ImportError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .cannotWrite(path: path, reason: lastError())
        }
    }

    /// Writes an image and its label as PNG.
    ///
    /// - Parameters:
    ///   - image: the image.
    ///   - label: its label, as stored.
    ///   - name: without extension.
    /// - Throws: ``ImportError/cannotWrite(path:reason:)``, as when the disk is full.
    func write(_ image: Image, label: Image, name: String) throws(ImportError) {
        for (part, content) in [("img", image), ("label", label)] {
            let file = "\(part)/\(name).png"
            let bytes: [UInt8]
            do throws(ImageError) {
                bytes = try content.encodedPNG()
            } catch {
                throw .cannotWrite(path: "\(root)/\(dataset)/\(file)", reason: "\(error)")
            }
            try write(Data(bytes), to: file)
        }
    }

    /// Writes a text file into the dataset.
    func write(_ text: String, to name: String) throws(ImportError) {
        try write(Data(text.utf8), to: name)
    }

    private func write(_ data: Data, to file: String) throws(ImportError) {
        // Not flushed one by one: `commit` flushes all before the folder takes its name.
        guard FileManager.default.createFile(atPath: folder.path(of: file), contents: data) else {
            throw .cannotWrite(path: "\(root)/\(dataset)/\(file)", reason: Self.lastError())
        }
    }

    /// Replaces the dataset's folder and the lists together.
    ///
    /// - Parameters:
    ///   - replaces: whether an existing dataset of the name is replaced.
    ///   - lists: makes names and contents of files in `MainPatient`, merged with the lists that
    ///     exist at this moment.
    /// - Throws: ``ImportError``; the existing dataset then stays.
    func commit(
        replaces: Bool, lists: () throws(ImportError) -> [(name: String, text: String)]
    ) throws(ImportError) {
        sync()
        let lock: FolderLock
        do throws(FileError) {
            lock = try FolderLock(root)
            try FileTransaction.recover(holding: lock)
        } catch {
            throw .cannotWrite(path: error.path, reason: error.reason)
        }
        // Another process may have imported a dataset of this name meanwhile.
        try Self.checkTarget(root: root, dataset: dataset, replaces: replaces)
        let lists = try lists()
        do throws(FileError) {
            var transaction = FileTransaction()
            transaction.add(folder)
            for list in lists {
                try transaction.add(
                    Array(list.text.utf8), at: "\(root)/MainPatient/\(list.name)")
            }
            try transaction.commit(holding: lock)
        } catch {
            throw .cannotWrite(path: error.path, reason: error.reason)
        }
    }

    /// Refuses to replace a dataset without permission, or a folder with files of the user.
    ///
    /// - Throws: ``ImportError/exists(path:)``, ``ImportError/otherFiles(path:example:)``.
    static func checkTarget(
        root: String, dataset: String, replaces: Bool
    ) throws(ImportError) {
        let path = "\(root)/\(dataset)"
        guard FileKind(path) != nil else { return }
        guard replaces else { throw .exists(path: path) }
        if let example = fileOfUser(in: path) {
            throw .otherFiles(path: path, example: example)
        }
    }

    /// A file in a dataset's folder that no import wrote; nil where there is none.
    private static func fileOfUser(in folder: String) -> String? {
        guard FileKind(folder) == .folder else { return "" }
        let imported = (try? DatasetIndex.read(folder: folder, dataset: ""))?.rows ?? [:]
        for name in names(in: folder) {
            let path = "\(folder)/\(name)"
            switch name {
            case "index.csv", "classes.csv":
                guard FileKind(path) == .file else { return name }
            case "img", "label":
                guard FileKind(path) == .folder else { return name }
                for file in names(in: path) {
                    guard file.hasSuffix(".png"), imported[file.stem] != nil,
                        FileKind("\(path)/\(file)") == .file
                    else { return "\(name)/\(file)" }
                }
            default: return name
            }
        }
        return nil
    }

    private static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    private static func lastError() -> String { String(cString: strerror(errno)) }
}

/// The files of `MainPatient` with the entries of one dataset replaced.
struct ImportedLists {
    /// One image in the lists.
    struct Entry {
        let name: String
        let split: Split
        /// The classes in the label, from 1.
        let classes: [Int]
    }

    let root: String
    let dataset: String
    let classCount: Int

    /// The files to write; `class.json` first, as no list can be read without it.
    ///
    /// - Parameter entries: the dataset's images, in order.
    /// - Returns: names and contents.
    /// - Throws: ``ImportError/unreadable(path:reason:)`` when an existing file does not have the layout.
    func files(_ entries: [Entry]) throws(ImportError) -> [(name: String, text: String)] {
        var files = [(name: "class.json", text: try classes())]
        for split in Split.allCases {
            let own = entries.filter { $0.split == split }.flatMap(lines)
            let others = try others(in: split)
            let dataset = "\(split.rawValue)-\(dataset).txt"
            files.append(("\(split.rawValue).txt", text(others + own)))
            if !own.isEmpty || LayoutFile.exists(path(dataset)) {
                files.append((dataset, text(own)))
            }
        }
        return files
    }

    /// The lines of an image: one for each class in the label.
    ///
    /// With a single class, or an empty label, every class has a line: an empty mask is then right.
    /// In test lists `Dataset/NAME` means every class, as in the authors' program.
    func lines(_ entry: Entry) -> [String] {
        let all = Array(1..<classCount)
        let seen = entry.classes.isEmpty || all.count == 1 ? all : entry.classes
        if entry.split == .test && seen == all { return ["\(dataset)/\(entry.name)"] }
        return seen.map { "\($0)/\(dataset)/\(entry.name)" }
    }

    /// The lines of other datasets: from the common list or, without one, from the datasets' own lists,
    /// which the new common list would hide.
    private func others(in split: Split) throws(ImportError) -> [String] {
        let lists = DatasetList.all(root: root).filter { $0.split == split }
        let all = lists.filter { $0.dataset == nil }
        let names = DatasetFolder.names(of: dataset)
        var lines: [String] = []
        for list in all.isEmpty ? lists : all {
            guard let text = try? LayoutFile.text(list.path) else {
                throw .unreadable(path: list.path, reason: "a text file is needed")
            }
            lines += text.split(whereSeparator: \.isNewline).map(String.init).filter { line in
                let parts = line.split(separator: "/")
                return parts.count < 2 || !names.contains(String(parts[parts.count - 2]))
            }
        }
        return lines
    }

    func classes() throws(ImportError) -> String {
        var classes: [String: Int] = [:]
        if LayoutFile.exists(path("class.json")) {
            guard let data = try? RegularFile.read(path("class.json"), limit: 1 << 20),
                let older = try? JSON.decode([String: Int].self, from: data)
            else {
                throw .unreadable(
                    path: path("class.json"),
                    reason: "an object of datasets and their classes is needed")
            }
            classes = older
        }
        for name in DatasetFolder.names(of: dataset) { classes[name] = nil }
        classes[dataset] = classCount
        guard let text = try? JSON.encode(classes, style: .indented) else { return "{}\n" }
        return String(decoding: text, as: UTF8.self)
    }

    private func path(_ name: String) -> String { "\(root)/MainPatient/\(name)" }

    private func text(_ lines: [String]) -> String {
        lines.map { $0 + "\n" }.joined()
    }
}

/// The result of an import.
public struct ImportReport: Sendable {
    /// The dataset's name in the layout.
    public let dataset: String
    /// Number of imported images.
    public internal(set) var images = 0
    /// Number of images with an empty label.
    public internal(set) var empty = 0
    /// Number of images in each split.
    public internal(set) var splits: [Split: Int] = [:]
    /// Number of images with known mm per pixel.
    public internal(set) var withSpacing = 0
    /// Names of the classes, from class 1.
    public let classNames: [String]
    /// Whether the published split is used; else all images are in train.
    public let hasSplit: Bool
    /// Files that could not be imported.
    public internal(set) var problems: [ImportProblem]
    /// Skipped files, and notes on imported ones.
    public internal(set) var remarks: [ImportProblem]
    /// Notes on the whole dataset.
    public let notes: [String]
}

/// Progress of an import.
public struct ImportProgress: Sendable {
    /// Number of files or sequences read.
    public let done: Int
    /// Number of all files or sequences.
    public let total: Int
    /// The current file.
    public let file: String
}
