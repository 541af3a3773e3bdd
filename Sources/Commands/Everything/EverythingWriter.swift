import Drawing
import FileIO
import Foundation
import Imaging
import Segmentation

/// Writes the masks of everything in one image.
struct EverythingWriter {
    let task: ImageTask
    let image: Image
    let masks: [AutomaticMask]
    let files: ResultFiles
    let model: ModelDescription
    let engine: EngineOptions
    let options: AutomaticMaskOptions
    let seconds: Double

    /// Writes all that was asked for, the JSON last.
    func write() throws {
        var contents: [(URL, () throws -> [UInt8])] = []
        if files.formats.contains(.png) {
            contents += masks.enumerated().map { index, mask in
                (
                    files.mask(object: index, candidate: 0),
                    { try mask.mask.image().encodedPNG(comment: model.comment) }
                )
            }
        }
        if files.formats.contains(.overlay) {
            contents.append((files.overlay, { try overlay().encodedPNG(comment: model.comment) }))
        }
        if files.formats.contains(.json) {
            contents.append((files.json, { try JSON.encode(record) }))
        }
        try WholeFiles.write(contents)
    }

    private func overlay() -> Image {
        // Large ones first: small ones stay visible.
        let shown = masks.sorted { $0.area > $1.area }.map { OverlayObject(mask: $0.mask) }
        return Overlay(objects: shown, caption: "\(model.name), automatic masks: \(masks.count)")
            .draw(on: image)
    }

    private var record: EverythingRecord {
        EverythingRecord(
            notice: ResearchNotice.text,
            image: .init(
                fileName: task.path, width: image.width, height: image.height),
            model: model, engine: .init(engine), options: .init(options),
            annotations: masks.map(\.record), seconds: seconds)
    }
}
