import Foundation
import Imaging
import Testing

@testable import Tracking

@Suite("Motion of grey levels")
struct MotionTests {
    /// A smooth texture without symmetry, seen through a motion.
    private func image(_ motion: Similarity, side: Int = 160) throws -> Image {
        let back = try #require(motion.inverse)
        var pixels: [UInt8] = []
        for y in 0..<side {
            for x in 0..<side {
                let place = back(PixelPoint(x: Double(x), y: Double(y)))
                let (u, v) = (place.x, place.y)
                let wave = sin(u * 0.13 + 0.02 * v) + cos(v * 0.17 - 0.05 * u) + sin(0.07 * (u + v))
                pixels.append(UInt8(128 + 35 * wave))
            }
        }
        return Image(width: side, height: side, channels: 1, pixels: pixels)
    }

    /// A motion about the middle of the box.
    private func motion(scale: Double, degrees: Double, x: Double, y: Double) -> Similarity {
        let angle = degrees * .pi / 180
        var motion = Similarity(a: scale * cos(angle), b: scale * sin(angle))
        let middle = motion(PixelPoint(x: 80, y: 70))
        (motion.tx, motion.ty) = (80 - middle.x + x, 70 - middle.y + y)
        return motion
    }

    @Test(
        "shift, turn and scale are found to a fifth of a pixel",
        arguments: [
            (1.0, 0.0, 3.0, -2.0), (1.06, 0, 0, 0), (1, 5, 0, 0), (0.95, -4, -2.5, 1.5),
            (1, 0, 0, 0),
        ])
    func estimate(scale: Double, degrees: Double, x: Double, y: Double) throws {
        let truth = motion(scale: scale, degrees: degrees, x: x, y: y)
        let box = PixelRectangle(x0: 50, y0: 45, x1: 110, y1: 95)
        let template = MotionTemplate(try image(.identity), around: box)
        let found = template.motion(to: try image(truth), startingFrom: [.identity])
        #expect(found.correlation > 0.97)
        for corner in [(50.0, 45.0), (110, 45), (50, 95), (110, 95)] {
            let point = PixelPoint(x: corner.0, y: corner.1)
            let (one, other) = (found.motion(point), truth(point))
            #expect(hypot(one.x - other.x, one.y - other.y) < 0.2, "\(found.motion)")
        }
    }

    @Test("another image does not agree")
    func other() throws {
        let box = PixelRectangle(x0: 50, y0: 45, x1: 110, y1: 95)
        let template = MotionTemplate(try image(.identity), around: box)
        var generator = SystemRandomNumberGenerator()
        let noise = Image(
            width: 160, height: 160, channels: 1,
            pixels: (0..<160 * 160).map { _ in UInt8.random(in: 0...255, using: &generator) })
        #expect(template.motion(to: noise, startingFrom: [.identity]).correlation < 0.5)
        let flat = Image(
            width: 160, height: 160, channels: 1,
            pixels: [UInt8](repeating: 90, count: 160 * 160))
        #expect(template.motion(to: flat, startingFrom: [.identity]).correlation < 0.3)
    }

    @Test("a motion after another, and back")
    func algebra() throws {
        let one = motion(scale: 1.2, degrees: 20, x: 3, y: 4)
        let other = motion(scale: 0.7, degrees: -50, x: -1, y: 2)
        let point = PixelPoint(x: 12, y: 34)
        let both = one.after(other)(point)
        let apart = one(other(point))
        #expect(hypot(both.x - apart.x, both.y - apart.y) < 1e-9)
        let inverse = try #require(one.inverse)
        let back = inverse(one(point))
        #expect(hypot(back.x - point.x, back.y - point.y) < 1e-9)
        #expect(Similarity(a: 0, b: 0).inverse == nil)
    }

    @Test("images of any size have a motion", arguments: [1, 2, 3, 9, 40])
    func sizes(side: Int) throws {
        let image = Image(
            width: side, height: side, channels: 1,
            pixels: (0..<side * side).map { UInt8($0 * 7 % 251) })
        let box = PixelRectangle(x0: 0, y0: 0, x1: Double(side), y1: Double(side))
        let found = MotionTemplate(image, around: box).motion(to: image, startingFrom: [.identity])
        #expect(found.motion.tx.isFinite && found.correlation <= 1.0001)
    }
}

@Suite("Smoothing over time")
struct TemporalSmootherTests {
    private func plane(_ logit: Float) -> Planes {
        Planes(channels: 1, height: 1, width: 1, values: [logit])
    }

    private func results(_ order: [Int], _ logits: [Float?]) -> [Int: Float?] {
        var smoother = TemporalSmoother(frames: logits.count)
        var found: [Int: Float?] = [:]
        for number in order {
            for result in smoother.add(number, logits[number - 1].map(plane)) {
                #expect(found[result.number] == nil, "once")
                found[result.number] = .some(result.logits?.values[0])
            }
            #expect(smoother.pendingCount <= 4)
        }
        #expect(found.count == logits.count && smoother.pendingCount == 0)
        return found
    }

    @Test(
        "the logit of the mean of probabilities, weights 1 2 1, whatever the order of tracking",
        arguments: [Array(1...6), [3, 4, 5, 6, 2, 1], [6, 5, 4, 3, 2, 1]])
    func mean(order: [Int]) throws {
        let logits: [Float?] = [2, -2, 3, nil, 1, 0.5]
        let found = results(order, logits)
        func p(_ index: Int) -> Double { 1 / (1 + exp(-Double(logits[index] ?? 0))) }
        let expected: [Double?] = [
            (2 * p(0) + p(1)) / 3, (p(0) + 2 * p(1) + p(2)) / 4, (2 * p(2) + p(1)) / 3, nil,
            (2 * p(4) + p(5)) / 3, (2 * p(5) + p(4)) / 3,
        ]
        for (index, value) in expected.enumerated() {
            let smoothed = try #require(found[index + 1])
            guard let value else {
                #expect(smoothed == nil, "nothing is invented")
                continue
            }
            #expect(abs(Double(try #require(smoothed)) - log(value / (1 - value))) < 1e-5)
        }
    }

    @Test("memory does not grow with the number of frames")
    func memory() {
        let frames = 1000
        var smoother = TemporalSmoother(frames: frames)
        for number in Array(400...frames) + (1..<400).reversed() {
            _ = smoother.add(number, plane(1))
            #expect(smoother.pendingCount <= 4)
        }
    }
}
