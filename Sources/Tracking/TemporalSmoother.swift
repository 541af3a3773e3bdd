import Foundation
import Imaging

/// Smooths masks over time: probabilities are averaged with those of both neighbours.
///
/// `p'(t) = (p(t-1) + 2 p(t) + p(t+1)) / 4` with `p = 1 / (1 + exp(-logit))`; the mask is where p' is
/// above 0.5. A neighbour without the object does not count, and a frame without the object stays
/// empty: smoothing neither removes nor invents a finding.
public struct TemporalSmoother: Sendable {
    private let frames: Int
    /// Logits of the frames that a result still needs; nil inside where the object was not found.
    private var waiting: [Int: Planes?] = [:]
    private var done: Set<Int> = []

    /// - Parameter frames: number of frames of the cine.
    public init(frames: Int) {
        self.frames = frames
    }

    /// Number of frames whose logits are in memory.
    public var pendingCount: Int { waiting.count }

    /// Adds a frame; the order is that of tracking, in which each run goes from neighbour to neighbour.
    ///
    /// - Parameters:
    ///   - number: the number of the frame, from 1; each frame once.
    ///   - logits: the logits of its mask; nil where the object was not found.
    /// - Returns: frames whose neighbours are now known, with smoothed logits whose sign is the mask;
    ///   nil where the object was not found.
    public mutating func add(_ number: Int, _ logits: Planes?) -> [(number: Int, logits: Planes?)] {
        waiting[number] = .some(logits)
        var found: [(number: Int, logits: Planes?)] = []
        for near in max(number - 1, 1)...min(number + 1, frames) {
            guard !done.contains(near), let own = waiting[near],
                near == 1 || waiting[near - 1] != nil, near == frames || waiting[near + 1] != nil
            else { continue }
            done.insert(near)
            found.append((near, own.map { smoothed($0, near) }))
        }
        // A frame is needed until it and both neighbours are done.
        for near in max(number - 2, 1)...min(number + 2, frames) where isNeededNoMore(near) {
            waiting[near] = nil
        }
        return found.sorted { $0.number < $1.number }
    }

    private func isNeededNoMore(_ number: Int) -> Bool {
        (max(number - 1, 1)...min(number + 1, frames)).allSatisfy(done.contains)
    }

    private func smoothed(_ logits: Planes, _ number: Int) -> Planes {
        var sum = logits.values.map { 2 * probability($0) }
        var weight: Float = 2
        for near in [number - 1, number + 1] {
            guard let neighbour = waiting[near].flatMap({ $0 }) else { continue }
            for (index, value) in neighbour.values.enumerated() { sum[index] += probability(value) }
            weight += 1
        }
        return Planes(
            channels: 1, height: logits.height, width: logits.width,
            values: sum.map {
                let mean = min(max($0 / weight, 1e-6), 1 - 1e-6)
                return log(mean / (1 - mean))
            })
    }

    private func probability(_ logit: Float) -> Float { 1 / (1 + exp(-logit)) }
}
