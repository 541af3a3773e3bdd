import FileIO
import Foundation
import Imaging

/// A dataset in the US30K layout to which a person adds one accepted image after the other.
///
/// Besides the layout's files it has `provenance/NAME.json`, which says how each label was made.
package struct AcceptedDataset: Sendable {
    /// An image with its label.
    package struct Entry: Sendable {
        let name: String
        let image: Image
        let label: Image
        /// The names of the classes in the label, from 1.
        let classNames: [String]
        let spacing: PixelSpacing?
        let provenance: [UInt8]

        /// - Parameters:
        ///   - name: of the files, without extension.
        ///   - image: the image.
        ///   - label: of the image's size; a pixel's value is its class.
        ///   - classNames: the names of all classes of the dataset, from 1.
        ///   - spacing: size of a pixel in mm, if it is known.
        ///   - provenance: the content of `provenance/NAME.json`.
        package init(
            name: String, image: Image, label: Image, classNames: [String],
            spacing: PixelSpacing?, provenance: [UInt8]
        ) {
            precondition(image.size == label.size, "image and label must have the same size")
            self.name = name
            self.image = image
            self.label = label
            self.classNames = classNames
            self.spacing = spacing
            self.provenance = provenance
        }
    }

    /// The folder of all datasets.
    package let root: String
    /// The dataset's name.
    package let name: String
    private var folder: String { "\(root)/\(name)" }

    /// - Parameters:
    ///   - root: the folder of all datasets.
    ///   - name: the dataset's name.
    package init(root: String, name: String) {
        self.root = root
        self.name = name
    }

    /// The names of the accepted images.
    package var names: Set<String> {
        let files =
            (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/provenance")) ?? []
        return Set(files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) })
    }

    /// How the label of an image was made; nil where none was accepted.
    ///
    /// - Parameter name: of the image.
    /// - Returns: the content of its file.
    /// - Throws: `FileReadError`.
    package func provenance(of name: String) throws(FileReadError) -> [UInt8]? {
        let path = "\(folder)/provenance/\(name).json"
        guard FileKind(path) != nil else { return nil }
        return try RegularFile.read(path, limit: 64 << 20)
    }

    /// The names of the classes, from 1; empty where nothing was accepted yet.
    ///
    /// - Returns: the second column of `classes.csv`.
    /// - Throws: ``ImportError/unreadable(path:reason:)`` for a table that cannot be read: a new one
    ///   would change the meaning of all labels.
    package func classNames() throws(ImportError) -> [String] {
        let path = "\(folder)/classes.csv"
        guard LayoutFile.exists(path) else { return [] }
        let names: [Int: String]
        do {
            names = try ClassTable.read(path)
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
        return try (0..<names.count).map { index throws(ImportError) in
            guard let name = names[index + 1] else {
                throw .unreadable(path: path, reason: "the class \(index + 1) is missing")
            }
            return name
        }
    }

    /// Completes what a killed process had begun, and removes its temporary files.
    ///
    /// - Throws: `FileError`.
    package func recover() throws {
        guard FileKind(folder) == .folder else { return }
        let lock = try FolderLock(root)
        try FileTransaction.recover(holding: lock)
        let folders = [root, folder, "\(root)/MainPatient"]
        for path in folders + ["img", "label", "provenance"].map({ "\(folder)/\($0)" }) {
            Leftovers.remove(in: path, isLocked: true)
        }
    }

    /// Adds an image, or replaces it; all files take their names together.
    ///
    /// The image is listed in `MainPatient/train-NAME.txt`, and in `train.txt` where there is one.
    ///
    /// - Parameters:
    ///   - check: called under the lock, before anything is written; may refuse.
    ///   - make: called after it; makes the entry.
    /// - Throws: errors of `check` and `make`, `ImportError`, `FileError`, `ImageError`.
    package func add(check: () throws -> Void, make: () throws -> Entry) throws {
        for part in ["img", "label", "provenance"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
        }
        try FileManager.default.createDirectory(
            atPath: "\(root)/MainPatient", withIntermediateDirectories: true)
        let lock = try FolderLock(root)
        try FileTransaction.recover(holding: lock)
        try check()
        let entry = try make()
        let lists = ImportedLists(
            root: root, dataset: name, classCount: max(entry.classNames.count, 1) + 1)
        let classes = Set(entry.label.pixels).subtracting([0]).map(Int.init).sorted()
        var transaction = FileTransaction()
        try transaction.add(entry.image.encodedPNG(), at: "\(folder)/img/\(entry.name).png")
        try transaction.add(entry.label.encodedPNG(), at: "\(folder)/label/\(entry.name).png")
        try transaction.add(entry.provenance, at: "\(folder)/provenance/\(entry.name).json")
        try transaction.add(Array(index(with: entry).utf8), at: "\(folder)/index.csv")
        let table =
            "class,name\n"
            + entry.classNames.enumerated().map { CSV.line(["\($0 + 1)", $1]) + "\n" }.joined()
        try transaction.add(Array(table.utf8), at: "\(folder)/classes.csv")
        let trained = ImportedLists.Entry(name: entry.name, split: .train, classes: classes)
        for list in try lists.files(adding: trained) {
            try transaction.add(Array(list.text.utf8), at: "\(root)/MainPatient/\(list.name)")
        }
        try transaction.commit(holding: lock)
    }

    /// Copies the dataset as it is now into another folder of datasets, without lists of a split.
    ///
    /// Images and labels are further names of the same files where the file system has these: a file
    /// that is accepted again is a new one, so that the copy never changes.
    ///
    /// - Parameters:
    ///   - target: the folder of datasets, made new.
    ///   - patient: the patient, or whatever must not be split, of an image's name.
    /// - Returns: the number of images.
    /// - Throws: `ImportError`, `FileError`, errors of the file system.
    package func copy(to target: String, patient: (String) -> String) throws -> Int {
        let lock = try FolderLock(root)
        try FileTransaction.recover(holding: lock)
        for part in ["img", "label"] {
            try FileManager.default.createDirectory(
                atPath: "\(target)/\(name)/\(part)", withIntermediateDirectories: true)
        }
        try FileManager.default.createDirectory(
            atPath: "\(target)/MainPatient", withIntermediateDirectories: true)
        var rows = [["name", "patient", "mm_x", "mm_y"]]
        let index = "\(folder)/index.csv"
        let spacings = Dictionary(
            LayoutFile.exists(index)
                ? CSV.rows(try LayoutFile.text(index, limit: 64 << 20)).dropFirst().compactMap {
                    $0.count == 4 ? ($0[0], [$0[2], $0[3]]) : nil
                } : []
        ) { first, _ in first }
        for image in names.sorted() {
            for part in ["img", "label"] {
                let file = "\(name)/\(part)/\(image).png"
                let (from, to) = ("\(root)/\(file)", "\(target)/\(file)")
                if link(from, to) != 0 {
                    try FileManager.default.copyItem(atPath: from, toPath: to)
                }
            }
            rows.append([image, patient(image)] + (spacings[image] ?? ["", ""]))
        }
        let classes = try classNames()
        let table =
            "class,name\n"
            + classes.enumerated().map { CSV.line(["\($0 + 1)", $1]) + "\n" }.joined()
        let counts = try JSON.encode([name: classes.count + 1], style: .indented, keys: .exact)
        for (file, content) in [
            ("\(name)/index.csv", Array(rows.map { CSV.line($0) + "\n" }.joined().utf8)),
            ("\(name)/classes.csv", Array(table.utf8)), ("MainPatient/class.json", counts),
        ] {
            try AtomicFile.write(content, to: "\(target)/\(file)")
        }
        return rows.count - 1
    }

    /// `index.csv` with the row of an image added or replaced.
    private func index(with entry: Entry) throws -> String {
        let path = "\(folder)/index.csv"
        var rows = [["name", "patient", "mm_x", "mm_y"]]
        if LayoutFile.exists(path) {
            rows += CSV.rows(try LayoutFile.text(path, limit: 64 << 20)).dropFirst().filter {
                $0.first != entry.name
            }
        }
        rows.append([
            entry.name, "", entry.spacing.map { "\($0.x)" } ?? "",
            entry.spacing.map { "\($0.y)" } ?? "",
        ])
        return rows.map { CSV.line($0) + "\n" }.joined()
    }
}

extension ImportedLists {
    /// The files to write when one image is added to the training list, or replaced in it.
    ///
    /// - Parameter entry: the image.
    /// - Returns: names and contents; `train.txt` only where it exists.
    /// - Throws: ``ImportError/unreadable(path:reason:)``.
    fileprivate func files(adding entry: Entry) throws -> [(name: String, text: String)] {
        var files = [(name: "class.json", text: try classes())]
        for name in ["train-\(dataset).txt", "train.txt"] {
            let path = "\(root)/MainPatient/\(name)"
            guard name != "train.txt" || LayoutFile.exists(path) else { continue }
            let former = LayoutFile.exists(path) ? try LayoutFile.text(path) : ""
            let others = former.split(whereSeparator: \.isNewline).map(String.init).filter {
                let parts = $0.split(separator: "/")
                return !(parts.suffix(2).elementsEqual([dataset[...], entry.name[...]]))
            }
            files.append((name, (others + lines(entry)).map { $0 + "\n" }.joined()))
        }
        return files
    }
}
