import Foundation
import Imaging
import Measurements

/// The measurements of a heart: each view, and both together.
struct HeartResult {
    let views: [MeasuredView]
    let convention: DiskConvention
    let biplane: VentricleVolumes?
    /// Why there are no biplane volumes.
    let noBiplane: String?
    /// Volume of the left atrium at end systole from two planes, in ml.
    let biplaneAtrium: Double?
    let notes: [String]

    init(_ views: [MeasuredView], convention: DiskConvention) {
        self.views = views
        self.convention = convention
        var notes: [String] = []
        if views.count == 2, let first = views[0].view, let second = views[1].view {
            biplane = VentricleVolumes(biplane: first, second, convention: convention)
            noBiplane = nil
            for (phase, one, other) in [
                ("diastole", first.endDiastole.length, second.endDiastole.length),
                ("systole", first.endSystole.length, second.endSystole.length),
            ] where abs(one - other) > 0.1 * max(one, other) {
                notes.append(
                    String(
                        format: "the long axes differ by %.0f %% at end \(phase): one view may be "
                            + "foreshortened", 100 * abs(one - other) / max(one, other)))
            }
        } else {
            biplane = nil
            let missing = views.first { $0.volumes == nil }
            noBiplane =
                views.count == 1
                ? "two views are needed (--a4c and --a2c)"
                : missing.map { "\($0.name) has no volumes: \($0.missing ?? "")" }
        }
        let atria = views.compactMap { $0.phases?.endSystole.atrium }
        biplaneAtrium = atria.count == 2 ? AtriumShape.volume(atria[0], atria[1]) : nil
        self.notes = notes
    }

    var hasVolume: Bool { views.contains { $0.volumes != nil } }

    /// Names and values, as the terminal and the page show them.
    var rows: [(section: String, lines: [(name: String, value: String)])] {
        var sections: [(section: String, lines: [(name: String, value: String)])] = []
        if let biplane {
            var lines = Self.lines(of: biplane)
            if let biplaneAtrium {
                lines.append(
                    ("left atrium, end systole", String(format: "%.1f ml", biplaneAtrium)))
            }
            sections.append(("Biplane (A4C and A2C)", lines))
        } else {
            sections.append(("Biplane", [("not computed", noBiplane ?? "")]))
        }
        for view in views { sections.append((view.name, Self.lines(of: view))) }
        return sections
    }

    private static func lines(of volumes: VentricleVolumes) -> [(name: String, value: String)] {
        func text(_ number: MeasuredNumber, _ unit: String) -> String {
            String(format: "%.1f ± %.1f ", number.value, number.plusMinus) + unit
        }
        return [
            ("ejection fraction", text(volumes.ejectionFraction, "%")),
            ("end-diastolic volume", text(volumes.endDiastolic, "ml")),
            ("end-systolic volume", text(volumes.endSystolic, "ml")),
            ("stroke volume", String(format: "%.1f ml", volumes.strokeVolume)),
        ]
    }

    private static func lines(of view: MeasuredView) -> [(name: String, value: String)] {
        var lines: [(name: String, value: String)] = []
        if let volumes = view.volumes {
            lines += Self.lines(of: volumes)
        } else {
            lines.append(("no volumes", view.missing ?? ""))
        }
        if let spacing = view.calibration.spacing {
            lines.append(
                (
                    "size of a pixel",
                    String(format: "%.4g x %.4g mm (", spacing.x, spacing.y)
                        + "\(view.calibration.source ?? ""))"
                ))
        }
        guard let phases = view.phases else { return lines }
        for (name, phase) in [
            ("end diastole", phases.endDiastole), ("end systole", phases.endSystole),
        ] {
            var text = "frame \(phase.frame.number)"
            if let shape = phase.shape {
                text += String(
                    format: ", area %.0f mm², long axis %.1f mm, area-length %.1f ml", shape.area,
                    shape.length, shape.areaLengthVolume)
            }
            lines.append((name, text))
            if let atrium = phase.atrium {
                lines.append(
                    (
                        "left atrium, \(name)",
                        String(
                            format: "%.1f ml (area %.0f mm², axis %.1f mm)", atrium.volume,
                            atrium.area, atrium.axis.length)
                    ))
            } else if let reason = phase.noAtrium {
                lines.append(("left atrium, \(name)", "not measured: \(reason)"))
            }
        }
        return lines
    }

    /// All notes, with the name of their view.
    var allNotes: [String] {
        notes + views.flatMap { view in view.notes.map { "\(view.name): \($0)" } }
    }

    /// Lines for the terminal.
    var text: String {
        var lines: [String] = []
        for (section, rows) in rows {
            lines.append(section)
            for (name, value) in rows {
                let gap = String(repeating: " ", count: max(1, 28 - name.count))
                lines.append("  \(name)\(gap)\(value)".visibleLine)
            }
        }
        lines += allNotes.map { "note: \($0)".visibleLine }
        return lines.joined(separator: "\n")
    }
}

/// `heart.json`; Docs/Heart.md explains every key.
struct HeartRecord: Encodable {
    struct Number: Encodable {
        let value: Double
        let plusMinus: Double?

        init(_ number: MeasuredNumber) {
            value = number.value
            plusMinus = number.plusMinus
        }
    }

    struct Volumes: Encodable {
        let endDiastolicMl: Number
        let endSystolicMl: Number
        let strokeMl: Double
        let ejectionFractionPercent: Number

        init(_ volumes: VentricleVolumes) {
            endDiastolicMl = Number(volumes.endDiastolic)
            endSystolicMl = Number(volumes.endSystolic)
            strokeMl = volumes.strokeVolume
            ejectionFractionPercent = Number(volumes.ejectionFraction)
        }
    }

    struct Atrium: Encodable {
        let volumeMl: Double
        let areaMm2: Double
        let lengthMm: Double
    }

    struct Phase: Encodable {
        let frame: Int
        let source: String
        let areaPx: Int
        let areaMm2: Double?
        let lengthMm: Double?
        let areaLengthMl: Double?
        /// Ends of the mitral plane, and the apex, `[x, y]` in mm from the top left corner.
        let mitralPlane: [[Double]]?
        let apex: [Double]?
        /// Diameters of the 20 disks from base to apex in mm.
        let diametersMm: [Double]?
        let missing: String?
        let atrium: Atrium?
        let noAtrium: String?

        init(_ phase: MeasuredPhase) {
            let shape = phase.shape
            frame = phase.frame.number
            source = phase.frame.source
            areaPx = phase.frame.ventricle.area
            areaMm2 = shape?.area
            lengthMm = shape?.length
            areaLengthMl = shape?.areaLengthVolume
            mitralPlane = shape.map { shape in
                [shape.base.start, shape.base.end].map { [$0.x, $0.y] }
            }
            apex = shape.map { [$0.axis.end.x, $0.axis.end.y] }
            diametersMm = shape?.disks.map(\.length)
            missing = phase.missing
            atrium = phase.atrium.map {
                .init(volumeMl: $0.volume, areaMm2: $0.area, lengthMm: $0.axis.length)
            }
            noAtrium = phase.noAtrium
        }
    }

    struct View: Encodable {
        let name: String
        let frames: Int
        let spacingMm: [Double]?
        let spacingSource: String?
        let noMmReason: String?
        let endDiastole: Phase?
        let endSystole: Phase?
        let singlePlane: Volumes?
        let missing: String?
        let notes: [String]

        init(_ view: MeasuredView) {
            name = view.name
            frames = view.curve.count
            spacingMm = view.calibration.spacing.map { [$0.x, $0.y] }
            spacingSource = view.calibration.source
            noMmReason = view.calibration.reason
            endDiastole = view.phases.map { .init($0.endDiastole) }
            endSystole = view.phases.map { .init($0.endSystole) }
            singlePlane = view.volumes.map { .init($0) }
            missing = view.missing
            notes = view.notes
        }
    }

    let formatVersion = 1
    let notice = ResearchNotice.text
    let program = "samus \(ProgramVersion.current)"
    let convention: String
    let views: [View]
    let biplane: Volumes?
    let noBiplane: String?
    let biplaneAtriumMl: Double?
    let notes: [String]

    init(_ result: HeartResult) {
        convention = result.convention.rawValue
        views = result.views.map { View($0) }
        biplane = result.biplane.map { Volumes($0) }
        noBiplane = result.noBiplane
        biplaneAtriumMl = result.biplaneAtrium
        notes = result.notes
    }
}
