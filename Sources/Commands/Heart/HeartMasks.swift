import DICOM
import FileIO
import Foundation
import Imaging

/// The class numbers of a label file.
struct HeartLabels: Equatable {
    let ventricle: Int
    let atrium: Int
}

/// The masks of one frame.
struct HeartFrame {
    /// Of the view, from 1.
    let number: Int
    /// The file, and the frame in it where it has several.
    let source: String
    let ventricle: Mask
    /// nil where the atrium is not labelled.
    let atrium: Mask?
    let calibration: Calibration
}

/// The frames of one view, read one by one: masks, and images where they are known.
final class HeartMasks {
    /// A frame in a file.
    private struct Place {
        let path: String
        /// In a file with several frames, from 0.
        var index: Int?
        /// In the cine, from 1.
        var number: Int
    }

    private let places: [Place]
    private let imagePaths: [String]
    private let labels: HeartLabels
    private let spacing: SpacingSource
    private let reader = FrameReader()
    private let results: MeasuredMaskLoader
    private var volume: (path: String, volume: NIfTIVolume)?
    /// Of `track.json`.
    private let track: StoredTrack?
    /// Why the images of results cannot be shown.
    private(set) var notes: [String] = []
    /// The time of each frame in seconds; nil where it is not known.
    let times: [Double]?

    /// The largest number of frames.
    private static let largestCount = 100_000

    /// Finds the frames of a view.
    ///
    /// - Parameters:
    ///   - masks: files and folders, in order.
    ///   - images: one cine, or an image for each mask; empty where results name them.
    ///   - labels: the class numbers of label files.
    ///   - spacing: pixel sizes from the command line.
    /// - Throws: ``HeartError``, ``InputError``, and why a file cannot be read.
    init(
        _ masks: [String], images: [String], labels: HeartLabels, spacing: SpacingSource
    ) throws {
        self.labels = labels
        self.spacing = spacing
        results = MeasuredMaskLoader(spacing: spacing, imagePath: nil, frame: nil, otherPath: nil)
        let track = try masks.count == 1 ? StoredTrack.read(inFolder: masks[0]) : nil
        self.track = track
        var places: [Place] = []
        if let track {
            places = track.masks.map { Place(path: $0.path, number: $0.frame) }
        } else {
            for path in try MaskFiles.expand(masks) {
                var count = 1
                if ImageFileKind(path) == .nifti {
                    let volume = try NIfTIVolume.read(path)
                    self.volume = (path, volume)
                    count = volume.frames
                }
                guard places.count + count <= Self.largestCount else {
                    throw HeartError.tooManyFrames(Self.largestCount)
                }
                places += (0..<count).map {
                    Place(
                        path: path, index: count > 1 ? $0 : nil, number: places.count + 1 + $0)
                }
            }
        }
        guard !places.isEmpty else { throw InputError.noMasks(masks.first ?? "") }
        self.places = places
        var paths = images
        if paths.isEmpty, let cine = track?.cine.path { paths = [cine] }
        if images.count > 1, images.count != places.count {
            throw HeartError.numberOfImages(images.count, masks: places.count)
        }
        if images.isEmpty, let path = paths.first, FileKind(path) == nil {
            notes.append("the cine '\(path.visibleLine)' of the track is no longer there")
            paths = []
        }
        for path in images where FileKind(path) == nil { throw InputError.notFound(path) }
        imagePaths = paths
        let last = places.map(\.number).max() ?? 0
        if paths.count == 1, let frames = try reader.frames(of: paths[0]), frames > 1, last > frames
        {
            throw HeartError.shortCine(paths[0], frames: frames, masks: last)
        }
        if paths.count == 1, ImageFileKind(paths[0]) != .image || places.count == 1 {
            let all = try? reader.times(of: paths[0])
            times = all.flatMap { all in
                places.allSatisfy { $0.number <= all.count }
                    ? places.map { all[$0.number - 1] } : nil
            }
        } else {
            times = nil
        }
    }

    /// Number of frames.
    var count: Int { places.count }

    /// The number of a frame in its cine, from 1.
    ///
    /// - Parameter index: of the frame, from 0.
    /// - Returns: its number.
    func number(_ index: Int) -> Int { places[index].number }

    /// Every file that is read.
    var inputs: [String] { Set(places.map(\.path)).sorted() + imagePaths }

    /// Reads the masks of a frame.
    ///
    /// - Parameter index: from 0.
    /// - Returns: its masks.
    /// - Throws: why the file cannot be read, or has no ventricle.
    func frame(_ index: Int) throws -> HeartFrame {
        let place = places[index]
        let path = place.path
        let name = place.index.map { "\(path), frame \($0 + 1)" } ?? path
        if path.lowercased().hasSuffix(".json") { return try result(path, place.number) }
        let values: LabelValues
        var known: Calibration?
        if ImageFileKind(path) == .nifti {
            let volume = try openVolume(path)
            values = try labelValues(volume, frame: place.index ?? 0, path)
            known = volume.spacing.map { .known($0, source: "NIfTI header of the mask") }
        } else {
            values = try LabelValues.read(path)
            known = track?.calibration
        }
        let (ventricle, atrium) = split(values)
        if known == nil, let image = try image(index) {
            known = image.pixelSize.isStated ? image.pixelSize.calibration(of: ventricle) : nil
        }
        return HeartFrame(
            number: place.number, source: name, ventricle: ventricle, atrium: atrium,
            calibration: spacing.calibration(for: path)
                ?? known ?? .unknown(reason: "give --spacing or --spacing-table"))
    }

    /// The image of a frame; nil where it is not known.
    ///
    /// - Parameter index: from 0.
    /// - Returns: the image with what is known about its pixels.
    /// - Throws: why it cannot be read.
    func image(_ index: Int) throws -> InputFrame? {
        let place = places[index]
        if imagePaths.isEmpty {
            guard place.path.lowercased().hasSuffix(".json"),
                let stored = try results.masks(of: place.path).first, let path = stored.image,
                FileKind(path) != nil
            else { return nil }
            return try reader.read(path, frame: stored.frame)
        }
        if imagePaths.count > 1 { return try reader.read(imagePaths[index], frame: nil) }
        let frames = try reader.frames(of: imagePaths[0]) ?? 0
        return try reader.read(imagePaths[0], frame: frames == 1 ? nil : place.number)
    }

    private func openVolume(_ path: String) throws -> NIfTIVolume {
        if let volume, volume.path == path { return volume.volume }
        let opened = try NIfTIVolume.read(path)
        volume = (path, opened)
        return opened
    }

    private func labelValues(
        _ volume: NIfTIVolume, frame: Int, _ path: String
    ) throws -> LabelValues {
        let values = try volume.values(frame: frame).map { value in
            guard let label = UInt16(exactly: value) else {
                throw HeartError.notALabel(path, value: value)
            }
            return label
        }
        return LabelValues(width: volume.width, height: volume.height, values: values)
    }

    /// A file with one value besides 0 is the mask of the ventricle, any other one has classes.
    private func split(_ values: LabelValues) -> (ventricle: Mask, atrium: Mask?) {
        func mask(_ label: Int) -> Mask {
            Mask(
                width: values.width, height: values.height,
                values: values.values.map { Int($0) == label ? 1 : 0 })
        }
        let hasClasses = (values.levels.last ?? 0) <= LabelValues.largestClassNumber
        guard hasClasses, !values.isLossy, values.levels.count > 1 else {
            return (values.mask().mask, nil)
        }
        let hasAtrium = values.levels.contains(labels.atrium)
        return (mask(labels.ventricle), hasAtrium ? mask(labels.atrium) : nil)
    }

    private static let ventricleNames: Set = ["lv", "left ventricle", "ventricle"]
    private static let atriumNames: Set = ["la", "left atrium", "atrium"]

    private func result(_ path: String, _ number: Int) throws -> HeartFrame {
        let objects = try results.masks(of: path).filter { $0.candidate ?? 1 == 1 }
        func name(_ object: MeasuredMask) -> String {
            (object.label ?? "").lowercased().replacingOccurrences(of: "_", with: " ")
        }
        let named = objects.first { Self.ventricleNames.contains(name($0)) }
        guard let ventricle = named ?? (objects.count == 1 ? objects[0] : nil) else {
            throw HeartError.noVentricle(path, labels: objects.map { $0.label ?? "no label" })
        }
        let atrium = objects.first { Self.atriumNames.contains(name($0)) }
        return HeartFrame(
            number: ventricle.frame ?? number, source: path, ventricle: ventricle.mask,
            atrium: atrium?.mask, calibration: ventricle.calibration)
    }
}

/// What `track.json` says about the masks beside it.
private struct StoredTrack: Decodable {
    struct Cine: Decodable {
        let path: String
        let frames: Int
    }

    struct MaskFile {
        let frame: Int
        let path: String
    }

    let cine: Cine
    let spacingMm: [Double]?
    let spacingSource: String?
    let noMmReason: String?
    var masks: [MaskFile] = []

    private enum CodingKeys: String, CodingKey {
        case cine, spacingMm, spacingSource, noMmReason
    }

    /// Reads the record of a folder; nil where the folder has none.
    static func read(inFolder folder: String) throws -> StoredTrack? {
        let path = (folder as NSString).appendingPathComponent("track.json")
        guard FileKind(path) != nil else { return nil }
        var track: StoredTrack
        do {
            track = try JSON.decode(
                StoredTrack.self, from: RegularFile.read(path, limit: 64 << 20))
        } catch {
            throw HeartError.notATrack(path)
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names.sorted() {
            guard let match = name.wholeMatch(of: /.*\.frame([0-9]{1,9})\.mask\.png/),
                !name.hasSuffix(".smoothed.mask.png"), let frame = Int(match.1)
            else { continue }
            track.masks.append(
                .init(frame: frame, path: (folder as NSString).appendingPathComponent(name)))
        }
        track.masks.sort { $0.frame < $1.frame }
        return track
    }

    var calibration: Calibration? {
        if let spacingMm, spacingMm.count == 2, spacingMm.allSatisfy({ $0 > 0 && $0.isFinite }) {
            return .known(
                PixelSpacing(x: spacingMm[0], y: spacingMm[1]),
                source: spacingSource ?? "the track")
        }
        return noMmReason.map { .unknown(reason: $0) }
    }
}

/// Why the masks of a view cannot be used.
enum HeartError: Error, Equatable, CustomStringConvertible {
    case numberOfImages(Int, masks: Int)
    case tooManyFrames(Int)
    case notALabel(String, value: Double)
    case noVentricle(String, labels: [String])
    case notATrack(String)
    case noSuchFrame(Int, view: String, frames: Int)
    case shortCine(String, frames: Int, masks: Int)

    var description: String {
        switch self {
        case .numberOfImages(let images, let masks):
            "\(counted(images, "image")) for \(counted(masks, "mask")): give one cine, or an image "
                + "for each mask"
        case .tooManyFrames(let limit):
            "there are more than \(limit) frames"
        case .notALabel(let path, let value):
            "'\(path)' has the value \(value): labels are whole numbers from 0 to 65535"
        case .noVentricle(let path, let labels):
            "'\(path)' has \(counted(labels.count, "object")) (\(labels.joined(separator: ", "))) "
                + "and none with the label LV or 'left ventricle'"
        case .notATrack(let path):
            "'\(path)' is not the record of 'samus track'"
        case .shortCine(let path, let frames, let masks):
            "'\(path)' has \(counted(frames, "frame")), and the masks are of \(masks): give the cine "
                + "that they were made from"
        case .noSuchFrame(let frame, let view, let frames):
            "there is no frame \(frame) in \(view): its masks have \(counted(frames, "frame"))"
        }
    }
}
