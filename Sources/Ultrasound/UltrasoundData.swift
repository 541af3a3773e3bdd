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

    /// The samples of one picture.
    ///
    /// - Parameters:
    ///   - dataset: one that `class.json` has.
    ///   - name: the picture's name without extension.
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
