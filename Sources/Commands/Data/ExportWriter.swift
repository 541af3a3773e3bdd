import DICOM
import FileIO
import Foundation
import Imaging

/// Writes a folder of images and masks in one format; it takes its name when it is complete.
final class ExportWriter {
    private let path: String
    private let format: ExportFormat
    private let classes: [String]
    private let tolerance: Double
    private let folder: AtomicFolder
    private var coco: COCODataset
    /// Number of images with masks.
    private(set) var images = 0
    /// Number of masks.
    private(set) var objects = 0
    private(set) var notes: [String] = []
    private var cases = 0

    /// Makes the temporary folder.
    ///
    /// - Throws: ``FileError``.
    init(
        _ path: String, format: ExportFormat, classes: [String], tolerance: Double
    ) throws {
        self.path = path
        self.format = format
        self.classes = classes
        self.tolerance = tolerance
        coco = COCODataset(classes: classes)
        folder = try AtomicFolder(path)
        let parts: [String] =
            switch format {
            case .coco: ["images"]
            case .labelme, .xAnyLabeling: []
            case .nifti, .nrrd: ["images", "labels"]
            case .nnUNet: ["imagesTr", "labelsTr"]
            }
        for part in parts {
            try FileManager.default.createDirectory(
                atPath: folder.path(of: part), withIntermediateDirectories: true)
        }
    }

    /// Writes the images and masks of one file.
    ///
    /// - Throws: ``ExitError`` when nothing can be written; another error when this file cannot be
    ///   read.
    func add(_ source: ExportSource, _ reader: FrameReader) throws {
        switch format {
        case .coco, .labelme, .xAnyLabeling:
            for frame in source.frames {
                let input = try reader.read(source.path, frame: frame.number)
                try check(input.image, frame, source)
                let name = InputFiles.resultName(source.name, frame: frame.number)
                try add(input.image, frame, named: name)
            }
        case .nifti, .nrrd, .nnUNet:
            try addVolume(source, reader)
        }
    }

    private func check(
        _ image: Image, _ frame: ExportSource.Frame, _ source: ExportSource
    ) throws {
        guard let other = frame.objects.first(where: { $0.mask.size != image.size }) else {
            return
        }
        throw MeasureError.sizesDiffer(
            source.path, image.size, "its result", other.mask.size)
    }

    private func add(_ image: Image, _ frame: ExportSource.Frame, named name: String) throws {
        let png = try image.encodedPNG()
        switch format {
        case .coco:
            try write(png, "images/\(name).png")
            coco.add(image.size, frame, file: "images/\(name).png")
        default:
            try write(png, "\(name).png")
            let file = LabelmeDocument(
                frame, classes: classes, image: "\(name).png", size: image.size,
                tolerance: tolerance, isXAnyLabeling: format == .xAnyLabeling)
            if file.filledHoles > 0 {
                notes.append(
                    "\(name): X-AnyLabeling's polygons have no holes; \(file.filledHoles) filled")
            }
            try write(file.encoded(), "\(name).json")
        }
        images += 1
        objects += frame.objects.count { $0.mask.area > 0 }
    }

    /// All frames of a file on the grid of the file.
    private func addVolume(_ source: ExportSource, _ reader: FrameReader) throws {
        let count = try reader.frames(of: source.path) ?? 0
        let first = try reader.read(
            source.path, frame: count > 1 ? source.frames.first?.number ?? 1 : nil)
        let size = first.image.size
        for frame in source.frames { try check(first.image, frame, source) }
        guard count > 0, count <= FrameVolume.maximumVoxels / max(size.area, 1) else {
            throw ExportError.tooLarge(source.path, frames: count, size)
        }
        var pixels: FrameVolume
        if ImageFileKind(source.path) == .nifti {
            pixels = FrameVolume(onGridOf: try NIfTIVolume.read(source.path))
        } else {
            let object = source.frames.flatMap(\.objects).first { $0.mask.area > 0 }
            let calibration = object.map { first.pixelSize.calibration(of: $0.mask) }
            let spacing = source.spacing ?? calibration?.spacing
            if spacing == nil {
                let reason = calibration?.reason ?? "there is no mask"
                notes.append("\(source.path): 1 mm for each pixel, because \(reason)")
            }
            pixels = FrameVolume(size: size, frames: count, spacing: spacing)
        }
        var labels = pixels
        for index in 0..<count {
            let frame = try reader.read(source.path, frame: count > 1 ? index + 1 : nil)
            guard frame.image.size == size else {
                throw CineError.otherSize(frame.image.size, needed: size)
            }
            pixels.replace(frame: index, with: frame.image.grey().pixels)
        }
        for frame in source.frames {
            for object in frame.objects {
                labels.fill(
                    frame: (frame.number ?? 1) - 1, object.mask, with: UInt8(object.classNumber))
            }
            objects += frame.objects.count { $0.mask.area > 0 }
        }
        images += source.frames.count
        cases += 1
        let description = "samus \(ProgramVersion.current), \(ResearchNotice.text)"
        switch format {
        case .nrrd:
            let segments = classes.enumerated().map {
                FrameVolume.Segment(value: $0.offset + 1, name: $0.element)
            }
            try write(pixels.encodedNRRD(comment: description), "images/\(source.name).nrrd")
            try write(
                labels.encodedNRRD(comment: description, segments: segments),
                "labels/\(source.name).seg.nrrd")
        case .nnUNet:
            try write(
                pixels.encodedNIfTI(description: description),
                "imagesTr/\(source.name)_0000.nii.gz")
            try write(
                labels.encodedNIfTI(description: description), "labelsTr/\(source.name).nii.gz")
        default:
            try write(
                pixels.encodedNIfTI(description: description), "images/\(source.name).nii.gz")
            try write(
                labels.encodedNIfTI(description: description), "labels/\(source.name).nii.gz")
        }
    }

    /// Writes what is about all images, and gives the folder its name.
    ///
    /// - Throws: ``FileError``, and errors of encoding.
    func finish() throws {
        switch format {
        case .coco: try write(JSON.encode(coco), "annotations.json")
        case .nnUNet:
            try write(
                JSON.encode(
                    NNUNetFile(classes: classes, cases: cases), style: .indented, keys: .exact),
                "dataset.json")
        case .nifti, .nrrd:
            let rows = [["class", "name"]] + classes.enumerated().map { ["\($0 + 1)", $1] }
            try write(Array(rows.map { CSV.line($0) + "\n" }.joined().utf8), "classes.csv")
        case .labelme, .xAnyLabeling: break
        }
        sync()
        try folder.commit()
    }

    private func write(_ bytes: [UInt8], _ name: String) throws {
        // Not flushed one by one: `finish` flushes all before the folder takes its name.
        guard
            FileManager.default.createFile(
                atPath: folder.path(of: name), contents: Data(bytes))
        else {
            throw ExitError(
                .output,
                "'\(path)/\(name)' cannot be written: \(String(cString: strerror(errno)))")
        }
    }
}

/// Why a file cannot be exported.
enum ExportError: Error, Equatable, CustomStringConvertible {
    case tooLarge(String, frames: Int, Size)

    var description: String {
        switch self {
        case .tooLarge(let path, let frames, let size):
            "'\(path)' has \(frames) frames of \(size) pixels; a volume has at most "
                + "\(FrameVolume.maximumVoxels) voxels"
        }
    }
}

/// `annotations.json` of COCO.
struct COCODataset: Encodable {
    struct Info: Encodable {
        let description = "samus \(ProgramVersion.current), \(ResearchNotice.text)"
        let version = "1.0"
    }

    struct ImageEntry: Encodable {
        let id: Int
        let width: Int
        let height: Int
        let fileName: String
    }

    struct Category: Encodable {
        let id: Int
        let name: String
        let supercategory = ""
    }

    struct Annotation: Encodable {
        let id: Int
        let imageId: Int
        let categoryId: Int
        let segmentation: Segmentation
        let area: Int
        let bbox: [Int]
        let iscrowd = 0
    }

    /// Polygons along pixel edges, or run lengths for a mask with holes: both are exact.
    enum Segmentation: Encodable {
        case polygons([[Int]])
        case runLength(size: [Int], counts: String)

        private enum CodingKeys: String, CodingKey {
            case size, counts
        }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .polygons(let polygons):
                var container = encoder.singleValueContainer()
                try container.encode(polygons)
            case .runLength(let size, let counts):
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(size, forKey: .size)
                try container.encode(counts, forKey: .counts)
            }
        }
    }

    let info = Info()
    let licenses: [String] = []
    var images: [ImageEntry] = []
    var annotations: [Annotation] = []
    let categories: [Category]

    init(classes: [String]) {
        categories = classes.enumerated().map { Category(id: $0.offset + 1, name: $0.element) }
    }

    mutating func add(_ size: Size, _ frame: ExportSource.Frame, file: String) {
        images.append(
            ImageEntry(id: images.count + 1, width: size.width, height: size.height, fileName: file)
        )
        for object in frame.objects {
            guard let box = object.mask.boundingBox else { continue }
            // Parts that touch at a corner are separate polygons, each of which is simple.
            let contours = object.mask.contours(connectivity: .four)
            let runs = object.mask.runLength()
            annotations.append(
                Annotation(
                    id: annotations.count + 1, imageId: images.count,
                    categoryId: object.classNumber,
                    segmentation: contours.contains(where: \.isHole)
                        ? .runLength(size: [size.height, size.width], counts: runs.compressed)
                        : .polygons(contours.map { $0.corners.flatMap { [$0.x, $0.y] } }),
                    area: object.mask.area,
                    bbox: [box.x0, box.y0, box.width, box.height]))
        }
    }
}

/// `dataset.json` of nnU-Net, version 2.
struct NNUNetFile: Encodable {
    let classes: [String]
    let cases: Int

    /// Names as nnU-Net spells them.
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(["0": "ultrasound"], forKey: Key("channel_names"))
        var labels = ["background": 0]
        for (index, name) in classes.enumerated() { labels[name] = index + 1 }
        try container.encode(labels, forKey: Key("labels"))
        try container.encode(cases, forKey: Key("numTraining"))
        try container.encode(".nii.gz", forKey: Key("file_ending"))
        try container.encode(
            "samus \(ProgramVersion.current), \(ResearchNotice.text)", forKey: Key("description"))
    }
}
