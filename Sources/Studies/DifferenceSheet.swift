import Datasets
import Drawing
import Evaluation
import Foundation
import Imaging
import MaskMetrics

/// The images of a task on which the systems of a study differ most, each with the masks of all.
struct DifferenceSheet {
    private static let longestSide = 256
    /// Rows of the tables on a sheet; the others are left out.
    private static let largestRows = 11

    let scores: StudyScores
    let folder: StudyFolder
    let data: DatasetCollection

    /// Draws the sheet of a task.
    ///
    /// - Parameters:
    ///   - kind: the protocol.
    ///   - task: the task.
    ///   - metric: the metric whose standard deviation over the rows chooses the images.
    ///   - count: the number of images.
    /// - Returns: nil where fewer than two rows are done.
    /// - Throws: what reading masks and images throws.
    func draw(
        _ kind: StudyProtocol, _ task: StudyTask, by metric: MaskMetric, count: Int
    ) throws -> StudyFigure? {
        let rows = scores.rows(of: kind).filter { scores.cell(kind, $0, task) != nil }
            .prefix(Self.largestRows)
        guard rows.count > 1, count > 0 else { return nil }
        let values = rows.map { row -> [String: Double] in
            let cases = scores.cell(kind, row, task)?.cases ?? []
            return Dictionary(
                cases.compactMap { one in one.values[metric].map { (one.id, $0) } }
            ) { one, _ in one }
        }
        let chosen = Self.mostDifferent(values).prefix(count)
        guard !chosen.isEmpty else { return nil }
        let samples = Dictionary(
            try data.samples(scores.plan.study.evaluation.split, of: task.dataset).map {
                ($0.id, $0)
            }
        ) { one, _ in one }
        let masks = try rows.map { try self.masks(kind, $0, task, of: Set(chosen)) }
        var tiles: [(image: Image, caption: String)] = []
        for id in chosen {
            guard let sample = samples[id] else { continue }
            let labelled = try sample.read()
            let label = labelled.mask(of: task.label)
            let size = Self.tileSize(labelled.image.size)
            let image = labelled.image.resizedLikePillow(to: size)
            let small = label.resizedNearest(to: size)
            tiles.append(
                (
                    Overlay(objects: [OverlayObject(mask: small)]).drawWithoutStrip(on: image),
                    "label of \(id)\nblue: label, orange: mask"
                ))
            for (index, row) in rows.enumerated() {
                let mask = masks[index][id].map { $0.mask().resizedNearest(to: size) }
                let overlay = Overlay(
                    objects: [OverlayObject(mask: small)]
                        + (mask.map { [OverlayObject(mask: $0)] } ?? []))
                let value = values[index][id].map {
                    "\(metric.title) \($0.fixed(metric.unit == .share ? 3 : 1))"
                }
                tiles.append(
                    (
                        overlay.drawWithoutStrip(on: image),
                        "\(row.title)\n\(value ?? "")\(mask == nil ? ", no mask" : "")"
                    ))
            }
        }
        guard !tiles.isEmpty else { return nil }
        let sheet = sideBySide(tiles, columns: rows.count + 1)
        let name = task.name.map { $0.isLetter || $0.isNumber || $0 == "-" ? $0 : "-" }
        return StudyFigure(
            kind: kind, name: "differences-\(kind.rawValue)-\(String(name)).png",
            title: "\(task.name): images on which the systems differ most",
            bytes: try sheet.encodedPNG(comment: ResearchNotice.text))
    }

    /// A file name that differs from all taken ones, also where case is ignored: without it, the
    /// tasks `A_B` and `A-B` would share a file.
    static func unique(_ name: String, _ taken: inout Set<String>) -> String {
        let stem = name.hasSuffix(".png") ? String(name.dropLast(4)) : name
        var unique = name
        var number = 1
        while !taken.insert(unique.lowercased()).inserted {
            number += 1
            unique = "\(stem)-\(number).png"
        }
        return unique
    }

    /// Cases that all rows have, the largest standard deviation over the rows first.
    static func mostDifferent(_ values: [[String: Double]]) -> [String] {
        guard let first = values.first else { return [] }
        let spreads = first.keys.compactMap { id -> (id: String, spread: Double)? in
            let all = values.compactMap { $0[id] }
            guard all.count == values.count, let spread = try? Summary(all).deviation else {
                return nil
            }
            return (id, spread)
        }
        return spreads.sorted { ($1.spread, $0.id) < ($0.spread, $1.id) }.map(\.id)
    }

    /// The first mask of each case, of the first seed.
    private func masks(
        _ kind: StudyProtocol, _ row: StudyRow, _ task: StudyTask, of cases: Set<String>
    ) throws -> [String: RunLength] {
        let fraction = scores.plan.study.training.fractions.max()
        let entry = scores.plan.entries.first {
            $0.kind == kind && $0.system == row.system && $0.task == task
                && ($0.fraction == nil || $0.fraction == fraction)
        }
        guard let entry else { return [:] }
        let path = folder.masks(of: entry.evaluation)
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        let all = try EvaluatedMasks.read(path).masks.filter {
            $0.prompt == row.prompt && cases.contains($0.id)
        }
        return Dictionary(all.compactMap { one in one.runLength.map { (one.id, $0) } }) { one, _ in
            one
        }
    }

    private static func tileSize(_ size: Size) -> Size {
        let scale = Double(longestSide) / Double(max(size.width, size.height))
        return Size(
            height: max(Int(Double(size.height) * scale), 1),
            width: max(Int(Double(size.width) * scale), 1))
    }
}
