import Imaging
import Metrics
import Ultrasound

extension EvaluationReport {
    /// `per_case.csv`: one line for each mask.
    public var caseTable: String {
        let metrics = MaskMetric.allCases.map(\.rawValue)
        let header =
            [
                "dataset", "name", "class", "patient", "prompt", "prompted", "click", "points",
                "negatives", "box", "label_px", "mask_px", "presence", "spacing_x_mm",
                "spacing_y_mm", "length_unit",
            ] + metrics + ["iou_estimate", "encode_seconds", "prompt_seconds"]
        return ([header] + cases.map(\.fields)).map(CSV.line).joined(separator: "\n") + "\n"
    }
}

extension EvaluatedCase {
    fileprivate var fields: [String] {
        [
            dataset, name, "\(label)", patient ?? "", prompt?.description ?? "as given",
            prompt.promptedWord, "\(click)", points.text, negatives.text,
            box.map { [$0].text } ?? "", "\(labelArea)", "\(maskArea)", presence.rawValue,
            spacing.map { "\($0.x)" } ?? "", spacing.map { "\($0.y)" } ?? "", unit.rawValue,
        ]
            + MaskMetric.allCases.map { metric in self[metric].map { "\($0)" } ?? "" }
            + [
                iouEstimate.map { "\($0)" } ?? "", encodeSeconds.fixed(6), promptSeconds.fixed(6),
            ]
    }
}

extension [[Double]] {
    /// As the command line takes points and boxes; several are apart by a space.
    fileprivate var text: String {
        map { $0.map { Int(exactly: $0).map(String.init) ?? "\($0)" }.joined(separator: ",") }
            .joined(separator: " ")
    }
}
