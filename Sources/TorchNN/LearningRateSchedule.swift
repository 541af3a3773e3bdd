import Foundation

/// How the learning rate changes over a training.
public struct LearningRateSchedule: Hashable, Sendable, Codable {
    /// The shape after the warm-up.
    public enum Shape: Hashable, Sendable, Codable {
        /// Stays as it is.
        case constant
        /// `(1 - progress) ^ power`.
        case polynomial(power: Double)
        /// Half a cosine, down to a share of the first rate.
        case cosine(lowest: Double)
    }

    /// The rate after the warm-up.
    public var rate: Double
    /// The shape after the warm-up.
    public var shape: Shape
    /// Steps in which the rate grows evenly up to ``rate``.
    public var warmUp: Int
    /// Steps of the whole training; the rate stays at its last value after them.
    public var total: Int

    /// A schedule.
    ///
    /// - Parameters:
    ///   - rate: the rate after the warm-up.
    ///   - shape: how it goes on.
    ///   - warmUp: steps in which it grows evenly; 0 for none.
    ///   - total: steps of the whole training, the warm-up among them.
    public init(_ rate: Double, shape: Shape = .constant, warmUp: Int = 0, total: Int) {
        self.rate = rate
        self.shape = shape
        self.warmUp = warmUp
        self.total = total
    }

    /// The rate of a step.
    ///
    /// - Parameter step: from 0.
    /// - Returns: the rate; in the warm-up `rate * (step + 1) / warmUp`.
    public func rate(at step: Int) -> Double {
        if step < warmUp { return rate * Double(step + 1) / Double(warmUp) }
        let progress = min(Double(step - warmUp) / Double(max(total - warmUp, 1)), 1)
        switch shape {
        case .constant: return rate
        case .polynomial(let power): return rate * pow(1 - progress, power)
        case .cosine(let lowest):
            return rate * (lowest + (1 - lowest) * (1 + cos(.pi * progress)) / 2)
        }
    }
}
