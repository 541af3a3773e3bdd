import DICOM
import Foundation
import Imaging
import Measurements

/// The numbers of one mask; Docs/Measurements.md explains them.
struct MeasurementRecord: Encodable {
    /// A number with the interval by which it changes when the boundary moves by half a pixel.
    struct Quantity: Encodable {
        let value: Double
        let plusMinus: Double?
        /// `mm`, `mm2`, `px`, `px2` or `1`.
        let unit: String
    }

    struct EllipseEntry: Encodable {
        /// From the upper left corner of the image, `[x, y]`.
        let center: [Double]
        let semiMajorAxis: Double
        let semiMinorAxis: Double
        /// Of the longer axis against the horizontal, positive downwards.
        let angleDegrees: Double
        let area: Double
    }

    struct DistanceEntry: Encodable {
        let to: String
        let facingPoints: Int
        let minimum: Double
        let mean: Double
        let median: Double
        let standardDeviation: Double
        let maximum: Double
        let plusMinus: Double
    }

    struct GreyLevelEntry: Encodable {
        let mean: Double
        let standardDeviation: Double
        let median: Int
        let minimum: Int
        let maximum: Int
        let histogram: [Int]
    }

    let source: String
    let image: String?
    let frame: Int?
    let object: Int?
    let candidate: Int?
    let label: String?
    /// `mm`, or `px` where the size of a pixel is not known.
    let unit: String
    let spacingMm: [Double]?
    let spacingSource: String?
    let noMmReason: String?
    let pixelArea: Int
    /// By name; empty for an empty mask.
    let quantities: [String: Quantity]
    let ellipse: EllipseEntry?
    let distance: DistanceEntry?
    let greyLevels: GreyLevelEntry?
    let notes: [String]

    /// Measures a mask.
    init(_ measured: MeasuredMask) {
        let mask = measured.mask
        let spacing = measured.calibration.spacing
        let scale = spacing ?? PixelSpacing(x: 1, y: 1)
        let unit = spacing == nil ? "px" : "mm"
        source = measured.source
        image = measured.image
        frame = measured.frame
        object = measured.object
        candidate = measured.candidate
        label = measured.label
        self.unit = unit
        spacingMm = spacing.map { [$0.x, $0.y] }
        spacingSource = measured.calibration.source
        noMmReason = measured.calibration.reason
        pixelArea = mask.area
        let found = MaskMeasurements(mask, spacing: scale)
        quantities = found.map { Self.quantities($0, unit: unit) } ?? [:]
        ellipse = found?.ellipse.map {
            .init(
                center: [$0.center.x, $0.center.y], semiMajorAxis: $0.semiMajorAxis,
                semiMinorAxis: $0.semiMinorAxis, angleDegrees: $0.angle * 180 / .pi, area: $0.area)
        }
        distance = measured.other.flatMap { other in
            MaskDistance(from: mask, to: other, spacing: scale).map {
                .init(
                    to: measured.otherSource ?? "", facingPoints: $0.points, minimum: $0.minimum,
                    mean: $0.mean, median: $0.median, standardDeviation: $0.standardDeviation,
                    maximum: $0.maximum, plusMinus: $0.uncertainty)
            }
        }
        greyLevels = measured.pixels.flatMap { GreyLevels(inside: mask, of: $0) }.map {
            .init(
                mean: $0.mean, standardDeviation: $0.standardDeviation, median: $0.median,
                minimum: $0.minimum, maximum: $0.maximum, histogram: $0.histogram)
        }
        var notes: [String] = []
        if found == nil { notes.append("the mask is empty: there is nothing to measure") }
        if let found, found.touchesImageEdge {
            notes.append(
                "the mask touches the edge of the image: the object may be larger than the numbers")
        }
        if found != nil, found?.ellipse == nil { notes.append("no ellipse fits the boundary") }
        let parts = mask.labelled().areas.count
        if parts > 1 {
            notes.append("the mask has \(parts) parts, which are measured as one object")
        }
        if measured.other != nil, distance == nil {
            notes.append("no distance: one of the masks is empty")
        }
        self.notes = notes
    }

    /// Names and order of the quantities, in the text and in the CSV table.
    private static let names = [
        "area", "perimeter", "long_axis", "short_axis", "vertical_extent", "horizontal_extent",
        "taller_than_wide", "equivalent_diameter", "circularity", "solidity",
        "ellipse_circumference",
    ]

    private static func quantities(
        _ found: MaskMeasurements, unit: String
    ) -> [String: Quantity] {
        func length(_ value: Double, _ uncertainty: Double? = nil) -> Quantity {
            Quantity(
                value: value, plusMinus: uncertainty ?? found.lengthUncertainty, unit: unit)
        }
        func ratio(_ value: Double) -> Quantity {
            Quantity(value: value, plusMinus: nil, unit: "1")
        }
        var quantities = [
            "area": Quantity(
                value: found.area, plusMinus: found.areaUncertainty, unit: unit + "2"),
            "perimeter": length(found.perimeter, found.perimeterUncertainty),
            "long_axis": length(found.longAxis), "short_axis": length(found.shortAxis),
            "vertical_extent": length(found.verticalExtent),
            "horizontal_extent": length(found.horizontalExtent),
            "taller_than_wide": ratio(found.tallerThanWide),
            "equivalent_diameter": length(found.equivalentDiameter),
            "circularity": ratio(found.circularity), "solidity": ratio(found.solidity),
        ]
        quantities["ellipse_circumference"] = found.ellipse.map {
            length($0.circumference, found.perimeterUncertainty)
        }
        return quantities
    }
}

extension MeasurementRecord {
    static let csvHeader =
        [
            "source", "image", "frame", "object", "candidate", "label", "unit", "spacing_x_mm",
            "spacing_y_mm", "spacing_source", "no_mm_reason", "pixel_area",
        ] + names.flatMap { [$0, $0 + "_plus_minus"] } + ["distance_mean", "notes"]

    /// The row of the CSV table; `unit` says whether lengths are mm or pixels.
    var csvRow: [String] {
        func text(_ value: (some CustomStringConvertible)?) -> String {
            value.map { "\($0)" } ?? ""
        }
        let numbers = Self.names.flatMap { name in
            [text(quantities[name]?.value), text(quantities[name]?.plusMinus)]
        }
        return [
            source, image ?? "", text(frame), text(object), text(candidate), label ?? "", unit,
            text(spacingMm?[0]), text(spacingMm?[1]), spacingSource ?? "", noMmReason ?? "",
            text(pixelArea),
        ] + numbers + [text(distance?.mean), notes.joined(separator: "; ")]
    }

    /// Lines for the terminal.
    var text: String {
        var title = source
        if let object { title += ", object \(object)" }
        if let candidate, candidate > 1 { title += ", candidate \(candidate)" }
        if let label { title += " (\(label))" }
        var lines = [title.visibleLine]
        if let spacingMm {
            lines.append(
                "  1 pixel = \(short(spacingMm[0])) x \(short(spacingMm[1])) mm "
                    + "(\(spacingSource ?? ""))")
        } else {
            lines.append("  no mm: \(noMmReason ?? "")".visibleLine)
        }
        func line(_ name: String, _ value: String) {
            let gap = String(repeating: " ", count: max(1, 24 - name.count))
            lines.append("  " + name + gap + value)
        }
        for name in Self.names {
            guard let quantity = quantities[name] else { continue }
            let words = name.replacingOccurrences(of: "_", with: " ")
            let interval = quantity.plusMinus.map { " ± \(short($0, digits: 2))" } ?? ""
            let unit = Self.units[quantity.unit] ?? ""
            line(words, short(quantity.value) + interval + unit)
        }
        if let distance {
            line(
                "distance",
                "\(short(distance.mean)) ± \(short(distance.plusMinus, digits: 2)) \(unit) (from "
                    + "\(short(distance.minimum)) to \(short(distance.maximum)), "
                    + "\(distance.facingPoints) points)")
        }
        if let greyLevels {
            line(
                "grey levels",
                "\(short(greyLevels.mean)), standard deviation "
                    + "\(short(greyLevels.standardDeviation)), median \(greyLevels.median)")
        }
        lines += notes.map { "  note: \($0)" }
        return lines.joined(separator: "\n")
    }

    private static let units = ["mm": " mm", "mm2": " mm²", "px": " px", "px2": " px²"]

    /// A number with some significant digits, without an exponent.
    private func short(_ value: Double, digits: Int = 4) -> String {
        guard value.isFinite, value != 0 else { return "\(value == 0 ? "0" : "\(value)")" }
        let places = max(0, min(6, digits - 1 - Int(log10(abs(value)).rounded(.down))))
        return String(format: "%.\(places)f", value)
    }
}
