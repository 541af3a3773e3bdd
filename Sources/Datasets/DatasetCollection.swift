import FileIO
import Foundation
import Imaging

/// Datasets in the US30K layout: `ROOT/<Dataset>/{img,label}/NAME.png`, and in `ROOT/MainPatient`
/// the lists `{train,val,test}[-<Dataset>].txt` and `class.json`.
public struct DatasetCollection: Sendable {
    /// The folder of all datasets.
    public let root: String
    /// Classes of each dataset, background included.
    public let classes: [String: Int]
    let folders: [String: DatasetFolder]
    private let patientPattern: PatientPattern?

    /// Reads `class.json` and each dataset's `index.csv`, where there is one.
    ///
    /// If an import or a split was killed while it replaced lists, the replacement is completed
    /// first.
    ///
    /// - Parameters:
    ///   - root: the folder of all datasets.
    ///   - patientPattern: the patients of images for which `index.csv` gives none; nil for the
    ///     names of the published datasets.
    /// - Throws: ``DatasetError`` when the folder does not have this layout.
    public init(root: String, patientPattern: PatientPattern? = nil) throws(DatasetError) {
        try self.init(root: root, patientPattern: patientPattern, isLocked: false)
    }

    init(
        root: String, patientPattern: PatientPattern? = nil, isLocked: Bool
    ) throws(DatasetError) {
        self.root = root
        self.patientPattern = patientPattern
        if !isLocked { try Self.recover(root: root) }
        classes = try ClassFile.read(root: root)
        var folders: [String: DatasetFolder] = [:]
        for dataset in classes.keys {
            folders[dataset] = try DatasetFolder(root: root, dataset: dataset)
        }
        self.folders = folders
    }

    /// Completes what a killed import or split began, and removes its temporary files.
    private static func recover(root: String) throws(DatasetError) {
        do throws(FileError) {
            try FileTransaction.recover(in: root)
        } catch {
            throw .unreadable(
                path: "\(root)/MainPatient",
                reason: "an import or a split was stopped while it wrote lists, and this cannot be"
                    + " completed: \(error)")
        }
        Leftovers.remove(in: "\(root)/MainPatient")
    }

    /// The samples of a split, in the order of its list.
    ///
    /// A line is `class/Dataset/NAME` or `Dataset/NAME`, which means every class of the dataset.
    /// Without a list of one dataset its lines in the common list are used; without a common list, the
    /// lists of all datasets.
    ///
    /// - Parameters:
    ///   - split: which list.
    ///   - dataset: one dataset's list; all of them when nil.
    /// - Returns: at least one sample.
    /// - Throws: ``DatasetError`` when the list is missing, wrong or empty.
    public func samples(
        _ split: Split, of dataset: String? = nil
    ) throws(DatasetError) -> [Sample] {
        let lists = DatasetList.all(root: root).filter { $0.split == split }
        var samples: [Sample] = []
        let all = lists.filter { $0.dataset == nil }
        if let dataset {
            guard let wanted = known(dataset) else {
                let all = classes.keys.sorted().joined(separator: ", ")
                throw .empty(root: root, what: "dataset '\(dataset)'; class.json has \(all)")
            }
            let own = lists.filter { $0.dataset.flatMap(known) == wanted }
            for list in own.isEmpty ? all : own {
                samples += try self.samples(list).filter { $0.dataset == wanted }
            }
        } else {
            for list in all.isEmpty ? lists : all { samples += try self.samples(list) }
        }
        guard !lists.isEmpty else {
            throw .unreadable(
                path: "\(root)/MainPatient/\(split.rawValue).txt", reason: "there is no such list")
        }
        guard !samples.isEmpty else {
            let part = dataset.map { " of '\($0)'" } ?? ""
            throw .empty(root: root, what: "samples in \(split.rawValue)\(part)")
        }
        return samples
    }

    /// Whether there is a list, common or of one dataset.
    ///
    /// - Parameter split: which list.
    /// - Returns: whether the file exists, readable or not.
    public func hasList(_ split: Split) -> Bool {
        DatasetList.all(root: root).contains { $0.split == split }
    }

    /// Largest number of samples in a list, as each line can name up to 255 classes.
    static let maximumSamples = 1_000_000

    private func samples(_ list: DatasetList) throws(DatasetError) -> [Sample] {
        var samples: [Sample] = []
        for line in try LayoutFile.lines(list.path) {
            samples += try self.samples(of: line.text, number: line.number, path: list.path)
            guard samples.count <= Self.maximumSamples else {
                throw .unreadable(
                    path: list.path, reason: "it has more than \(Self.maximumSamples) samples")
            }
        }
        return samples
    }

    /// The samples that a line of a list names.
    ///
    /// - Throws: ``DatasetError/malformedLine(path:line:text:reason:)``.
    func samples(
        of line: String, number: Int, path: String
    ) throws(DatasetError) -> [Sample] {
        func malformed(_ reason: String) -> DatasetError {
            .malformedLine(path: path, line: number, text: line, reason: reason)
        }
        // Programs on Windows write backslashes.
        let parts = line.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }
            .map(String.init)
        guard parts.count == 2 || parts.count == 3, parts.allSatisfy(\.isPlainName) else {
            throw malformed("'class/Dataset/NAME' or 'Dataset/NAME' is needed")
        }
        let name = parts[parts.count - 1]
        guard let dataset = known(parts[parts.count - 2]), let count = classes[dataset] else {
            throw malformed("class.json has no '\(parts[parts.count - 2])'")
        }
        var labels = Array(1..<count)
        if parts.count == 3 {
            guard let label = Int(parts[0]), labels.contains(label) else {
                throw malformed("'\(parts[0])' is not a class from 1 to \(count - 1)")
            }
            labels = [label]
        }
        return samples(dataset: dataset, name: name, labels: labels)
    }

    /// The samples of one image.
    ///
    /// - Parameters:
    ///   - dataset: one that `class.json` has.
    ///   - name: the image's name without extension.
    ///   - labels: which classes.
    /// - Returns: one sample a class.
    func samples(dataset: String, name: String, labels: [Int]) -> [Sample] {
        guard let folder = folders[dataset], let count = classes[dataset] else { return [] }
        let row = folder.index.row(of: name)
        let patient =
            row?.patient ?? patientPattern?.patient(of: name)
            ?? PatientName.patient(dataset: dataset, name: name)
        let imagePath = folder.file("img", name)
        let labelPath = folder.file("label", name)
        return labels.map { label in
            Sample(
                dataset: dataset, name: name, label: label, classes: count, patient: patient,
                spacing: row?.spacing, imagePath: imagePath, labelPath: labelPath)
        }
    }

    /// The dataset of a name as `class.json` has it; the authors' lists call one by two names.
    func known(_ dataset: String) -> String? {
        DatasetFolder.names(of: dataset).first { classes[$0] != nil }
    }
}

extension String {
    /// Whether it is a plain file name, without a path.
    var isPlainName: Bool {
        !isEmpty && self != "." && self != ".."
            && unicodeScalars.allSatisfy { $0.value >= 32 && $0 != "/" && $0 != "\\" }
    }
}

extension DatasetCollection {
    /// Whether a path leads to a file of the layout: a list, an index, an image or a label.
    ///
    /// - Parameter path: any path; links are followed.
    /// - Returns: false also where no file is at the path.
    public func hasFile(_ path: String) -> Bool {
        guard let file = FileIdentity(path) else { return false }
        let parts = folders.values.flatMap { [$0.path, "\($0.path)/img", "\($0.path)/label"] }
        return (["\(root)/MainPatient"] + parts).contains { folder in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return names.contains { FileIdentity("\(folder)/\($0)") == file }
        }
    }

    /// A hash of samples and their files, equal for equal data.
    ///
    /// Covers the size of each file and at most 1 MiB of its content (the beginning and the end). It
    /// does not depend on the folder's location.
    ///
    /// - Parameter samples: in their order, which matters.
    /// - Returns: 16 hexadecimal digits.
    /// - Throws: ``DatasetError/unreadable(path:reason:)``.
    public static func hash(of samples: [Sample]) throws(DatasetError) -> String {
        var fingerprint = Fingerprint()
        var seen: Set<String> = []
        for sample in samples {
            fingerprint.add(sample.id)
            fingerprint.add(sample.classes)
            for path in [sample.imagePath, sample.labelPath] where seen.insert(path).inserted {
                try fingerprint.add(contentOf: path)
            }
        }
        return fingerprint.text
    }
}

extension Fingerprint {
    /// Adds a file's size and content, at most its first and last 512 KiB.
    ///
    /// - Throws: ``DatasetError/unreadable(path:reason:)``.
    mutating func add(contentOf path: String) throws(DatasetError) {
        let part = 512 << 10
        do {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw DatasetError.unreadable(path: path, reason: "there is no such file")
            }
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }
            let size = Int(try file.seekToEnd())
            add(size)
            try file.seek(toOffset: 0)
            add(Array(try file.read(upToCount: min(size, part)) ?? Data()))
            let rest = min(max(size - part, 0), part)
            try file.seek(toOffset: UInt64(size - rest))
            add(Array(try file.read(upToCount: rest) ?? Data()))
        } catch let error as DatasetError {
            throw error
        } catch {
            throw .unreadable(path: path, reason: "\(error.localizedDescription)")
        }
    }
}

/// The folder of one dataset.
struct DatasetFolder: Sendable {
    /// The path; with the other name of the dataset where only that one exists.
    let path: String
    let index: DatasetIndex

    /// - Throws: ``DatasetError`` when its `index.csv` is wrong.
    init(root: String, dataset: String) throws(DatasetError) {
        let places = Self.names(of: dataset).map { "\(root)/\($0)" }
        path = places.first(where: LayoutFile.exists) ?? "\(root)/\(dataset)"
        index = try DatasetIndex.read(folder: path, dataset: dataset)
    }

    /// The names of a dataset, the given one first.
    static func names(of dataset: String) -> [String] {
        let twins = ["ThyroidGland-TG3K", "ThyroidNodule-TG3K"]
        return twins.contains(dataset) ? [dataset] + twins.filter { $0 != dataset } : [dataset]
    }

    /// Extensions of images, the preferred one first.
    static let extensions = ["png", "jpg", "jpeg", "PNG", "JPG", "JPEG"]

    /// The file of an image: PNG, or JPEG where there is no PNG.
    ///
    /// - Parameters:
    ///   - part: `img` or `label`.
    ///   - name: the image's name without extension.
    /// - Returns: the path; the PNG's where no file exists.
    func file(_ part: String, _ name: String) -> String {
        let places = Self.extensions.map { "\(path)/\(part)/\(name).\($0)" }
        return places.first(where: LayoutFile.exists) ?? places[0]
    }

    /// Names of the images, without hidden files, in numeric order.
    ///
    /// - Parameter part: `img` or `label`.
    /// - Returns: names without extension.
    func names(in part: String) -> [String] {
        Set(files(in: part).filter(Self.isImage).map(\.stem)).sorted { $0.precedes($1) }
    }

    /// Findings about the table, and about files that are not read or not clear.
    var findings: [DatasetFinding] {
        let dataset = path.lastComponent
        var findings = index.findings
        if let unmatched = index.unmatched(images: names(in: "img")) { findings.append(unmatched) }
        for part in ["img", "label"] {
            let files = files(in: part)
            let others = files.filter { !Self.isImage($0) }.sorted { $0.precedes($1) }
            if let first = others.first {
                findings.append(
                    DatasetFinding(
                        .otherFile, "\(dataset)/\(part)",
                        "\(others.count) files are not PNG or JPEG and are not read, such as"
                            + " '\(first)'"))
            }
            let groups = Dictionary(grouping: files.filter(Self.isImage), by: \.stem)
            findings += groups.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map {
                name, files in
                DatasetFinding(
                    .sameName, "\(dataset)/\(part)/\(name)",
                    "\(files.sorted().map { "'\($0)'" }.joined(separator: " and ")) have one name:"
                        + " only '\(file(part, name).lastComponent)' is read")
            }
        }
        return findings
    }

    private func files(in part: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(part)")) ?? []
        return files.filter { !$0.hasPrefix(".") }
    }

    private static func isImage(_ file: String) -> Bool {
        extensions.contains { file.hasSuffix(".\($0)") }
    }
}

/// Why a dataset cannot be read.
public enum DatasetError: Error, Equatable, Sendable {
    /// There is no dataset in the US30K layout in this folder.
    case noData(root: String, reason: String)
    /// A file of the layout cannot be read.
    case unreadable(path: String, reason: String)
    /// A line of a list cannot be read.
    case malformedLine(path: String, line: Int, text: String, reason: String)
    /// An image and its label have different sizes.
    case sizes(name: String, image: String, label: String)
    /// A split, or a part of it, is empty.
    case empty(root: String, what: String)
}

extension DatasetError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .noData(let root, let reason):
            "'\(root)' holds no data in the US30K layout: \(reason)"
        case .unreadable(let path, let reason):
            "'\(path)' cannot be read: \(reason)"
        case .malformedLine(let path, let line, let text, let reason):
            "'\(path)', line \(line), '\(text)': \(reason)"
        case .sizes(let name, let image, let label):
            "\(name): the image has \(image) pixels, its label \(label)"
        case .empty(let root, let what):
            "'\(root)' has no \(what)"
        }
    }
}
