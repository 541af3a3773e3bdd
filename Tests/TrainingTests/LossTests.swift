import Foundation
import TestSupport
import Testing
import Torch

@testable import Training

@Suite("The segmentation loss")
struct LossTests {
    /// Two images of 2 x 2 pixels: one half right, one with empty label and prediction.
    private let logits = Tensor(
        [Float(2), -1, 0.5, -3, -4, -4, -4, -4], shape: [2, 1, 2, 2])
    private let targets = Tensor([Float(1), 0, 0, 1, 0, 0, 0, 0], shape: [2, 1, 2, 2])
    private let iou = Tensor([Float(0.5), 0.25], shape: [2, 1])

    private func value(_ change: (inout SegmentationLoss) -> Void = { _ in }) -> Double {
        var loss = SegmentationLoss()
        change(&loss)
        return loss(logits: logits, targets: targets, iou: iou).total.item()
    }

    /// Computed by hand in double precision.
    private func expected(pooled: Bool) -> (entropy: Double, dice: Double) {
        let x = [2, -1, 0.5, -3, -4, -4, -4, -4].map { 1 / (1 + exp(-$0)) }
        let t = [1.0, 0, 0, 1, 0, 0, 0, 0]
        let entropy =
            zip(x, t).map { -2 * $1 * log($0) - (1 - $1) * log(1 - $0) }.reduce(0, +) / 8
        func dice(_ range: Range<Int>) -> Double {
            let overlap = range.reduce(0) { $0 + x[$1] * t[$1] }
            let sum = range.reduce(0) { $0 + x[$1] * x[$1] + t[$1] * t[$1] }
            return 1 - (2 * overlap + 1e-5) / (sum + 1e-5)
        }
        return (entropy, pooled ? dice(0..<8) : (dice(0..<4) + dice(4..<8)) / 2)
    }

    @Test("the loss is the authors', with Dice pooled over the batch")
    func authors() {
        let (entropy, dice) = expected(pooled: true)
        #expect(abs(value() - (0.2 * entropy + 0.8 * dice)) < 1e-6)
    }

    @Test("the Dice loss can be averaged over images")
    func perImage() {
        let (entropy, dice) = expected(pooled: false)
        #expect(
            abs(value { $0.isDicePerImage = true } - (0.2 * entropy + 0.8 * dice)) < 1e-6)
    }

    @Test("the IoU loss compares the estimate with the IoU of the thresholded mask")
    func estimate() {
        // First image: IoU 1/3. Second image: both empty, IoU 1.
        let error = (pow(0.5 - 1.0 / 3, 2) + pow(0.25 - 1, 2)) / 2
        #expect(abs(value { $0.iouEstimate = 1 } - value() - error) < 1e-5)
    }

    @Test("the focal loss ignores easy pixels")
    func focal() {
        var loss = SegmentationLoss()
        loss.crossEntropy = 0
        loss.dice = 0
        loss.focal = 1
        let easy = loss(
            logits: Tensor([Float(9)], shape: [1, 1, 1, 1]),
            targets: Tensor([Float(1)], shape: [1, 1, 1, 1]), iou: iou
        ).total.item()
        let hard = loss(
            logits: Tensor([Float(-1)], shape: [1, 1, 1, 1]),
            targets: Tensor([Float(1)], shape: [1, 1, 1, 1]), iou: iou
        ).total.item()
        let p = 1 / (1 + exp(1.0))
        #expect(easy < 1e-9)
        #expect(abs(hard + 0.25 * pow(1 - p, 2) * log(p)) < 1e-6)
    }

    @Test("with a presence estimate, empty targets are left out of Dice and taught by the estimate")
    func presence() {
        var loss = SegmentationLoss()
        loss.isDicePerImage = true
        let presence = Tensor([Float(1.5), -0.5], shape: [2, 1])
        let value = loss(
            logits: logits, targets: targets, iou: iou, presence: presence, pool: { $0 })
        let x = [2, -1, 0.5, -3].map { 1 / (1 + exp(-$0)) }
        let dice =
            1 - (2 * (x[0] + x[3]) + 1e-5) / (x.reduce(0) { $0 + $1 * $1 } + 2 + 1e-5)
        let estimate = (log(1 + exp(-1.5)) + log(1 + exp(-0.5))) / 2
        let entropy = expected(pooled: false).entropy
        #expect(abs(value.dice.item() - dice) < 1e-6)
        #expect(abs(value.total.item() - (0.2 * entropy + 0.8 * dice + 0.1 * estimate)) < 1e-6)
    }

    @Test("with a presence estimate, the Dice of two processes is that of their objects together")
    func presenceOfProcesses() {
        var loss = SegmentationLoss()
        loss.isDicePerImage = true
        let presence = Tensor([Float(1.5), -0.5], shape: [2, 1])
        let whole = loss(
            logits: logits, targets: targets, iou: iou, presence: presence, pool: { $0 }
        ).dice.item()
        // The first process has the object, the second an empty target.
        let parts = (0..<2).map { rank in
            let own = rank..<(rank + 1)
            return loss(
                logits: logits[own], targets: targets[own], iou: iou[own],
                presence: presence[own], pool: { _ in Tensor([Float(1), 2]) }
            ).dice.item()
        }
        #expect(abs((parts[0] + parts[1]) / 2 - whole) < 1e-6)
        #expect(parts[1] == 0 && whole > 0)
    }

    @Test("weighs foreground pixels in the cross entropy")
    func positiveWeight() {
        let x = [2, -1, 0.5, -3, -4, -4, -4, -4].map { 1 / (1 + exp(-$0)) }
        let t = [1.0, 0, 0, 1, 0, 0, 0, 0]
        let entropy = zip(x, t).map { -$1 * log($0) - (1 - $1) * log(1 - $0) }.reduce(0, +) / 8
        let dice = expected(pooled: true).dice
        #expect(abs(value { $0.positiveWeight = 1 } - (0.2 * entropy + 0.8 * dice)) < 1e-6)
    }

    @Test("the sums of the Dice loss can be pooled over processes")
    func pooled() {
        // Two processes with the same batch have the same Dice as one.
        let alone = SegmentationLoss()(logits: logits, targets: targets, iou: iou)
        let together = SegmentationLoss()(logits: logits, targets: targets, iou: iou) { $0 * 2 }
        #expect(abs(alone.dice.item() - together.dice.item()) < 1e-4)
    }
}
