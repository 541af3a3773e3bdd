import FileIO
import Foundation
import Imaging

/// Imports images with label volumes of the same grid: nnU-Net's folders, or `images` and `labels`.
///
/// Images are PNG, JPEG, NIfTI or NRRD, labels PNG, NIfTI or NRRD. Each frame that has a label becomes
/// an image. Class numbers are those of the labels; names come from `dataset.json` of nnU-Net, from
/// the segments of 3D Slicer's `.seg.nrrd`, or from `classes.csv`.
struct VolumeImporter: Importer {
    /// How the folders are named.
    enum Layout {
        /// `imagesTr/CASE_0000.png`, `labelsTr/CASE.png`, `dataset.json`.
        case nnUNet
        /// `images/CASE.nii.gz`, `labels/CASE.nii.gz` or `labels/CASE.seg.nrrd`.
        case plain
    }

    let layout: Layout

    private static let endings = [".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".png", ".jpg", ".jpeg"]

    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        let root = source.nearest { folder in
            folder.folder([layout == .nnUNet ? "imagesTr" : "images"]) != nil
        }
        guard let root else {
            throw .wrongFormat(
                source: source.path,
                reason: layout == .nnUNet
                    ? "the folders 'imagesTr' and 'labelsTr' are missing"
                    : "the folders 'images' and 'labels' are missing")
        }
        var plan = ImportPlan(classNames: [])
        var pairs: [(image: String, label: String, name: String, split: Split?)] = []
        let folders: [(images: String, labels: String, split: Split?)] =
            layout == .nnUNet
            ? [("imagesTr", "labelsTr", .train), ("imagesTs", "labelsTs", .test)]
            : [("images", "labels", nil)]
        for folder in folders {
            guard let images = root.folder([folder.images]) else { continue }
            let labels = root.folder([folder.labels]).map { root.files(in: $0) } ?? []
            guard !labels.isEmpty || folder.split != .test else {
                plan.remarks.append(ImportProblem(images, "it has no labels; skipped"))
                continue
            }
            add(root.files(in: images), labels, folder.split, to: &plan, &pairs)
        }
        guard !pairs.isEmpty else {
            let reason = plan.problems.first.map { "\($0)" } ?? "there are no labels"
            throw .wrongFormat(source: source.path, reason: reason)
        }
        plan.hasSplit = Set(pairs.map(\.split)).count > 1
        var names = try classNames(root)
        names = try Self.completed(names, from: pairs.map(\.label), of: root)
        plan.classNames = names
        let count = names.count
        for pair in pairs {
            plan.items.append(
                ImportItem(source: pair.image, split: plan.hasSplit ? pair.split : nil) {
                    () throws(ImportProblem) in
                    try Self.images(pair.image, pair.label, named: pair.name, of: root, count)
                })
        }
        return plan
    }

    /// Finds the label of each image.
    private func add(
        _ images: [String], _ labels: [String], _ split: Split?, to plan: inout ImportPlan,
        _ pairs: inout [(image: String, label: String, name: String, split: Split?)]
    ) {
        var left = Dictionary(grouping: labels.filter { Self.ending($0) != nil }) {
            Self.caseName($0)
        }
        let severalChannels = Set(
            images.map(Self.caseName).filter { $0.contains(/_[0-9]{4}$/) && !$0.hasSuffix("_0000") }
                .map { String($0.dropLast(5)) })
        for image in images {
            guard Self.ending(image) != nil else {
                plan.remarks.append(ImportProblem(image, "it is not an image; skipped"))
                continue
            }
            var name = Self.caseName(image)
            if layout == .nnUNet {
                guard let channel = name.wholeMatch(of: /(.+)_([0-9]{4})/) else {
                    plan.problems.append(
                        ImportProblem(image, "its name does not end with '_0000'"))
                    continue
                }
                name = String(channel.1)
                guard !severalChannels.contains(name) else {
                    if channel.2 == "0000" {
                        left[name] = nil
                        plan.problems.append(
                            ImportProblem(
                                image, "its case has several channels; one is supported"))
                    }
                    continue
                }
            }
            guard let found = left.removeValue(forKey: name) else {
                plan.problems.append(ImportProblem(image, "its label is missing"))
                continue
            }
            guard found.count == 1 else {
                plan.problems.append(
                    ImportProblem(
                        image, "it has several labels: \(found.joined(separator: ", "))"))
                continue
            }
            pairs.append((image, found[0], name, split))
        }
        for label in left.values.joined().sorted() {
            plan.problems.append(ImportProblem(label, "its image is missing"))
        }
    }

    private static func ending(_ path: String) -> String? {
        endings.first { path.lowercased().hasSuffix($0) }
    }

    private static func caseName(_ path: String) -> String {
        String(path.lastComponent.dropLast(ending(path)?.count ?? 0))
    }

    /// The names that the dataset states, from class 1.
    private func classNames(_ root: SourceFolder) throws(ImportError) -> [String] {
        switch layout {
        case .nnUNet:
            guard let file = root.file("dataset.json") else { return [] }
            do throws(ImportProblem) {
                return try NNUNetDataset.names(root.data(file, limit: 64 << 20), file: file)
            } catch {
                throw .wrongFormat(source: root.path(file), reason: error.reason)
            }
        case .plain:
            guard let file = root.file("classes.csv"),
                let text = try? root.text(file, limit: 1 << 20)
            else { return [] }
            var names: [String] = []
            for row in CSV.rows(text).dropFirst() where row.count >= 2 {
                guard let number = Int(row[0]), (1...255).contains(number) else { continue }
                while names.count < number { names.append("class \(names.count + 1)") }
                names[number - 1] = row[1]
            }
            return names
        }
    }

    /// Adds names of segments, and numbers for classes that occur without a name.
    private static func completed(
        _ names: [String], from labels: [String], of root: SourceFolder
    ) throws(ImportError) -> [String] {
        var names = names
        for label in labels {
            // A file that cannot be read is reported when it is imported.
            guard let grid = try? LabelledGrid(label, of: root) else { continue }
            for segment in grid.segments where (1...255).contains(segment.value) {
                while names.count < segment.value { names.append("class \(names.count + 1)") }
                if names[segment.value - 1].hasPrefix("class ") {
                    names[segment.value - 1] = segment.name
                }
            }
            for frame in 0..<grid.frames {
                let largest = Int(grid.values(frame: frame).max() ?? 0)
                guard largest <= 255 else { continue }
                while names.count < largest { names.append("class \(names.count + 1)") }
            }
        }
        guard !names.isEmpty else {
            throw .wrongFormat(source: root.path, reason: "every label is empty")
        }
        return names
    }

    private static func images(
        _ image: String, _ label: String, named name: String, of root: SourceFolder, _ count: Int
    ) throws(ImportProblem) -> [ImportedImage] {
        let images = try LabelledGrid(image, of: root)
        let labels = try LabelledGrid(label, of: root)
        guard images.size == labels.size, images.frames == labels.frames else {
            throw ImportProblem(
                image,
                "it has \(counted(images.frames, "frame")) of \(images.size) pixels, its label "
                    + "'\(label)' \(counted(labels.frames, "frame")) of \(labels.size)")
        }
        if let one = images.nifti, let other = labels.nifti, !one.hasSameAxes(as: other) {
            throw ImportProblem(
                image,
                "its axes and its label's have different directions (sform or qform): store both "
                    + "in one orientation")
        }
        var imported: [ImportedImage] = []
        for frame in 0..<labels.frames {
            let values = labels.values(frame: frame)
            guard let largest = values.max(), largest > 0 || labels.frames == 1 else { continue }
            var pixels: [UInt8] = []
            pixels.reserveCapacity(values.count)
            for value in values {
                guard let number = UInt8(exactly: value), number <= count else {
                    throw ImportProblem(
                        label, "it has the value \(value); classes 1 to \(count) are known")
                }
                pixels.append(number)
            }
            let digits = String(frame + 1)
            let suffix =
                labels.frames > 1
                ? ".frame" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits : ""
            imported.append(
                ImportedImage(
                    name: name + suffix, image: try images.image(frame: frame),
                    label: Image(
                        width: labels.size.width, height: labels.size.height, channels: 1,
                        pixels: pixels),
                    spacing: images.spacing ?? labels.spacing))
        }
        return imported
    }
}

/// Frames of numbers from a PNG, JPEG, NIfTI or NRRD file.
private struct LabelledGrid {
    private enum Content {
        case image(Image, LabelValues?)
        case nifti(NIfTIVolume)
        case nrrd(NRRDVolume)
    }

    private let content: Content
    let size: Size
    let frames: Int
    let spacing: PixelSpacing?
    var segments: [FrameVolume.Segment] = []

    init(_ file: String, of root: SourceFolder) throws(ImportProblem) {
        let name = file.lowercased()
        let path = root.path(file)
        if name.hasSuffix(".nii") || name.hasSuffix(".nii.gz") {
            let volume: NIfTIVolume
            do throws(NIfTIError) {
                volume = try NIfTIVolume.read(path)
            } catch {
                throw ImportProblem(file, "\(error)".replacing("'\(path)'", with: "it"))
            }
            content = .nifti(volume)
            size = Size(height: volume.height, width: volume.width)
            (frames, spacing) = (volume.frames, volume.spacing)
        } else if name.hasSuffix(".nrrd") {
            let volume: NRRDVolume
            do throws(NRRDError) {
                volume = try NRRDVolume.read(path)
            } catch {
                throw ImportProblem(file, "\(error)".replacing("'\(path)'", with: "it"))
            }
            content = .nrrd(volume)
            size = Size(height: volume.height, width: volume.width)
            (frames, spacing) = (volume.frames, volume.spacing)
            segments = volume.segments
        } else {
            let image = try root.image(file)
            let values = try root.labelValues(file)
            content = .image(image, values.isLossy ? nil : values)
            size = image.size
            (frames, spacing) = (1, nil)
        }
    }

    var nifti: NIfTIVolume? {
        if case .nifti(let volume) = content { volume } else { nil }
    }

    /// The stored numbers of a frame.
    func values(frame: Int) -> [Double] {
        switch content {
        case .image(let image, let values):
            values.map { $0.values.map(Double.init) } ?? image.grey().pixels.map(Double.init)
        case .nifti(let volume): volume.values(frame: frame)
        case .nrrd(let volume): volume.values(frame: frame)
        }
    }

    /// A frame as an image of 8 bits, without any change of its values.
    func image(frame: Int) throws(ImportProblem) -> Image {
        switch content {
        case .image(let image, _): return image
        case .nifti, .nrrd:
            var pixels: [UInt8] = []
            pixels.reserveCapacity(size.area)
            for value in values(frame: frame) {
                guard let level = UInt8(exactly: value.rounded()), value.isFinite else {
                    throw ImportProblem(
                        "frame \(frame + 1)",
                        "it has the value \(value); grey levels from 0 to 255 are needed")
                }
                pixels.append(level)
            }
            return Image(width: size.width, height: size.height, channels: 1, pixels: pixels)
        }
    }
}

/// The names of classes in `dataset.json` of nnU-Net.
private enum NNUNetDataset {
    /// Version 2 has `{"tumour": 1}`, version 1 `{"1": "tumour"}`.
    private struct File: Decodable {
        let labels: [String: Value]
    }

    private enum Value: Decodable {
        case number(Int)
        case name(String)
        case region

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else if let name = try? container.decode(String.self) {
                self = .name(name)
            } else {
                self = .region
            }
        }
    }

    static func names(_ data: Data, file: String) throws(ImportProblem) -> [String] {
        guard let content = try? JSONDecoder().decode(File.self, from: data) else {
            throw ImportProblem(file, "an object 'labels' with names and numbers is needed")
        }
        var numbered: [Int: String] = [:]
        for (key, value) in content.labels {
            switch value {
            case .number(let number): numbered[number] = key
            case .name(let name):
                guard let number = Int(key) else {
                    throw ImportProblem(file, "the label '\(key)' has no number")
                }
                numbered[number] = name
            case .region:
                throw ImportProblem(
                    file, "'\(key)' is a region of several labels, which is not supported")
            }
        }
        numbered[0] = nil
        guard let largest = numbered.keys.max(), (1...255).contains(largest) else {
            throw ImportProblem(file, "labels from 1 to 255 are needed")
        }
        return (1...largest).map { numbered[$0] ?? "class \($0)" }
    }
}
