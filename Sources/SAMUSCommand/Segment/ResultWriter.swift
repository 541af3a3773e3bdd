import Files
import Foundation
import Imaging
import Segmentation

/// Writes one picture's results, each file whole or not at all.
struct ResultWriter {
    let task: PictureTask
    let outcome: PictureSegmenter.Outcome
    let files: ResultFiles
    let model: ModelDescription
    let options: EngineOptions

    /// Writes all that was asked for, the JSON last; after a failure none of them is left.
    func write() throws {
        var written: [URL] = []
        do {
            for (url, body) in contents() {
                try body(url.path)
                written.append(url)
            }
        } catch {
            for url in written {
                try? FileManager.default.removeItem(at: url)
            }
            throw error
        }
    }

    private func contents() -> [(URL, (String) throws -> Void)] {
        var contents: [(URL, (String) throws -> Void)] = []
        if files.formats.contains(.png) {
            for (object, candidate, result) in masks {
                contents.append(
                    (
                        files.mask(object: object, candidate: candidate),
                        { try result.mask.image().write(to: $0, comment: comment) }
                    ))
            }
        }
        if files.formats.contains(.overlay) {
            contents.append((files.overlay, { try overlay().write(to: $0, comment: comment) }))
        }
        if files.formats.contains(.rle) {
            contents.append((files.runLengths, { try write(runLengths, to: $0) }))
        }
        if files.formats.contains(.contour) {
            contents.append((files.contours, { try write(contours, to: $0) }))
        }
        if files.formats.contains(.json) {
            contents.append((files.json, { try write(record, to: $0) }))
        }
        return contents
    }

    private var masks: [(object: Int, candidate: Int, result: Segmentation)] {
        outcome.objects.enumerated().flatMap { index, object in
            object.candidates.enumerated().map { (index, $0.offset, $0.element) }
        }
    }

    private var comment: String {
        "samus \(ProgramVersion.current), model \(model.name) (\(model.sha256)); \(Notice.text)"
    }

    private func write(_ value: some Encodable, to path: String) throws {
        try AtomicFile.write(JSONEncoder.results.encode(value), to: path)
    }

    /// The outlines on the picture; candidates beside each other.
    private func overlay() -> Image {
        let overlays = (0..<files.candidates).map(overlay(candidate:))
        guard overlays.count > 1 else { return overlays[0].draw(on: outcome.picture) }
        return sideBySide(
            overlays.map { ($0.drawWithoutStrip(on: outcome.picture), $0.caption) })
    }

    private func overlay(candidate: Int) -> Overlay {
        let shown = outcome.objects.map { object in
            OverlayObject(
                mask: object.candidates[candidate].mask, clicks: object.prompt.points,
                negativeClicks: object.prompt.negatives, box: object.prompt.box,
                label: object.label)
        }
        let estimates = outcome.objects.map {
            String(format: "%.2f", $0.candidates[candidate].iouEstimate)
        }
        let number = files.candidates > 1 ? "candidate \(candidate + 1), " : ""
        return Overlay(
            objects: shown,
            caption: "\(model.name), \(number)IoU estimate \(estimates.joined(separator: ", "))")
    }

    private var record: ResultRecord {
        ResultRecord(
            notice: Notice.text,
            picture: .init(
                path: task.path, width: outcome.picture.width, height: outcome.picture.height),
            model: model,
            engine: .init(
                program: "samus \(ProgramVersion.current)", precision: options.precision.rawValue,
                device: options.device.rawValue),
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
                box: object.prompt.box?.list, points: object.prompt.points.map { [$0.x, $0.y] },
                negatives: object.prompt.negatives.map { [$0.x, $0.y] }, mask: object.maskPath),
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
            width: outcome.picture.width, height: outcome.picture.height,
            masks: masks.map { object, candidate, result in
                .init(
                    object: object + 1, candidate: candidate + 1,
                    contours: result.mask.contourLists)
            })
    }
}
