import Foundation
import Imaging
import Ultrasound

/// The report of a check in words, and as JSON.
enum CheckText {
    /// Findings of one kind that are printed; JSON has all.
    private static let most = 10

    /// A block for each data set, then what was found, then the sum.
    static func table(_ report: DataReport) -> String {
        var lines = report.dataSets.flatMap(block)
        for kind in DataFinding.Kind.allCases {
            let found = report.findings.filter { $0.kind == kind }
            let severity = kind.isError ? "error" : "warning"
            lines += found.prefix(most).map {
                "\(severity): \(kind.rawValue): \($0.place): \($0.text)"
            }
            if found.count > most {
                lines.append(
                    "\(severity): \(kind.rawValue): \(found.count - most) more (--json has all)")
            }
        }
        lines.append(
            "\(report.errors.count) errors, \(report.warnings.count) warnings; \(ResearchNotice.text)"
        )
        return lines.map(\.visibleLine).joined(separator: "\n")
    }

    private static func block(_ set: DataReport.DataSet) -> [String] {
        var sizes = zip(set.widths, set.heights).map { "\($0)x\($1)" }
        if Set(sizes).count == 1 { sizes.removeLast() }
        var lines = [
            "\(set.name): \(set.pictures) pictures, \(set.classes - 1) "
                + (set.classes == 2 ? "class" : "classes")
                + (sizes.isEmpty ? "" : ", \(sizes.joined(separator: " to ")) pixels")
                + ", mm per pixel for \(set.measured), patient for \(set.withPatient)"
                + (set.unlisted > 0 ? ", \(set.unlisted) in no list" : "")
        ]
        for part in set.splits {
            let classes = part.samples.indices.map { index in
                let empty = part.empty[index] > 0 ? " (\(part.empty[index]) empty)" : ""
                return "class \(index + 1): \(part.samples[index])\(empty)"
            }
            lines.append(
                "  \(part.split.rawValue.padding(toLength: 6, withPad: " ", startingAt: 0))"
                    + "\(part.pictures) pictures, \(part.patients) patients; "
                    + classes.joined(separator: ", "))
        }
        return lines
    }

    /// - Throws: what the encoder says.
    static func json(_ report: DataReport, root: String) throws -> String {
        struct Whole: Encodable {
            let notice = ResearchNotice.text
            let root: String
            let errors: Int
            let warnings: Int
            let report: DataReport
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let whole = Whole(
            root: root, errors: report.errors.count, warnings: report.warnings.count,
            report: report)
        return String(decoding: try encoder.encode(whole), as: UTF8.self)
    }
}
