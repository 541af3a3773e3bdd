import Datasets
import Drawing
import Imaging

/// Images of the worst, middle and best cases of a prompt, with label, mask and prompt.
public struct ContactSheet {
    private static let columns = 4
    private static let longestSide = 384

    private let evaluation: Evaluation
    private let options: EvaluationOptions
    private let samples: [String: Sample]

    /// - Parameters:
    ///   - evaluation: with its masks.
    ///   - options: the options of the evaluation.
    ///   - samples: the evaluated samples.
    public init(_ evaluation: Evaluation, options: EvaluationOptions, samples: [Sample]) {
        self.evaluation = evaluation
        self.options = options
        self.samples = Dictionary(samples.map { ($0.id, $0) }) { one, _ in one }
    }

    /// Draws the sheet of a prompt.
    ///
    /// - Parameters:
    ///   - prompt: the prompt; nil where masks come from files.
    ///   - worst: number of worst cases; half as many middle and best cases follow.
    ///   - read: reads a sample's image.
    /// - Returns: an RGB image; nil where there is no case.
    /// - Throws: what `read` throws.
    public func draw(
        _ prompt: PromptStrategy?, worst: Int = 8,
        read: (Sample) throws -> LabelledImage = { try $0.read() }
    ) throws -> Image? {
        let ranked = evaluation.cases.indices.filter { evaluation.cases[$0].prompt == prompt }
            .sorted { (dice($0), evaluation.cases[$0].id) < (dice($1), evaluation.cases[$1].id) }
        let tiles = try Self.chosen(ranked, worst: worst).enumerated().map { place, choice in
            let tile = try drawn(choice.index, read: read)
            let legend = place == 0 ? "\nblue: label, orange: mask" : ""
            return (image: tile.image, caption: "\(choice.title): \(tile.caption)\(legend)")
        }
        return tiles.isEmpty ? nil : sideBySide(tiles, columns: Self.columns)
    }

    /// Indices of the worst cases, then of the middle and the best ones, without repetition.
    private static func chosen(
        _ ranked: [Int], worst count: Int
    ) -> [(title: String, index: Int)] {
        let worst = ranked.prefix(count).enumerated().map { ("worst \($0.offset + 1)", $0.element) }
        let left = ranked.dropFirst(count)
        let best = left.suffix(count / 2).reversed().enumerated().map {
            ("best \($0.offset + 1)", $0.element)
        }
        let rest = Array(left.dropLast(count / 2))
        let middle = max(ranked.count / 2 - count - count / 4, 0)
        let median = rest.dropFirst(min(middle, max(rest.count - count / 2, 0))).prefix(count / 2)
        return (worst + median.map { ("middle", $0) } + best).map { (title: $0.0, index: $0.1) }
    }

    private func dice(_ index: Int) -> Double { evaluation.cases[index][.dice] ?? 0 }

    private func drawn(
        _ index: Int, read: (Sample) throws -> LabelledImage
    ) throws -> (image: Image, caption: String) {
        let one = evaluation.cases[index]
        guard let sample = samples[one.id] else {
            preconditionFailure("each case belongs to an evaluated sample")
        }
        let labelled = try read(sample).onGrid(of: options.resolution)
        let mask = evaluation.masks[index].mask()
        let scale = min(1, Double(Self.longestSide) / Double(max(mask.width, mask.height)))
        let size = Size(
            height: max(Int(Double(mask.height) * scale), 1),
            width: max(Int(Double(mask.width) * scale), 1))
        let overlay = Overlay(objects: [
            OverlayObject(
                mask: labelled.mask(of: sample.label).resizedNearest(to: size),
                foregroundPoints: one.points.map { scaled($0, scale) },
                backgroundPoints: one.backgroundPoints.map { scaled($0, scale) },
                box: one.box.map {
                    let (from, to) = (
                        scaled([$0[0], $0[1]], scale), scaled([$0[2], $0[3]], scale)
                    )
                    return PixelRectangle(x0: from.x, y0: from.y, x1: to.x, y1: to.y)
                }),
            OverlayObject(mask: mask.resizedNearest(to: size)),
        ])
        let estimate = one.iouEstimate.map { ", IoU estimate \($0.fixed(2))" } ?? ""
        let caption = "Dice \(dice(index).fixed(3))\(estimate)\n\(one.id)"
        return (overlay.drawWithoutStrip(on: labelled.image.resizedLikePillow(to: size)), caption)
    }

    private func scaled(_ point: [Double], _ scale: Double) -> PixelPoint {
        PixelPoint(x: (point[0] + 0.5) * scale - 0.5, y: (point[1] + 0.5) * scale - 0.5)
    }
}
