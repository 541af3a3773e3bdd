import DICOM
import FileIO
import Foundation
import Imaging

/// Imports DICOM Segmentation objects with the images that they refer to.
///
/// Files: below the source, in any folders and of any names. A frame of a Segmentation object belongs
/// to the image and the frame that its Derivation Image Sequence names. Labels of segments become
/// classes in alphabetical order; where classes overlap, the later segment is used. Several objects may
/// label different frames of a cine. Frames that no Segmentation object names are left out.
struct DICOMSEGImporter: Importer {
    /// A Segmentation object.
    private struct Masks {
        /// Relative to the source.
        let path: String
        let file: DICOMSegmentationFile
    }

    func plan(_ source: SourceFolder, _ options: ImportOptions) throws(ImportError) -> ImportPlan {
        var plan = ImportPlan(classNames: [])
        var images: [String: (path: String, file: DICOMFile)] = [:]
        var found: [Masks] = []
        for path in source.allFiles() where DICOMFile.isDICOM(source.path(path)) {
            do throws(DICOMError) {
                let file = try DICOMFile.read(source.path(path))
                if file.sopClass == DICOMSegmentationFile.sopClass {
                    found.append(Masks(path: path, file: try .read(source.path(path))))
                } else if file.image != nil, let instance = file.sopInstance {
                    images[instance] = images[instance] ?? (path, file)
                }
            } catch {
                if error.isAboutDecoder {
                    throw .unreadable(path: source.path(path), reason: "\(error)")
                }
                plan.problems.append(ImportProblem(path, error.reason(without: source.path(path))))
            }
        }
        guard !found.isEmpty else {
            throw .wrongFormat(
                source: source.path, reason: "there is no binary DICOM Segmentation object")
        }
        plan.classNames = Set(found.flatMap(\.file.labels.values)).sorted()
        guard (1...255).contains(plan.classNames.count) else {
            throw .wrongFormat(
                source: source.path,
                reason: "\(plan.classNames.count) labels are used; 1 to 255 are supported")
        }
        // The object that labels each frame of an image.
        var labelled: [String: [Int: String]] = [:]
        for masks in found {
            let instances = Set(masks.file.frames.compactMap(\.instance)).sorted()
            if instances.isEmpty {
                plan.problems.append(ImportProblem(masks.path, "its frames name no image"))
            }
            for instance in instances {
                guard let image = images[instance] else {
                    plan.problems.append(
                        ImportProblem(masks.path, "the image '\(instance)' is not in the source"))
                    continue
                }
                let frames = masks.file.frames.filter { $0.instance == instance }
                    .map { $0.frame ?? 1 }
                if let other = frames.lazy.compactMap({ labelled[instance]?[$0] }).first {
                    plan.problems.append(
                        ImportProblem(
                            masks.path, "its image '\(image.path)' has labels in '\(other)' already"
                        ))
                    continue
                }
                for frame in frames { labelled[instance, default: [:]][frame] = masks.path }
                plan.items.append(
                    item(of: image.file, at: image.path, masks, classes: plan.classNames, source))
            }
        }
        return plan
    }

    private func item(
        of image: DICOMFile, at path: String, _ masks: Masks, classes: [String],
        _ source: SourceFolder
    ) -> ImportItem {
        var item = ImportItem(source: path) { () throws(ImportProblem) in
            do throws(DICOMError) {
                return try Self.read(image, name: path, masks, classes)
            } catch {
                throw ImportProblem(path, error.reason(without: source.path(path)))
            }
        }
        item.patient = try? image.patientPseudonym()
        return item
    }

    /// The labelled frames of an image, each with the masks of all segments.
    private static func read(
        _ file: DICOMFile, name: String, _ masks: Masks, _ classes: [String]
    ) throws(DICOMError) -> [ImportedImage] {
        let reader = try file.frameReader()
        guard masks.file.size == reader.image.size else {
            throw .unsupported(
                name: file.path,
                reason: "it has \(reader.image.size) pixels, its masks in '\(masks.path)' have "
                    + "\(masks.file.size)")
        }
        var frames: [Int: [(segment: Int, mask: RunLength)]] = [:]
        for (frame, mask) in zip(masks.file.frames, try masks.file.masks())
        where frame.instance == file.sopInstance {
            guard let number = frame.frame ?? (reader.image.frames == 1 ? 1 : nil) else {
                throw .unsupported(
                    name: file.path,
                    reason: "it has \(counted(reader.image.frames, "frame")), and "
                        + "'\(masks.path)' does not say to which one a mask belongs")
            }
            frames[number, default: []].append((frame.segment ?? 0, mask))
        }
        // A file without an extension may have a UID as its name, whose dots are no extension.
        let isNumber = (name as NSString).pathExtension.allSatisfy(\.isNumber)
        let stem = isNumber ? name.lastComponent : name.stem
        var images: [ImportedImage] = []
        for (number, objects) in frames.sorted(by: { $0.key < $1.key }) {
            let image = try reader.frame(number - 1)
            var label = DrawnLabel(size: image.size)
            for object in objects.sorted(by: { $0.segment < $1.segment }) {
                guard let name = masks.file.labels[object.segment],
                    let index = classes.firstIndex(of: name)
                else {
                    throw .damaged(
                        name: file.path,
                        reason: "'\(masks.path)' has a mask of a segment that it does not list")
                }
                label.draw(object.mask.mask(), as: UInt8(index + 1))
            }
            let digits = String(number)
            let suffix = ".frame" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            var imported = label.image(
                image, name: reader.image.frames > 1 ? stem + suffix : stem)
            let drawn = Mask(
                width: image.width, height: image.height,
                values: imported.label.pixels.map { $0 == 0 ? 0 : 1 })
            imported.spacing = reader.image.calibration(of: drawn.boundingBox).spacing
            images.append(imported)
        }
        return images
    }
}

extension DICOMError {
    /// The message without the file's path.
    fileprivate func reason(without path: String) -> String {
        "\(self)".replacing("'\(path)'", with: "it")
    }
}
