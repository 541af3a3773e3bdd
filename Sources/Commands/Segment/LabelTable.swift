import ArgumentParser
import FileIO
import Foundation
import Segmentation

/// Names of objects on the command line, in the order of the objects: `ventricle,atrium`.
struct ObjectNames: ExpressibleByArgument, Sendable {
    let names: [String]

    init?(argument: String) {
        names = argument.split(separator: ",", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        guard names.allSatisfy({ (1...200).contains($0.utf8.count) }) else { return nil }
    }
}

/// The value of each object in label images: the same in all images of a run.
///
/// Objects of one label have one value. The classes of a model have their own values, and so have
/// labels that are numbers from 1 to 255; names are numbered from 1 in the order in which they occur, and
/// numbers beside names are refused. An object without a label counts as `object 1`, by its place in the image.
struct LabelTable: Equatable, Sendable {
    /// A value and its label, as the JSON of results has them.
    struct Entry: Codable, Equatable, Sendable {
        let value: Int
        let label: String
    }

    /// All labels of the run, by value.
    let entries: [Entry]
    private let values: [String: UInt8]

    /// - Parameters:
    ///   - images: the images of the run.
    ///   - classes: the classes of the model; nil for a model of one object.
    /// - Throws: ``ExitError`` for more than 255 labels.
    init(_ images: [InputImage], classes: [ClassLabel]?) throws(ExitError) {
        if let classes {
            entries = classes.map { Entry(value: $0.value, label: $0.name) }
        } else {
            var labels: [String] = []
            var seen: Set<String> = []
            for image in images {
                for (place, object) in image.objects.enumerated() {
                    let label = Self.label(of: object, at: place)
                    if seen.insert(label).inserted { labels.append(label) }
                }
            }
            guard labels.count <= ClassLabel.largestCount else {
                throw ExitError(
                    .input,
                    "a label image has at most \(ClassLabel.largestCount) labels, and the objects "
                        + "have \(labels.count): leave --labels and --format labels out")
            }
            let numbers = labels.compactMap { Int($0) }
            let isNumbered = !numbers.isEmpty
            if isNumbered { try Self.check(numbers, of: labels) }
            entries = labels.enumerated().map { index, label in
                Entry(value: isNumbered ? numbers[index] : index + 1, label: label)
            }.sorted { $0.value < $1.value }
        }
        values = Dictionary(entries.map { ($0.label, UInt8(clamping: $0.value)) }) { first, _ in
            first
        }
    }

    /// Numbers must be the values: a label image in which 2 stands for the label 1 would be misread.
    private static func check(_ numbers: [Int], of labels: [String]) throws(ExitError) {
        let range = 1...ClassLabel.largestCount
        if let name = labels.first(where: { Int($0) == nil }) {
            throw ExitError(
                .input,
                "labels are either all numbers from 1 to \(range.upperBound) or all names; there are "
                    + "'\(name.visibleLine)' and \(numbers[0])")
        }
        if let number = numbers.first(where: { !range.contains($0) }) {
            throw ExitError(
                .input,
                "\(number) is no value of a label image: numbers from 1 to \(range.upperBound) are "
                    + "possible")
        }
        guard Set(numbers).count == numbers.count else {
            throw ExitError(.input, "two labels are the same number: write each number one way")
        }
    }

    /// The value of an object.
    ///
    /// - Parameters:
    ///   - object: an object of the run.
    ///   - place: its place in its image, from 0.
    /// - Returns: 1 to 255.
    func value(of object: ObjectPrompt, at place: Int) -> UInt8 {
        object.classValue ?? values[Self.label(of: object, at: place)] ?? 0
    }

    private static func label(of object: ObjectPrompt, at place: Int) -> String {
        object.label ?? "object \(place + 1)"
    }
}

extension SegmentJob {
    /// The job for a model: without a prompt, a model of several classes gives an object for each.
    ///
    /// - Parameter model: the model.
    /// - Returns: the job with all objects and with the values of label images.
    /// - Throws: ``ExitError`` where the model and the options do not go together.
    func fitted(to model: ModelDescription) throws(ExitError) -> SegmentJob {
        var images = allImages
        if let classes = model.classes {
            images = []
            for image in allImages { images.append(try image.splitting(into: classes, of: model)) }
        }
        var formats = formats
        if model.classes != nil, hasDefaultFormats, case .objects = mode { formats.insert(.labels) }
        var job = SegmentJob(
            images: images, shard: shard, mode: mode, outputFolder: outputFolder, formats: formats,
            hasDefaultFormats: hasDefaultFormats, existing: existing, promptFile: promptFile,
            spacing: spacing, writesSummary: writesSummary, printsJSONLines: printsJSONLines)
        if formats.contains(.labels) {
            job.labels = try LabelTable(images, classes: model.classes)
        }
        return job
    }
}

extension InputImage {
    /// The image with an object for each class in place of the one without a prompt.
    fileprivate func splitting(
        into classes: [ClassLabel], of model: ModelDescription
    ) throws(ExitError) -> InputImage {
        var objects: [ObjectPrompt] = []
        for object in self.objects {
            guard object.isPromptFree else {
                objects.append(object)
                continue
            }
            guard object.label == nil else {
                throw ExitError(
                    .input,
                    "'\(path.visibleLine)' has the prompt-free object '\(object.label ?? "")': "
                        + "\(model.name.visibleLine) segments \(classes.text); leave its label out")
            }
            objects += classes.map { label in
                var object = ObjectPrompt(label: label.name, isPromptFree: true)
                object.classValue = UInt8(clamping: label.value)
                return object
            }
        }
        return InputImage(
            path: path, frame: frame, name: name, fileName: fileName, objects: objects)
    }
}
