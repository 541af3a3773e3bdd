import FileIO
import Foundation
import Imaging

/// How sure a mask is: the probability of each pixel, averaged over prompts that another person might
/// have given.
///
/// The prompt is moved ``promptCount`` - 1 times: clicks by a tenth of the square root of the mask's
/// area (standard deviation), each side of a box by up to 5 % of the box. The same image and prompt
/// give the same probabilities.
public struct MaskUncertainty: Equatable, Sendable {
    /// Number of prompts that are averaged: the given one, and moved ones.
    public static let promptCount = 17

    /// The probability, 0 to 1, that a pixel is inside: one plane of the image's size.
    public let probabilities: Planes
    /// How many pixels have each probability.
    private let histogram: [Int]

    private static let bins = 2000

    /// - Parameter probabilities: one plane of the image's size; 0 to 1.
    public init(probabilities: Planes) {
        self.probabilities = probabilities
        var histogram = [Int](repeating: 0, count: Self.bins)
        for value in probabilities.values { histogram[Self.bin(Double(value))] += 1 }
        self.histogram = histogram
    }

    private static func bin(_ probability: Double) -> Int {
        min(max(Int(probability * Double(bins)), 0), bins - 1)
    }

    /// Number of pixels whose probability is at least a level.
    ///
    /// - Parameter level: 0 to 1, in steps of 1/2000.
    /// - Returns: pixels.
    public func area(atLeast level: Double) -> Int {
        histogram[Self.bin(level)...].reduce(0, +)
    }

    /// An interval for the object's area, in pixels.
    ///
    /// - Parameter level: from the pixels that are inside with a probability of 1 - `level` to those
    ///   with `level`; 0 to 0.5. ``AreaLevels`` holds the one that covers 90 % of true areas.
    /// - Returns: lower and upper end.
    public func areaInterval(level: Double) -> ClosedRange<Int> {
        let (low, high) = (area(atLeast: 1 - level), area(atLeast: level))
        return min(low, high)...high
    }

    /// The largest level whose interval contains an area: 0.5 for the most likely area, and near 0
    /// for one that the probabilities do not account for.
    ///
    /// - Parameter area: in pixels.
    /// - Returns: 0 to 0.5.
    public func level(containing area: Int) -> Double {
        var sum = 0
        for bin in stride(from: Self.bins - 1, through: 0, by: -1) {
            sum += histogram[bin]
            guard sum >= area else { continue }
            let threshold = Double(bin) / Double(Self.bins)
            return min(threshold, 1 - threshold)
        }
        return 0
    }

    /// The probabilities as a grey image: 0 is outside, 255 inside, and 128 undecided.
    public var image: Image {
        Image(
            width: probabilities.width, height: probabilities.height, channels: 1,
            pixels: probabilities.values.map { UInt8((255 * min(max($0, 0), 1)).rounded()) })
    }
}

/// Levels of a model whose area intervals contain the area of a label in 90 % of cases, measured on
/// labels that were not trained with.
public struct AreaLevels: Codable, Equatable, Sendable {
    /// The share of labels whose area is inside the interval.
    public static let coverage = 0.9

    /// For prompts with clicks and no box, 0 to 0.5.
    public var click: Double
    /// For prompts with a box, 0 to 0.5.
    public var box: Double

    /// - Parameters:
    ///   - click: for prompts with clicks and no box, 0 to 0.5.
    ///   - box: for prompts with a box, 0 to 0.5.
    public init(click: Double, box: Double) {
        self.click = click
        self.box = box
    }

    /// The level for a prompt.
    ///
    /// - Parameter prompt: a prompt.
    /// - Returns: 0 to 0.5.
    public func level(for prompt: Prompt) -> Double { prompt.box == nil ? click : box }

    /// The largest level with which at least 90 % of areas are inside their intervals (a split
    /// conformal prediction: the share holds for new cases like these).
    ///
    /// - Parameter levels: ``MaskUncertainty/level(containing:)`` of each label's area.
    /// - Returns: the level; nil without cases.
    public static func level(covering levels: [Double]) -> Double? {
        guard !levels.isEmpty else { return nil }
        // Rounded down, but not for the error of 1 - 0.9.
        let missed = Int((1 - coverage) * Double(levels.count + 1) + 1e-6) - 1
        return missed < 0 ? 0 : levels.sorted()[missed]
    }
}

extension EncodedImage {
    /// How sure the mask of a prompt is; decodes the other ``MaskUncertainty/promptCount`` - 1 prompts.
    ///
    /// - Parameters:
    ///   - result: the mask of the prompt.
    ///   - prompt: the prompt, in pixels of the image, checked for its size.
    ///   - options: when nothing counts as found. A moved prompt that finds nothing counts as an empty
    ///     mask.
    /// - Returns: the probabilities.
    /// - Throws: ``EngineError/notFinite(model:)``, and errors of the runtime.
    public func uncertainty(
        of result: SegmentationResult, for prompt: Prompt.Checked, options: AnswerOptions = .init()
    ) throws -> MaskUncertainty {
        let area = result.mask.area
        let moved = prompt.moved(
            times: MaskUncertainty.promptCount - 1, clicksBy: 0.1 * Double(area).squareRoot(),
            sidesBy: 0.05, in: size)
        let others = try answers(to: moved, options: options)
        let found = (area > 0 ? [result.logits] : []) + others.filter(\.isFound).map(\.logits)
        var sum = [Float](repeating: 0, count: result.logits.values.count)
        for logits in found {
            for (index, logit) in logits.values.enumerated() {
                sum[index] += 1 / (1 + exp(-logit))
            }
        }
        // Resized as logits, as masks are, so that the outline at 0.5 is as smooth.
        var logits = result.logits
        logits.values = sum.map {
            let mean = min(max($0 / Float(1 + others.count), 1e-5), 1 - 1e-5)
            return log(mean / (1 - mean))
        }
        var probabilities = geometry.restoredLogits(logits)
        probabilities.values = probabilities.values.map { 1 / (1 + exp(-$0)) }
        return MaskUncertainty(probabilities: probabilities)
    }
}

extension Prompt.Checked {
    /// The prompt with its clicks and sides moved at random, the same in every run.
    ///
    /// - Parameters:
    ///   - times: how many prompts are made.
    ///   - clickShift: standard deviation of a click's shift along x and along y, in pixels.
    ///   - sideShift: largest shift of a side, as a share of the box's width or height.
    ///   - size: of the image; clicks and sides stay inside it.
    /// - Returns: the prompts.
    fileprivate func moved(
        times: Int, clicksBy clickShift: Double, sidesBy sideShift: Double, in size: Size
    ) -> [Prompt.Checked] {
        var random = SplitMix64(seed: 0)
        let (right, bottom) = (Double(size.width - 1), Double(size.height - 1))
        func normal() -> Double {
            let radius = (-2 * log(Double.random(in: .leastNonzeroMagnitude...1, using: &random)))
                .squareRoot()
            return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
        }
        return (0..<times).map { _ in
            var moved = prompt
            moved.clicks = prompt.clicks.map { click in
                let x = click.point.x + clickShift * normal()
                let y = click.point.y + clickShift * normal()
                let point = PixelPoint(x: min(max(x, 0), right), y: min(max(y, 0), bottom))
                return PromptClick(point, isForeground: click.isForeground)
            }
            moved.box = prompt.box.map { box in
                func shifted(_ side: Double, _ length: Double, _ most: Double) -> Double {
                    let shift = Double.random(in: -sideShift...sideShift, using: &random)
                    return min(max(side + shift * length, 0), most)
                }
                let (width, height) = (box.x1 - box.x0, box.y1 - box.y0)
                return PixelRectangle(
                    x0: shifted(box.x0, width, right), y0: shifted(box.y0, height, bottom),
                    x1: shifted(box.x1, width, right), y1: shifted(box.y1, height, bottom))
            }
            return replacing(moved)
        }
    }
}
