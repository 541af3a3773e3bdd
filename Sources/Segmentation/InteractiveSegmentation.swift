import Foundation
import Imaging

/// How prompts are answered: step by step, obeying clicks, and with "nothing found" as an answer.
///
/// A model that was trained for it (``ModelArchitecture/isInteractive``) decodes the clicks of a
/// prompt one after the other, in their order, each with the logits of the step before as a mask
/// prompt. Its presence estimate decides whether there is an object at all. Other models decode all
/// points at once.
public struct AnswerOptions: Sendable, Equatable {
    /// Lowest presence estimate, 0 to 1, with which a mask counts as found.
    public var minimumPresence: Double

    /// The presence estimate below which nothing was found, by default.
    public static let defaultMinimumPresence = 0.5

    /// Options.
    ///
    /// - Parameter minimumPresence: lowest presence estimate, 0 to 1; 0 takes every mask.
    public init(minimumPresence: Double = Self.defaultMinimumPresence) {
        self.minimumPresence = minimumPresence
    }
}

extension EncodedImage {
    /// Answers prompts with one mask each.
    ///
    /// For an interactive model, a foreground click is inside the mask and a background click is
    /// outside; ``MaskPrediction/disobeyedClicks`` counts the exceptions, which should be none.
    ///
    /// - Parameters:
    ///   - prompts: prompts in pixels of the image, checked for its size.
    ///   - options: when nothing counts as found.
    /// - Returns: one mask for each prompt.
    /// - Throws: ``EngineError/notFinite(model:)``, and errors of the runtime.
    public func answers(
        to prompts: [Prompt.Checked], options: AnswerOptions = .init()
    ) throws -> [MaskPrediction] {
        guard model.architecture.isInteractive else {
            return try predict(prompts, multimask: false).map { $0[0] }
        }
        return try decodeStepByStep(prompts).enumerated().map { index, prediction in
            var answer = prediction
            if let presence = answer.presence, Double(presence) < options.minimumPresence {
                answer.isFound = false
            } else {
                answer.obey(prompts[index].prompt.clicks, in: geometry)
            }
            return answer
        }
    }

    /// Decodes each prompt click by click; the same step of all prompts together.
    private func decodeStepByStep(_ prompts: [Prompt.Checked]) throws -> [MaskPrediction] {
        var answers = try predict(prompts.map { $0.step(0, after: nil) }, multimask: false)
            .map { $0[0] }
        let steps = prompts.map(\.stepCount)
        for step in 1..<max(steps.max() ?? 1, 1) {
            let open = prompts.indices.filter { step < steps[$0] }
            let next = try predict(
                open.map { prompts[$0].step(step, after: answers[$0].logits) }, multimask: false)
            for (index, masks) in zip(open, next) { answers[index] = masks[0] }
        }
        return answers
    }
}

extension Prompt.Checked {
    /// Clicks of the first step: none where a box or a mask starts.
    private var firstClicks: Int { prompt.box == nil && prompt.mask == nil ? 1 : 0 }

    /// Number of decoder passes: one for the start, and one for each further click.
    fileprivate var stepCount: Int { 1 + max(prompt.clicks.count - firstClicks, 0) }

    /// The prompt of one step: the clicks so far, and the logits of the step before.
    fileprivate func step(_ step: Int, after logits: Planes?) -> Prompt.Checked {
        var part = prompt
        part.clicks = Array(prompt.clicks.prefix(firstClicks + step))
        if let logits {
            part.logits = logits
            part.mask = nil
        }
        return replacing(part)
    }
}

extension MaskPrediction {
    /// Changes logits around clicks that the mask does not obey.
    ///
    /// A bump of a Gaussian's form moves the logit at the click to the other side of 0. Its radius
    /// grows with the mask, and its height from try to try.
    ///
    /// - Parameters:
    ///   - clicks: clicks in pixels of the image.
    ///   - geometry: how the image is placed in the model's input.
    mutating func obey(_ clicks: [PromptClick], in geometry: InputGeometry) {
        guard !clicks.isEmpty else { return }
        let cell = Double(geometry.inputSize) / Double(logits.width)
        let area = logits.values.reduce(0) { $0 + ($1 > 0 ? 1 : 0) }
        let radius = min(max(0.08 * Double(area).squareRoot(), 1.5), 6)
        for attempt in 0..<8 {
            let mask = geometry.restore(logits)
            let wrong = clicks.filter { mask.contains($0.point) != $0.isForeground }
            disobeyedClicks = wrong.count
            if wrong.isEmpty { return }
            adjustedClicks = max(adjustedClicks, wrong.count)
            for click in wrong {
                // As restoring samples the logits: pixel x is at (x + 0.5) scale - 0.5.
                let pixel = mask.pixel(at: click.point)
                let x = (Double(pixel.x) + 0.5) * geometry.scale.x / cell - 0.5
                let y = (Double(pixel.y) + 0.5) * geometry.scale.y / cell - 0.5
                let column = min(max(Int(x.rounded()), 0), logits.width - 1)
                let row = min(max(Int(y.rounded()), 0), logits.height - 1)
                let value = Double(logits.values[row * logits.width + column])
                let wanted = (click.isForeground ? 1.0 : -1.0) * Double(attempt + 1)
                addBump(height: wanted - value, x: x, y: y, radius: radius)
            }
        }
        let mask = geometry.restore(logits)
        disobeyedClicks = clicks.count { mask.contains($0.point) != $0.isForeground }
    }

    private mutating func addBump(height: Double, x: Double, y: Double, radius: Double) {
        let reach = Int((3 * radius).rounded(.up))
        for row in max(Int(y) - reach, 0)...min(max(Int(y) + reach, 0), logits.height - 1) {
            for column in max(Int(x) - reach, 0)...min(max(Int(x) + reach, 0), logits.width - 1) {
                let (dx, dy) = (Double(column) - x, Double(row) - y)
                let bump = height * exp(-(dx * dx + dy * dy) / (2 * radius * radius))
                logits.values[row * logits.width + column] += Float(bump)
            }
        }
    }
}

extension Mask {
    /// Whether the pixel at a point is inside the mask.
    ///
    /// - Parameter point: in pixels; pixel i reaches from i - 0.5 to i + 0.5.
    /// - Returns: false outside of the image.
    public func contains(_ point: PixelPoint) -> Bool {
        let (x, y) = pixel(at: point)
        return x >= 0 && y >= 0 && values[y * width + x] != 0
    }

    /// The pixel at a point; the last one for a point on the right or lower border.
    fileprivate func pixel(at point: PixelPoint) -> (x: Int, y: Int) {
        (
            min(Int((point.x + 0.5).rounded(.down)), width - 1),
            min(Int((point.y + 0.5).rounded(.down)), height - 1)
        )
    }
}
