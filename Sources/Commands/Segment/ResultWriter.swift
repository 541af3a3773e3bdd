import Drawing
import FileIO
import Foundation
import Imaging
import Segmentation

/// Writes one image's results, each file whole or not at all.
struct ResultWriter {
    let task: ImageTask
    let outcome: ImageSegmenter.Outcome
    let files: ResultFiles
    let model: ModelDescription
    let options: EngineOptions

    /// Writes all that was asked for, the JSON last.
    func write() throws {
        try WholeFiles.write(contents())
    }

    private func contents() -> [(URL, () throws -> [UInt8])] {
        var contents: [(URL, () throws -> [UInt8])] = []
        if files.formats.contains(.png) {
            contents += masks.map { object, candidate, result in
                (
                    files.mask(object: object, candidate: candidate),
                    { try result.mask.image().encodedPNG(comment: comment) }
                )
            }
        }
        if files.formats.contains(.overlay) {
            contents.append((files.overlay, { try overlay().encodedPNG(comment: comment) }))
        }
        if files.formats.contains(.rle) {
            contents.append((files.runLengths, { try JSONEncoder.results.bytes(of: runLengths) }))
        }
        if files.formats.contains(.contour) {
            contents.append((files.contours, { try JSONEncoder.results.bytes(of: contours) }))
        }
        if files.formats.contains(.json) {
            contents.append((files.json, { try JSONEncoder.results.bytes(of: record) }))
        }
        return contents
    }

    private var masks: [(object: Int, candidate: Int, result: SegmentationResult)] {
        outcome.objects.enumerated().flatMap { index, object in
            object.candidates.enumerated().map { (index, $0.offset, $0.element) }
        }
    }

    private var comment: String { model.comment }

    /// The outlines on the image; candidates beside each other.
    private func overlay() -> Image {
        let overlays = (0..<files.candidates).map(overlay(candidate:))
        guard overlays.count > 1 else { return overlays[0].draw(on: outcome.image) }
        return sideBySide(
            overlays.map { ($0.drawWithoutStrip(on: outcome.image), $0.caption) })
    }

    private func overlay(candidate: Int) -> Overlay {
        let shown = outcome.objects.enumerated().map { index, object in
            OverlayObject(
                mask: object.candidates[candidate].mask, clicks: object.prompt.foregroundPoints,
                negativeClicks: object.prompt.backgroundPoints, box: object.prompt.box,
                label: object.label ?? (outcome.objects.count > 1 ? "\(index + 1)" : nil))
        }
        let estimates = outcome.objects.map { object in
            let result = object.candidates[candidate]
            return result.mask.area == 0
                ? "none (nothing found)" : String(format: "%.2f", result.iouEstimate)
        }
        let number = files.candidates > 1 ? "candidate \(candidate + 1), " : ""
        return Overlay(
            objects: shown,
            caption: "\(model.name), \(number)IoU estimate \(estimates.joined(separator: ", "))")
    }

    private var record: ResultRecord {
        ResultRecord(
            notice: ResearchNotice.text,
            image: .init(
                path: task.path, width: outcome.image.width, height: outcome.image.height),
            model: model,
            engine: .init(options),
            masks: masks.map { outline(object: $0.object, candidate: $0.candidate) },
            times: outcome.times)
    }

    private func outline(object index: Int, candidate: Int) -> ResultRecord.Outline {
        let object = outcome.objects[index]
        let result = object.candidates[candidate]
        let url = files.mask(object: index, candidate: candidate)
        return .init(
            object: index + 1, candidate: candidate + 1, label: object.label,
            prompt: .init(
                auto: object.mode == .auto ? true : nil, box: object.prompt.box?.list,
                foregroundPoints: object.prompt.foregroundPoints.map { [$0.x, $0.y] },
                backgroundPoints: object.prompt.backgroundPoints.map { [$0.x, $0.y] },
                mask: object.maskPath),
            pixelArea: result.mask.area,
            boundingBox: result.mask.boundingBox.map { [$0.x0, $0.y0, $0.x1, $0.y1] },
            contours: result.mask.contourLists, iouEstimate: result.iouEstimate,
            maskFile: files.formats.contains(.png) ? url.lastPathComponent : nil,
            notes: object.notes + object.warnings)
    }

    private var runLengths: RunLengthRecord {
        RunLengthRecord(
            masks: masks.map { object, candidate, result in
                .init(
                    object: object + 1, candidate: candidate + 1,
                    segmentation: .init(
                        size: [result.mask.height, result.mask.width],
                        counts: result.mask.runLength().compressed))
            })
    }

    private var contours: ContourRecord {
        ContourRecord(
            width: outcome.image.width, height: outcome.image.height,
            masks: masks.map { object, candidate, result in
                .init(
                    object: object + 1, candidate: candidate + 1,
                    contours: result.mask.contourLists)
            })
    }
}
