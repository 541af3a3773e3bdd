import FileIO
import Foundation
import Imaging

/// A dataset that is written to a temporary folder and renamed when complete.
final class ImportTarget {
    private let root: String
    private let dataset: String
    private let temporary: String
    private var isCommitted = false

    /// Creates the folders.
    ///
    /// - Throws: ``ImportError/cannotWrite(path:reason:)``.
    init(root: String, dataset: String) throws(ImportError) {
        self.root = root
        self.dataset = dataset
        let suffix = String(UInt64.random(in: 0 ... .max), radix: 36)
        temporary = "\(root)/.\(dataset).\(suffix).partial"
        for folder in ["\(root)/MainPatient", "\(temporary)/img", "\(temporary)/label"] {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw .cannotWrite(path: folder, reason: Self.lastError())
            }
        }
    }

    deinit {
        if !isCommitted { try? FileManager.default.removeItem(atPath: temporary) }
    }

    /// Writes an image and its label as PNG.
    ///
    /// - Parameters:
    ///   - image: the image.
    ///   - label: its label, as stored.
    ///   - name: without extension.
    /// - Throws: ``ImportError/cannotWrite(path:reason:)``, as when the disk is full.
    func write(_ image: Image, label: Image, name: String) throws(ImportError) {
        for (folder, content) in [("img", image), ("label", label)] {
            do throws(ImageError) {
                try write(Data(content.encodedPNG()), to: "\(folder)/\(name).png")
            } catch {
                throw .cannotWrite(
                    path: "\(root)/\(dataset)/\(folder)/\(name).png", reason: "\(error)")
            }
        }
    }

    private func write(_ data: Data, to path: String) throws(ImageError) {
        // Not flushed one by one: `commit` flushes all before the folder is renamed.
        guard FileManager.default.createFile(atPath: "\(temporary)/\(path)", contents: data) else {
            throw .cannotWrite(name: path, reason: Self.lastError())
        }
    }

    /// Writes a text file into the dataset.
    func write(_ text: String, to name: String) throws(ImportError) {
        guard
            FileManager.default.createFile(
                atPath: "\(temporary)/\(name)", contents: Data(text.utf8))
        else { throw .cannotWrite(path: "\(root)/\(dataset)/\(name)", reason: Self.lastError()) }
    }

    /// Renames the dataset folder, then replaces the lists.
    ///
    /// - Parameters:
    ///   - lists: names and contents of files in `MainPatient`.
    ///   - replaces: whether an existing dataset of the name is replaced.
    /// - Throws: ``ImportError``; the existing dataset then stays.
    func commit(lists: [(name: String, text: String)], replaces: Bool) throws(ImportError) {
        let final = "\(root)/\(dataset)"
        let older = "\(temporary).replaced"
        do throws(FileError) {
            var files = AtomicFileSet()
            for list in lists {
                try files.add(Array(list.text.utf8), at: "\(root)/MainPatient/\(list.name)")
            }
            sync()
            let hasOlder = replaces && rename(final, older) == 0
            guard rename(temporary, final) == 0 else {
                let error = FileError(path: final, reason: Self.lastError())
                if hasOlder { rename(older, final) }
                throw error
            }
            do throws(FileError) {
                try files.commit()
            } catch {
                rename(final, temporary)
                if hasOlder { rename(older, final) }
                throw error
            }
            isCommitted = true
            if hasOlder { try? FileManager.default.removeItem(atPath: older) }
        } catch {
            throw .cannotWrite(path: error.path, reason: error.reason)
        }
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
            if !own.isEmpty || FileManager.default.fileExists(atPath: path(dataset)) {
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

    private func classes() throws(ImportError) -> String {
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
