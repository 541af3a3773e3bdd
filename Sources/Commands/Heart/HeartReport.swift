import Drawing
import FileIO
import Foundation
import Imaging
import Measurements

/// Writes what a reader checks: a page and a sheet with contours, axes, disks and curves, the record
/// and the table.
struct HeartReport {
    private let result: HeartResult

    init(_ result: HeartResult) {
        self.result = result
    }

    /// Writes all files together.
    ///
    /// - Parameter files: their names.
    /// - Throws: errors of writing.
    func write(_ files: HeartFiles) throws {
        let comment = "samus \(ProgramVersion.current); \(ResearchNotice.text)"
        let panels = result.views.flatMap(Self.panels)
        let chart = Self.chart(result.views)
        var transaction = FileTransaction()
        let sheet = sideBySide(panels + [(chart, ""), (numbers, "")], columns: 2)
        try transaction.add(sheet.encodedPNG(comment: comment), at: files.sheet.path)
        let page = try page(panels, chart, comment: comment)
        try transaction.add(Array(page.utf8), at: files.page.path)
        try transaction.add(table, at: files.table.path)
        try transaction.add(
            JSON.encode(HeartRecord(result), style: .indented), at: files.record.path)
        try transaction.commit(holding: FolderLock(files.folder.url.path))
    }

    private static let tileWidth = 480

    /// The most important numbers as an image, whose letters are ASCII.
    private var numbers: Image {
        let lines = result.rows.flatMap { section, lines in
            [section.uppercased()]
                + lines.prefix(3).map { name, value in
                    "  \(name): \(value.replacingOccurrences(of: "±", with: "+-"))"
                }
        }
        let strip = Image(
            width: Self.tileWidth, height: 8, channels: 1,
            pixels: [UInt8](repeating: 24, count: 8 * Self.tileWidth))
        return strip.captioned(lines.joined(separator: "\n"), scale: 2)
    }

    /// The area of each frame.
    private var table: [UInt8] {
        let header = [
            "view", "frame", "time_s", "lv_area_px", "lv_area_mm2", "cut", "phase",
        ]
        var rows = [header]
        for view in result.views {
            let pixel = view.calibration.spacing.map { $0.x * $0.y }
            for point in view.curve {
                let phase =
                    point.frame == view.phases?.endDiastole.frame.number
                    ? "ED" : point.frame == view.phases?.endSystole.frame.number ? "ES" : ""
                rows.append([
                    view.name, "\(point.frame)",
                    point.seconds.map { String(format: "%.4f", $0) } ?? "", "\(point.area)",
                    pixel.map { String(format: "%.2f", Double(point.area) * $0) } ?? "",
                    point.isCut ? "1" : "0", phase,
                ])
            }
        }
        return Array(rows.map { CSV.line($0) + "\n" }.joined().utf8)
    }

    /// End diastole and end systole of a view with contours, axis and disks.
    private static func panels(of view: MeasuredView) -> [(image: Image, caption: String)] {
        guard let phases = view.phases else { return [] }
        // Both are cut to the same part, so that they can be compared.
        var box: PixelBox?
        for phase in [phases.endDiastole, phases.endSystole] {
            for mask in [phase.frame.ventricle, phase.frame.atrium].compactMap(\.self) {
                guard let part = mask.boundingBox else { continue }
                box =
                    box.map {
                        PixelBox(
                            x0: min($0.x0, part.x0), y0: min($0.y0, part.y0),
                            x1: max($0.x1, part.x1),
                            y1: max($0.y1, part.y1))
                    } ?? part
            }
        }
        guard let box else { return [] }
        let size = phases.endDiastole.frame.ventricle.size
        // About a square, so that tiles fit together.
        let side = max(box.width, box.height) * 7 / 5
        let (dx, dy) = ((side - box.width) / 2, (side - box.height) / 2)
        let part = PixelBox(
            x0: max(box.x0 - dx, 0), y0: max(box.y0 - dy, 0), x1: min(box.x1 + dx, size.width),
            y1: min(box.y1 + dy, size.height))
        return [("end diastole", phases.endDiastole), ("end systole", phases.endSystole)].map {
            (panel(of: $0.1, part), "\(view.name), \($0.0), frame \($0.1.frame.number)")
        }
    }

    private static func panel(of phase: MeasuredPhase, _ part: PixelBox) -> Image {
        let size = phase.frame.ventricle.size
        let background =
            phase.image
            ?? Image(
                width: size.width, height: size.height, channels: 1,
                pixels: [UInt8](repeating: 0, count: size.area))
        let factor = max(1, tileWidth / max(part.width, part.height))
        let masks = [phase.frame.ventricle, phase.frame.atrium].compactMap(\.self)
        let large = Size(height: part.height * factor, width: part.width * factor)
        let objects = masks.map { mask in
            let image = mask.image().cropped(to: part).resizedNearest(to: large)
            return OverlayObject(
                mask: Mask(width: large.width, height: large.height, values: image.pixels))
        }
        var overlay = Overlay(objects: objects, fillsMasks: false)
        if let spacing = phase.calibration.spacing, let shape = phase.shape {
            func point(_ place: Point) -> PixelPoint {
                PixelPoint(
                    x: (place.x / spacing.x - Double(part.x0)) * Double(factor) - 0.5,
                    y: (place.y / spacing.y - Double(part.y0)) * Double(factor) - 0.5)
            }
            overlay.lines = ([shape.base, shape.axis] + shape.disks).map {
                [point($0.start), point($0.end)]
            }
        }
        let pixels = background.cropped(to: part)
        return overlay.drawWithoutStrip(
            on: pixels.resizedNearest(to: large))
    }

    /// The area curves with both ends of the cycle.
    private static func chart(_ views: [MeasuredView]) -> Image {
        let charts = views.map { view in
            let pixel = view.calibration.spacing.map { $0.x * $0.y / 100 }
            let isTimed = view.curve.allSatisfy { $0.seconds != nil }
            func points(_ curve: [AreaPoint]) -> [Chart.Point] {
                curve.map {
                    Chart.Point(
                        isTimed ? $0.seconds ?? 0 : Double($0.frame),
                        $0.area > 0 && !$0.isCut ? Double($0.area) * (pixel ?? 1) : .nan)
                }
            }
            let ends = [view.phases?.endDiastole, view.phases?.endSystole].compactMap { phase in
                view.curve.first { $0.frame == phase?.frame.number }
            }
            return Chart(
                title: "\(view.name): area of the left ventricle",
                xLabel: isTimed ? "time in s" : "frame", yLabel: pixel == nil ? "pixels" : "cm2",
                series: [
                    Chart.Series("area", points(view.curve), style: .dottedLine),
                    Chart.Series("end diastole, end systole", points(ends), style: .scatter),
                ])
        }
        return Chart.sheet(charts, columns: 1, panel: Size(height: 300, width: tileWidth))
    }

    /// A page that stands alone: images are inside it, and it loads and runs nothing.
    private func page(
        _ panels: [(image: Image, caption: String)], _ chart: Image, comment: String
    ) throws -> String {
        func figure(_ image: Image, _ caption: String) throws -> String {
            let data = Data(try image.encodedPNG(comment: comment)).base64EncodedString()
            return """
                <figure><img src="data:image/png;base64,\(data)" alt="\(caption.htmlEscaped)">
                <figcaption>\(caption.htmlEscaped)</figcaption></figure>
                """
        }
        let tables = result.rows.map { section, lines in
            let rows = lines.map { name, value in
                "<tr><th>\(name.htmlEscaped)</th><td>\(value.htmlEscaped)</td></tr>"
            }
            let table = "<table>\(rows.joined())</table>"
            return "<section><h2>\(section.htmlEscaped)</h2>\(table)</section>"
        }
        let figures =
            try panels.map { try figure($0.image, $0.caption) } + [figure(chart, "Area curves")]
        let notes = result.allNotes.map { "<li>\($0.htmlEscaped)</li>" }.joined()
        let sources = result.views.flatMap { view in
            [view.phases?.endDiastole, view.phases?.endSystole].compactMap { $0?.frame.source }
        }.map { "<li>\($0.htmlEscaped)</li>" }.joined()
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Left ventricle</title>
            <meta name="viewport" content="width=device-width">
            <style>
            body { font: 15px/1.4 sans-serif; margin: 1em auto; max-width: 80em; padding: 0 1em; }
            .numbers, .figures { display: flex; flex-wrap: wrap; gap: 1em 2em; }
            th { text-align: left; font-weight: normal; padding-right: 1em; vertical-align: top; }
            td { font-weight: bold; }
            figure { margin: 0; } img { max-width: 100%; height: auto; }
            .notice { background: #fff3cd; padding: .5em 1em; font-weight: bold; }
            </style></head><body>
            <p class="notice">\(ResearchNotice.text.htmlEscaped): check every outline.</p>
            <h1>Left ventricle</h1>
            <div class="numbers">\(tables.joined(separator: "\n"))</div>
            <div class="figures">\(figures.joined(separator: "\n"))</div>
            <h2>Notes</h2><ul>\(notes)</ul>
            <h2>Masks</h2><ul>\(sources)</ul>
            <p>White lines: mitral plane, long axis and 20 disks (convention
            \(result.convention.rawValue)). ± is the change when the boundary moves by half a pixel;
            the error of the outline is usually larger.
            samus \(ProgramVersion.current.htmlEscaped). \(ResearchNotice.text.htmlEscaped).</p>
            </body></html>

            """
    }
}

extension String {
    /// The text for HTML, with its control characters made visible.
    fileprivate var htmlEscaped: String {
        var text = ""
        for character in visibleLine {
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "'": text += "&#39;"
            default: text.append(character)
            }
        }
        return text
    }
}
