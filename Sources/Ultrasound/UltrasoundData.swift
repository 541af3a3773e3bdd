import Foundation
import Imaging

/// Data sets in the US30K layout: `ROOT/<Dataset>/{img,label}/NAME.png`, and in `ROOT/MainPatient`
/// the lists `{train,val,test}[-<Dataset>].txt` and `class.json`.
public struct UltrasoundData: Sendable {
    /// The folder of all data sets.
    public let root: String
    /// Classes of each data set, background included.
    public let classes: [String: Int]
    private let indices: [String: DataIndex]

    /// Reads `class.json` and each data set's `index.csv`, where there is one.
    ///
    /// - Parameter root: the folder of all data sets.
    /// - Throws: ``DataError`` when this is no such folder.
    public init(root: String) throws(DataError) {
        self.root = root
        classes = try Self.readClasses(root)
        var indices: [String: DataIndex] = [:]
        for dataset in classes.keys {
            indices[dataset] = try DataIndex.read(folder: "\(root)/\(dataset)")
        }
        self.indices = indices
    }

    /// The samples of a split, in the order of its list.
    ///
    /// A line is `class/Dataset/NAME` or `Dataset/NAME`, which means every class of the data set.
    ///
    /// - Parameters:
    ///   - split: which list.
    ///   - dataset: one data set's list; all of them when nil.
    /// - Returns: at least one sample.
    /// - Throws: ``DataError`` when the list is missing, wrong or empty.
    public func samples(
        _ split: Split, of dataset: String? = nil
    ) throws(DataError) -> [Sample] {
        let name = split.rawValue + (dataset.map { "-\($0)" } ?? "")
        let path = "\(root)/MainPatient/\(name).txt"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw .unreadable(path: path, reason: "there is no such text file")
        }
        var samples: [Sample] = []
        for (number, raw) in text.split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline
        )
        .enumerated() {
            let line = raw.trimmingCharacters(in: .whitespaces)
            guard !line.isEmpty else { continue }
            samples += try self.samples(of: line, number: number + 1, path: path)
        }
        guard !samples.isEmpty else { throw .empty(root: root, what: "samples in \(name).txt") }
        return samples
    }

    private func samples(
        of line: String, number: Int, path: String
    ) throws(DataError) -> [Sample] {
        func malformed(_ reason: String) -> DataError {
            .malformedLine(path: path, line: number, text: line, reason: reason)
        }
        let parts = line.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 || parts.count == 3, parts.allSatisfy({ !$0.isEmpty && $0 != ".." })
        else { throw malformed("'class/Dataset/NAME' or 'Dataset/NAME' is needed") }
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
        let row = indices[dataset]?.rows[name]
        return labels.map { label in
            Sample(
                dataset: dataset, name: name, label: label, classes: count, patient: row?.patient,
                spacing: row?.spacing, imagePath: "\(root)/\(dataset)/img/\(name).png",
                labelPath: "\(root)/\(dataset)/label/\(name).png")
        }
    }

    /// The data set of a name; the authors' lists call one set by two names.
    private func known(_ dataset: String) -> String? {
        if classes[dataset] != nil { return dataset }
        let twins = ["ThyroidGland-TG3K": "ThyroidNodule-TG3K"]
        let other = twins[dataset] ?? twins.first { $0.value == dataset }?.key
        return other.flatMap { classes[$0] == nil ? nil : $0 }
    }

    private static func readClasses(_ root: String) throws(DataError) -> [String: Int] {
        let path = "\(root)/MainPatient/class.json"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .noData(root: root, reason: "there is no MainPatient/class.json")
        }
        guard let classes = try? JSONDecoder().decode([String: Int].self, from: data),
            classes.values.allSatisfy({ (2...256).contains($0) })
        else {
            throw .unreadable(
                path: path, reason: "an object of data sets and their classes, 2 to 256, is needed")
        }
        return classes
    }
}

extension Sample {
    /// Reads the picture and its label.
    ///
    /// - Parameter limits: how large a picture is accepted.
    /// - Returns: the grey picture, and a label whose values are classes.
    /// - Throws: ``DataError`` when one cannot be read, or they are not of one size.
    public func read(limits: ImageLimits = .standard) throws(DataError) -> LabelledPicture {
        let image = try Self.read(imagePath, limits).grey()
        var label = try Self.read(labelPath, limits)
        if label.channels == 3 {
            label = label.grey()
        }
        guard image.size == label.size else {
            throw .sizes(
                picture: picture, image: "\(image.size)", label: "\(label.size)")
        }
        if classes == 2 {
            label.pixels = label.pixels.map { $0 == 0 ? 0 : 1 }
        }
        return LabelledPicture(image: image, label: label)
    }

    private static func read(_ path: String, _ limits: ImageLimits) throws(DataError) -> Image {
        do throws(ImageError) {
            return try Image.read(path, limits: limits)
        } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
    }
}
