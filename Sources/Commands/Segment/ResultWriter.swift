import Drawing
import FileIO
import Foundation
import Imaging
import Segmentation

/// Writes the results of a job, those of each image together or not at all.
struct ResultWriter {
    let layout: ResultLayout
    let model: ModelDescription
    let engine: ResultRecord.Engine

    private var job: SegmentJob { layout.job }
    private var candidates: Int { layout.candidates }

    /// Writes one image's results.
    ///
    /// - Returns: the files that were written.
    /// - Throws: ``ExitError`` when nothing more can be written; another error when only this
    ///   image's results cannot be.
    func write(_ result: SegmentResult) throws -> ResultFiles {
        switch result.masks {
        case .objects(let objects):
            let files = layout.files(of: result.input, objects: objects.count)
            try withExitStatus(.output) { try write(objects, of: result, to: files) }
            return files
        case .everything(let masks):
            let files = layout.files(of: result.input, objects: masks.count)
            // The number of masks, and so their names, is known only now.
            try layout.check(files)
            if job.existing == .refused, let existing = files.all.first(where: \.exists) {
                throw ExistingResultError(path: existing.relativePath)
            }
            try withExitStatus(.output) { try write(masks, of: result, to: files) }
            return files
        }
    }

    private func write(
        _ objects: [SegmentedObject], of result: SegmentResult, to files: ResultFiles
    ) throws {
        var set = AtomicFileSet()
        if files.formats.contains(.png) {
            for (index, object) in objects.enumerated() {
                for (candidate, segmentation) in object.candidates.enumerated() {
                    try set.add(
                        png(segmentation.mask.image()),
                        at: files.mask(object: index, candidate: candidate).path)
                }
            }
        }
        if files.formats.contains(.overlay) {
            try set.add(png(overlay(objects, of: result)), at: files.overlay.path)
        }
        if files.formats.contains(.rle) {
            try set.add(JSON.encode(runLengths(of: objects)), at: files.runLengths.path)
        }
        if files.formats.contains(.contour) {
            try set.add(
                JSON.encode(contours(of: objects, in: result.frame.image)),
                at: files.contours.path)
        }
        // The JSON is written last, so that the files that it names exist when it does.
        if files.formats.contains(.json) {
            try set.add(
                JSON.encode(record(objects, of: result, files)), at: files.json.path)
        }
        try set.commit()
    }

    private func write(
        _ masks: [AutomaticMask], of result: SegmentResult, to files: ResultFiles
    ) throws {
        guard case .everything(let options) = job.mode else {
            preconditionFailure("automatic masks in a job with prompts")
        }
        var set = AtomicFileSet()
        if files.formats.contains(.png) {
            for (index, mask) in masks.enumerated() {
                try set.add(
                    png(mask.mask.image()), at: files.mask(object: index, candidate: 0).path)
            }
        }
        if files.formats.contains(.overlay) {
            // Large masks first, so that small ones stay visible.
            let shown = masks.sorted { $0.area > $1.area }.map { OverlayObject(mask: $0.mask) }
            let overlay = Overlay(
                objects: shown, caption: "\(model.name), automatic masks: \(masks.count)")
            try set.add(png(overlay.draw(on: result.frame.image)), at: files.overlay.path)
        }
        if files.formats.contains(.json) {
            let record = EverythingRecord(
                image: entry(of: result), model: model, engine: engine, options: .init(options),
                annotations: masks.map(\.record), seconds: result.times.decode)
            try set.add(JSON.encode(record), at: files.json.path)
        }
        try set.commit()
    }

    /// An image file whose comment names the program and the model.
    private func png(_ image: Image) throws -> [UInt8] {
        let comment =
            "samus \(ProgramVersion.current), model \(model.name) (\(model.sha256)); "
            + ResearchNotice.text
        return try image.encodedPNG(comment: comment)
    }
}

extension ResultWriter {
    /// The outlines on the image; candidates side by side.
    private func overlay(_ objects: [SegmentedObject], of result: SegmentResult) -> Image {
        let overlays = (0..<candidates).map { overlay(objects, candidate: $0) }
        guard overlays.count > 1 else { return overlays[0].draw(on: result.frame.image) }
        return sideBySide(
            overlays.map { ($0.drawWithoutStrip(on: result.frame.image), $0.caption) })
    }

    private func overlay(_ objects: [SegmentedObject], candidate: Int) -> Overlay {
        let shown = objects.enumerated().map { index, object in
            OverlayObject(
                mask: object.candidates[candidate].mask,
                foregroundPoints: object.prompt.foregroundPoints,
                backgroundPoints: object.prompt.backgroundPoints, box: object.prompt.box,
                label: object.request.label ?? (objects.count > 1 ? "\(index + 1)" : nil))
        }
        let estimates = objects.map { object in
            let result = object.candidates[candidate]
            guard result.mask.area > 0 else {
                let presence = result.presence.map { String(format: ", presence %.2f", $0) }
                return "none (nothing found\(presence ?? ""))"
            }
            return String(format: "%.2f", result.iouEstimate)
        }
        let number = candidates > 1 ? "candidate \(candidate + 1), " : ""
        return Overlay(
            objects: shown,
            caption: "\(model.name), \(number)IoU estimate \(estimates.joined(separator: ", "))")
    }

    private func entry(of result: SegmentResult) -> ResultRecord.ImageEntry {
        .init(
            path: result.input.path, frame: result.frame.number,
            sopInstanceUid: result.frame.sopInstance, width: result.frame.image.width,
            height: result.frame.image.height)
    }

    private func record(
        _ objects: [SegmentedObject], of result: SegmentResult, _ files: ResultFiles
    ) -> ResultRecord {
        ResultRecord(
            image: entry(of: result), model: model, engine: engine,
            masks: numbered(objects).map { index, candidate, object, segmentation in
                let mask = segmentation.mask
                let pixelSize = result.frame.pixelSize
                let calibration = pixelSize.calibration(of: mask)
                let file = files.mask(object: index, candidate: candidate)
                return .init(
                    object: index + 1, candidate: candidate + 1, label: object.request.label,
                    prompt: .init(object), pixelArea: mask.area,
                    spacingMm: calibration.spacing.map { [$0.x, $0.y] },
                    spacingSource: calibration.source,
                    areaMm2: calibration.spacing.map { Double(mask.area) * $0.x * $0.y },
                    noMmReason: pixelSize.isStated ? calibration.reason : nil,
                    boundingBox: mask.boundingBox.map { [$0.x0, $0.y0, $0.x1, $0.y1] },
                    contours: mask.contourLists, iouEstimate: segmentation.iouEstimate,
                    presence: segmentation.presence, found: mask.area > 0,
                    adjustedClicks: segmentation.adjustedClicks,
                    disobeyedClicks: segmentation.disobeyedClicks,
                    maskFile: files.formats.contains(.png) ? file.lastPathComponent : nil,
                    notes: object.notes + object.warnings)
            },
            times: result.times)
    }

    private func runLengths(of objects: [SegmentedObject]) -> RunLengthRecord {
        RunLengthRecord(
            masks: numbered(objects).map { index, candidate, _, segmentation in
                let mask = segmentation.mask
                return .init(
                    object: index + 1, candidate: candidate + 1,
                    segmentation: .init(
                        size: [mask.height, mask.width], counts: mask.runLength().compressed))
            })
    }

    private func contours(of objects: [SegmentedObject], in image: Image) -> ContourRecord {
        ContourRecord(
            width: image.width, height: image.height,
            masks: numbered(objects).map { index, candidate, _, segmentation in
                .init(
                    object: index + 1, candidate: candidate + 1,
                    contours: segmentation.mask.contourLists)
            })
    }

    /// Every candidate of every object.
    private func numbered(
        _ objects: [SegmentedObject]
    ) -> [(object: Int, candidate: Int, SegmentedObject, SegmentationResult)] {
        objects.enumerated().flatMap { index, object in
            object.candidates.enumerated().map { (index, $0.offset, object, $0.element) }
        }
    }
}

/// A result of a former run that must not be replaced.
private struct ExistingResultError: Error, CustomStringConvertible {
    let path: String

    var description: String {
        "'\(path.visibleLine)' exists already: add --force to replace it, or choose another "
            + "--output"
    }
}

extension ResultRecord.UsedPrompt {
    fileprivate init(_ object: SegmentedObject) {
        let prompt = object.prompt
        self.init(
            promptFree: object.request.isPromptFree ? true : nil,
            box: prompt.box.map { [$0.x0, $0.y0, $0.x1, $0.y1] },
            foregroundPoints: prompt.foregroundPoints.map { [$0.x, $0.y] },
            backgroundPoints: prompt.backgroundPoints.map { [$0.x, $0.y] },
            mask: object.request.maskPath)
    }
}

extension Mask {
    /// `[[[x, y], …], …]`, see ``Contour``.
    fileprivate var contourLists: [[[Int]]] {
        contours().map { $0.corners.map { [$0.x, $0.y] } }
    }
}
