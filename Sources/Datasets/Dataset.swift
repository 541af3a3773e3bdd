import Foundation
import Imaging

/// Data sets in the US30K layout: `ROOT/<Dataset>/{img,label}/NAME.png`, and in `ROOT/MainPatient`
/// the lists `{train,val,test}[-<Dataset>].txt` and `class.json`.
public struct UltrasoundData: Sendable {
    /// The folder of all data sets.
    public let root: String
    /// Classes of each data set, background included.
    public let classes: [String: Int]
    let folders: [String: DataFolder]

    /// Reads `class.json` and each data set's `index.csv`, where there is one.
    ///
    /// - Parameter root: the folder of all data sets.
    /// - Throws: ``DataError`` when this is no such folder.
    public init(root: String) throws(DataError) {
        self.root = root
        classes = try ClassFile.read(root: root)
        var folders: [String: DataFolder] = [:]
        for dataset in classes.keys {
            folders[dataset] = try DataFolder(root: root, dataset: dataset)
        }
        self.folders = folders
    }

    /// The samples of a split, in the order of its list.
    ///
    /// A line is `class/Dataset/NAME` or `Dataset/NAME`, which means every class of the data set.
    /// Without a list of one data set its lines in the list of all are taken; without a list of
    /// all, those of the data sets one after the other.
    ///
    /// - Parameters:
    ///   - split: which list.
    ///   - dataset: one data set's list; all of them when nil.
    /// - Returns: at least one sample.
    /// - Throws: ``DataError`` when the list is missing, wrong or empty.
    public func samples(
        _ split: Split, of dataset: String? = nil
    ) throws(DataError) -> [Sample] {
        let lists = DataList.all(root: root).filter { $0.split == split }
        var samples: [Sample] = []
        let all = lists.filter { $0.dataset == nil }
        if let dataset {
            guard let wanted = known(dataset) else {
                let all = classes.keys.sorted().joined(separator: ", ")
                throw .empty(root: root, what: "data set '\(dataset)'; class.json has \(all)")
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

    /// Whether there is a list, of all data sets or of one.
    ///
    /// - Parameter split: which list.
    /// - Returns: whether a file of its name is there, readable or not.
    public func hasList(_ split: Split) -> Bool {
        DataList.all(root: root).contains { $0.split == split }
    }

    /// Samples that a list may have: as many lines as it may have can name 255 classes each.
    static let mostSamples = 10_000_000

    private func samples(_ list: DataList) throws(DataError) -> [Sample] {
        var samples: [Sample] = []
        for line in try LayoutFile.lines(list.path) {
            samples += try self.samples(of: line.text, number: line.number, path: list.path)
            guard samples.count <= Self.mostSamples else {
                throw .unreadable(
                    path: list.path, reason: "it has more than \(Self.mostSamples) samples")
            }
        }
        return samples
    }

    /// The samples that a line of a list names.
    ///
    /// - Throws: ``DataError/malformedLine(path:line:text:reason:)``.
    func samples(
        of line: String, number: Int, path: String
    ) throws(DataError) -> [Sample] {
        func malformed(_ reason: String) -> DataError {
            .malformedLine(path: path, line: number, text: line, reason: reason)
        }
        let parts = line.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
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
                throw malformed("'\(parts[0])' is no class from 1 to \(count - 1)")
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
        let row = folder.index.rows[name]
        let patient = row?.patient ?? PatientName.patient(dataset: dataset, name: name)
        let imagePath = folder.file("img", name)
        let labelPath = folder.file("label", name)
        return labels.map { label in
            Sample(
                dataset: dataset, name: name, label: label, classes: count, patient: patient,
                spacing: row?.spacing, imagePath: imagePath, labelPath: labelPath)
        }
    }

    /// The data set of a name as `class.json` has it; the authors' lists call one by two names.
    func known(_ dataset: String) -> String? {
        DataFolder.names(of: dataset).first { classes[$0] != nil }
    }
}

extension String {
    /// Whether it names something directly in a folder, and nothing else.
    var isPlainName: Bool {
        !isEmpty && self != "." && self != ".."
            && unicodeScalars.allSatisfy { $0.value >= 32 && $0 != "/" && $0 != "\\" }
    }
}

extension UltrasoundData {
    /// A number of samples and the files they are made of: equal where the same data was used.
    ///
    /// Of each file its size and at most 1 MiB count, of larger ones the beginning and the end. It
    /// does not depend on where the folder lies.
    ///
    /// - Parameter samples: in their order, which counts.
    /// - Returns: 16 hexadecimal digits.
    /// - Throws: ``DataError/unreadable(path:reason:)``.
    public static func hash(of samples: [Sample]) throws(DataError) -> String {
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
    /// - Throws: ``DataError/unreadable(path:reason:)``.
    mutating func add(contentOf path: String) throws(DataError) {
        let part = 512 << 10
        do {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw DataError.unreadable(path: path, reason: "there is no such file")
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
        } catch let error as DataError {
            throw error
        } catch {
            throw .unreadable(path: path, reason: "\(error.localizedDescription)")
        }
    }
}

/// The folder of one data set.
struct DataFolder: Sendable {
    /// Where it is; the other name of the data set where only that one exists.
    let path: String
    let index: DataIndex

    /// - Throws: ``DataError`` when its `index.csv` is wrong.
    init(root: String, dataset: String) throws(DataError) {
        let places = Self.names(of: dataset).map { "\(root)/\($0)" }
        path = places.first(where: LayoutFile.exists) ?? "\(root)/\(dataset)"
        index = try DataIndex.read(folder: path)
    }

    /// The names that a data set goes by, the given one first.
    static func names(of dataset: String) -> [String] {
        let twins = ["ThyroidGland-TG3K", "ThyroidNodule-TG3K"]
        return twins.contains(dataset) ? [dataset] + twins.filter { $0 != dataset } : [dataset]
    }

    /// Endings of images, the layout's own first.
    static let endings = ["png", "jpg", "jpeg", "PNG", "JPG", "JPEG"]

    /// An image's file, PNG or where there is none JPEG.
    ///
    /// - Parameters:
    ///   - part: `img` or `label`.
    ///   - name: the image's name without extension.
    /// - Returns: the PNG's path when there is no file at all.
    func file(_ part: String, _ name: String) -> String {
        let places = Self.endings.map { "\(path)/\(part)/\(name).\($0)" }
        return places.first(where: LayoutFile.exists) ?? places[0]
    }

    /// Names of the images in it, hidden files left out, sorted as people count.
    ///
    /// - Parameter part: `img` or `label`.
    /// - Returns: names without extension.
    func names(in part: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(part)")) ?? []
        let names = files.filter { file in
            !file.hasPrefix(".") && Self.endings.contains { file.hasSuffix(".\($0)") }
        }
        return Set(names.map(\.stem)).sorted { $0.precedes($1) }
    }
}

/// Why a data set cannot be read.
public enum DataError: Error, Equatable, Sendable {
    /// There is no data set in the US30K layout at this place, and why.
    case noData(root: String, reason: String)
    /// A file of the layout cannot be read.
    case unreadable(path: String, reason: String)
    /// A line of a list means nothing.
    case malformedLine(path: String, line: Int, text: String, reason: String)
    /// An image and its label are not of one size.
    case sizes(name: String, image: String, label: String)
    /// A split, or a part of it, holds nothing.
    case empty(root: String, what: String)
}

extension DataError: CustomStringConvertible {
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
