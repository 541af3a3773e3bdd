import DICOM
import Drawing
import FileIO
import Foundation
import Imaging
import Segmentation
import Tracking

/// The names of the results of `samus track`.
struct TrackFiles {
    let folder: OutputFolder
    let cine: String
    let frames: Int
    let isSmoothed: Bool
    /// Whether there is an MP4.
    let hasVideo: Bool

    func mask(_ frame: Int) -> URL {
        folder.file(InputFiles.resultName(cine, frame: frame) + ".mask.png")
    }

    func smoothedMask(_ frame: Int) -> URL {
        folder.file(InputFiles.resultName(cine, frame: frame) + ".smoothed.mask.png")
    }

    var table: URL { folder.file("track.csv") }
    var record: URL { folder.file("track.json") }
    var chart: URL { folder.file("track.area.png") }
    /// An animated PNG.
    var animation: URL { folder.file("track.overlay.png") }
    var video: URL { folder.file("track.overlay.mp4") }

    /// The files besides the masks.
    var common: [URL] { [table, record, chart, animation] + (hasVideo ? [video] : []) }

    /// Every file that will be written.
    var all: [URL] {
        common + (1...frames).map(mask) + (isSmoothed ? (1...frames).map(smoothedMask) : [])
    }
}

/// Writes the results of one track: each frame as it comes, under temporary names; all of them get
/// their names together at the end, so that a run that is stopped changes nothing.
final class TrackWriter {
    private let files: TrackFiles
    private let times: [Double]?
    private let caption: String
    private let comment: String
    private let spool: SpoolFile
    private var transaction = FileTransaction()
    private var rows: [TrackRow?]
    private var animation: AnimatedPNG?
    private var drawings: [Range<Int>?]
    /// Whether the first frame has no colours.
    private var drawsGrey: Bool?
    private var smoother: TemporalSmoother?
    /// How masks of this cine come from logits.
    private var geometry: InputGeometry?
    private(set) var calibration: Calibration?
    private(set) var firstFrame: InputFrame?

    /// The longest side of the animation, in pixels; larger frames are drawn smaller.
    private static let longestSide = 640
    /// Shown per frame where the file states no times.
    private static let standardSeconds = 0.04

    /// - Parameters:
    ///   - files: the names of the results.
    ///   - times: of the frames in seconds; nil where they are not known.
    ///   - model: the model.
    /// - Throws: ``ExitError`` when the folder cannot be written to.
    init(_ files: TrackFiles, times: [Double]?, model: ModelDescription) throws {
        self.files = files
        self.times = times
        caption = model.name
        comment =
            "samus \(ProgramVersion.current), model \(model.name) (\(model.sha256)); "
            + ResearchNotice.text
        spool = try withExitStatus(.output) { try SpoolFile(in: files.folder.url.path) }
        rows = Array(repeating: nil, count: files.frames)
        drawings = Array(repeating: nil, count: files.frames)
        smoother = files.isSmoothed ? TemporalSmoother(frames: files.frames) : nil
    }

    /// The frames so far, in their order.
    var finishedRows: [TrackRow] { rows.compactMap { $0 } }

    /// Writes a frame.
    ///
    /// - Parameters:
    ///   - frame: what became of it.
    ///   - input: its image; nil where it could not be read.
    ///   - prompt: the user's prompt on it.
    /// - Throws: ``ExitError`` when results cannot be written.
    func add(_ frame: TrackedFrame, _ input: InputFrame?, prompt: Prompt?) throws {
        geometry = geometry ?? frame.geometry
        firstFrame = firstFrame ?? input
        let found = input.flatMap { input in
            frame.isFound ? frame.result.map { input.pixelSize.calibration(of: $0.mask) } : nil
        }
        calibration = calibration ?? found
        rows[frame.number - 1] = TrackRow(
            frame: frame.number, seconds: times.map { $0[frame.number - 1] },
            isPrompted: frame.isPrompted, isFound: frame.isFound,
            presence: frame.result?.presence, iouEstimate: frame.result?.iouEstimate,
            area: frame.result?.mask.area,
            pixelMm2: (found ?? calibration)?.spacing.map { $0.x * $0.y }, failure: frame.failure)
        try withExitStatus(.output) {
            if let result = frame.result, let input {
                try transaction.addFlushingLater(
                    png(result.mask.image()), at: files.mask(frame.number).path)
                try draw(frame, result, input, prompt)
            }
            try smooth(frame)
        }
    }

    private func png(_ image: Image) throws -> [UInt8] {
        try image.encodedPNG(comment: comment)
    }

    private func draw(
        _ frame: TrackedFrame, _ result: SegmentationResult, _ input: InputFrame, _ prompt: Prompt?
    ) throws {
        let factor =
            (max(input.image.width, input.image.height) + Self.longestSide - 1) / Self.longestSide
        let isGrey = drawsGrey ?? input.image.isNearlyGrey
        drawsGrey = isGrey
        let small = (isGrey ? input.image.grey() : input.image).reduced(by: factor)
        let scale = 1 / Double(factor)
        let overlay = Overlay(
            objects: [
                OverlayObject(
                    mask: factor == 1 ? result.mask : result.mask.resizedNearest(to: small.size),
                    foregroundPoints: prompt?.foregroundPoints.map { $0.scaled(scale) } ?? [],
                    backgroundPoints: prompt?.backgroundPoints.map { $0.scaled(scale) } ?? [],
                    box: prompt?.box.map { $0.scaled(scale) })
            ],
            caption: "\(caption), frame \(frame.number) of \(files.frames), "
                + (frame.isFound
                    ? String(format: "IoU estimate %.2f", result.iouEstimate) : "not found"),
            fillsMasks: false)
        let drawing = overlay.draw(on: small)
        // The longest caption may need more lines, and its last one is the notice.
        var longest = overlay
        longest.caption =
            "\(caption), frame \(files.frames) of \(files.frames), IoU estimate 0.00"
        let animation =
            self.animation
            ?? AnimatedPNG(
                size: longest.draw(on: small).size, frames: files.frames,
                colours: isGrey ? .palette : .rgb)
        self.animation = animation
        drawings[frame.number - 1] = try spool.append(
            animation.compressed(drawing.placed(in: animation.size)))
    }

    private func smooth(_ frame: TrackedFrame) throws {
        let logits = frame.isFound ? frame.result?.logits : nil
        for (number, logits) in smoother?.add(frame.number, logits) ?? [] {
            guard let geometry, rows[number - 1]?.area != nil else { continue }
            let mask =
                logits.map(geometry.restore)
                ?? Mask(emptyOf: geometry.original)
            rows[number - 1]?.smoothedArea = mask.area
            try transaction.addFlushingLater(
                png(mask.image()), at: files.smoothedMask(number).path)
        }
    }

    /// Writes table, chart and animations, and gives all results their names.
    ///
    /// - Parameter record: the content of `track.json`, made from the notes of writing.
    /// - Throws: ``ExitError``.
    func finish(_ record: ([String]) -> TrackRecord) throws {
        try withExitStatus(.output) {
            let lines = [TrackRow.header] + finishedRows.map(\.fields)
            let table = lines.map { CSV.line($0) + "\n" }.joined()
            try transaction.add(Array(table.utf8), at: files.table.path)
            try transaction.add(png(chart), at: files.chart.path)
            let notes = try addAnimations()
            try transaction.add(
                JSON.encode(record(notes), style: .indented), at: files.record.path)
            let lock = try FolderLock(files.folder.url.path)
            try transaction.commit(holding: lock)
        }
    }

    /// - Returns: why there is no MP4, where there should be one.
    private func addAnimations() throws -> [String] {
        guard var animation else { return [] }
        let file = try AtomicFile(files.animation.path)
        try file.append(animation.start(comment: comment))
        // A frame that could not be read shows the one before.
        var shown = drawings.lazy.compactMap { $0 }.first
        for (index, drawing) in drawings.enumerated() {
            shown = drawing ?? shown
            guard let shown else { continue }
            try file.append(
                animation.part(of: spool.bytes(in: shown), seconds: seconds(after: index)))
        }
        try file.append(animation.end)
        try transaction.add(file)
        guard files.hasVideo else { return [] }
        let video = try AtomicFile(files.video.path)
        do throws(VideoError) {
            try VideoWriter.convert(
                animation: file.temporary, to: video.temporary, comment: comment)
        } catch {
            let note = "no MP4 was written: \(error)"
            Terminal.log("note: \(note)")
            return [note]
        }
        try transaction.add(video)
        return []
    }

    private func seconds(after index: Int) -> Double {
        guard let times, times.count > 1 else { return Self.standardSeconds }
        let next = min(index + 1, times.count - 1)
        return max(times[next] - times[next - 1], 0.001)
    }

    /// The area and the presence estimate over time.
    private var chart: Image {
        let rows = finishedRows
        func points(_ value: (TrackRow) -> Double?) -> [Chart.Point] {
            rows.map { Chart.Point($0.seconds ?? Double($0.frame), value($0) ?? .nan) }
        }
        let inMm = rows.contains { $0.isFound && $0.pixelMm2 != nil }
        func area(_ area: Int?, _ row: TrackRow) -> Double? {
            area.map { Double($0) * (inMm ? row.pixelMm2 ?? .nan : 1) }
        }
        var series = [
            Chart.Series("area", points { $0.isFound ? area($0.area, $0) : nil }),
            Chart.Series(
                "frames with a prompt",
                points { $0.isPrompted && $0.isFound ? area($0.area, $0) : nil }, style: .scatter),
        ]
        if files.isSmoothed {
            series.append(
                Chart.Series("smoothed", points { $0.isFound ? area($0.smoothedArea, $0) : nil }))
        }
        let axis = times == nil ? "frame" : "time in s"
        var charts = [
            Chart(
                title: "Area of the object", xLabel: axis, yLabel: inMm ? "mm2" : "pixels",
                series: series)
        ]
        if rows.contains(where: { $0.presence != nil }) {
            charts.append(
                Chart(
                    title: "Presence estimate", xLabel: axis,
                    series: [Chart.Series("", points { $0.presence.map(Double.init) })],
                    yRange: 0...1))
        }
        return Chart.sheet(charts, columns: 1, panel: Size(height: 320, width: 800))
    }
}

extension PixelPoint {
    /// The point in an image whose pixels are `1 / scale` times as large.
    fileprivate func scaled(_ scale: Double) -> PixelPoint {
        PixelPoint(x: (x + 0.5) * scale - 0.5, y: (y + 0.5) * scale - 0.5)
    }
}

extension PixelRectangle {
    fileprivate func scaled(_ scale: Double) -> PixelRectangle {
        PixelRectangle(
            x0: (x0 + 0.5) * scale - 0.5, y0: (y0 + 0.5) * scale - 0.5,
            x1: (x1 + 0.5) * scale - 0.5, y1: (y1 + 0.5) * scale - 0.5)
    }
}

extension Image {
    /// The image on a canvas of another size: cut off or padded on the right and at the bottom, as
    /// captions of different lengths need lines.
    fileprivate func placed(in size: Size) -> Image {
        if self.size == size { return self }
        let part = cropped(
            to: PixelBox(
                x0: 0, y0: 0, x1: min(width, size.width), y1: min(height, size.height)))
        return part.padded(to: size, value: 24)
    }
}
