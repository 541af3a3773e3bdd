import FileIO
import Foundation
import Imaging
import Segmentation
import Tracking

/// What a track found, for the record and the terminal.
struct TrackReport {
    private let source: CineSource
    private let files: TrackFiles
    private let writer: TrackWriter
    private let prompts: [Int: Prompt]
    private let times: TrackRecord.Times

    /// - Parameters:
    ///   - source: the cine.
    ///   - files: the names of the results.
    ///   - writer: with all frames.
    ///   - prompts: of the user.
    ///   - times: how long the frames took.
    init(
        _ source: CineSource, _ files: TrackFiles, _ writer: TrackWriter, prompts: [Int: Prompt],
        times: TrackRecord.Times
    ) {
        self.source = source
        self.files = files
        self.writer = writer
        self.prompts = prompts
        self.times = times
    }

    private var rows: [TrackRow] { writer.finishedRows }
    private var found: Int { rows.count(where: \.isFound) }
    private var framesPerSecond: Double { Double(rows.count) / max(times.total, 1e-9) }

    /// First and last frame of each run without the object.
    private var lost: [[Int]] {
        var runs: [[Int]] = []
        for row in rows where !row.isFound {
            if let last = runs.last, last[1] == row.frame - 1 {
                runs[runs.count - 1][1] = row.frame
            } else {
                runs.append([row.frame, row.frame])
            }
        }
        return runs
    }

    /// The content of `track.json`.
    func record(
        model: ModelDescription, engine: ResultRecord.Engine, options: TrackRecord.Options,
        notes: [String]
    ) -> TrackRecord {
        let frame = writer.firstFrame
        let calibration = writer.calibration
        return TrackRecord(
            cine: .init(
                path: source.path, frames: source.count, width: frame?.image.width ?? 0,
                height: frame?.image.height ?? 0, sopInstanceUid: frame?.sopInstance,
                hasTimes: source.times != nil),
            model: model, engine: engine, options: options,
            prompts: prompts.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) },
            foundFrames: found, lostFrames: lost,
            failures: rows.compactMap { row in
                row.failure.map { .init(frame: row.frame, error: $0) }
            },
            areaPx: areas, spacingMm: calibration?.spacing.map { [$0.x, $0.y] },
            spacingSource: calibration?.source,
            noMmReason: frame?.pixelSize.isStated == true ? calibration?.reason : nil,
            times: times, framesPerSecond: framesPerSecond,
            // Notes of writing say why there is no MP4.
            files: files.common.filter { notes.isEmpty || $0 != files.video }
                .map(\.lastPathComponent), notes: (frame?.notes ?? []) + notes)
    }

    /// Smallest and largest area where the object was found, in pixels; empty where it never was.
    private var areas: [Int] {
        let areas = rows.filter(\.isFound).compactMap(\.area)
        guard let least = areas.min(), let most = areas.max() else { return [] }
        return [least, most]
    }

    /// Prints the result.
    ///
    /// - Throws: ``ExitError`` when a frame could not be read, or the object was found in none.
    func print() throws {
        var lines = [
            "\(source.name.visibleLine): found in \(found) of \(counted(rows.count, "frame"))"
        ]
        if let least = areas.first, let most = areas.last {
            var line = "area: \(least) to \(most) px"
            if let spacing = writer.calibration?.spacing {
                let size = spacing.x * spacing.y
                line += String(
                    format: ", %.1f to %.1f mm²", Double(least) * size, Double(most) * size)
            }
            lines.append(line)
        }
        if !lost.isEmpty {
            let runs = lost.prefix(10).map { $0[0] == $0[1] ? "\($0[0])" : "\($0[0])-\($0[1])" }
            lines.append(
                "not found in: \(runs.joined(separator: ", "))\(lost.count > 10 ? ", …" : "")")
        }
        lines.append(String(format: "%.1f frames/s", framesPerSecond))
        lines.append("overlay: \(files.animation.relativePath.visibleLine)")
        lines.append(ResearchNotice.text)
        Terminal.print(lines.joined(separator: "\n"))
        if !files.hasVideo {
            Terminal.log("note: no MP4 was written, because ffmpeg is not installed")
        }
        let failures = rows.filter { $0.failure != nil }
        for row in failures.prefix(100) {
            Terminal.log("failed: frame \(row.frame): \((row.failure ?? "").visibleLine)")
        }
        guard failures.isEmpty else {
            throw ExitError(.someImages, "\(failures.count) of \(rows.count) frames failed")
        }
        if found == 0 { throw ExitError(.nothingFound) }
    }
}
