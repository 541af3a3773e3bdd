import Foundation
import Imaging
import Segmentation
import Testing

@testable import Tracking

@Suite("An object is followed through a cine")
struct CineTrackerTests {
    private struct Damage: Error, CustomStringConvertible {
        let description = "the frame is damaged"
    }

    /// Tracks in a cine: `frames` has the centres of each frame's discs, nil where it cannot be read.
    private func track(
        _ prompts: [Int: Prompt], _ frames: [[PixelPoint]?], _ engine: DiscEngine = DiscEngine()
    ) throws -> [TrackedFrame] {
        var found: [TrackedFrame] = []
        try CineTracker(engine: engine).track(frames: frames.count, prompts: prompts) { number in
            guard let centres = frames[number - 1] else { throw Damage() }
            return Discs.frame(centres)
        } visit: { frame in
            found.append(frame)
            return .next
        }
        return found.sorted { $0.number < $1.number }
    }

    /// A disc on a curve, 1 to 2 pixels from frame to frame.
    private func place(_ frame: Int) -> PixelPoint {
        PixelPoint(
            x: 40 + 1.5 * Double(frame), y: 60 + 15 * sin(Double(frame) * 0.12))
    }

    private func prompt(_ point: PixelPoint) -> Prompt { .point(x: point.x, y: point.y) }

    @Test("forwards and backwards, and each frame is encoded once", arguments: [1, 12, 30])
    func follows(first: Int) throws {
        let engine = DiscEngine()
        let places = (1...30).map(place)
        let frames = try track([first: prompt(places[first - 1])], places.map { [$0] }, engine)
        #expect(frames.map(\.number) == Array(1...30))
        #expect(engine.encodings.withLock { $0 } == 30)
        for (frame, place) in zip(frames, places) {
            let centre = try #require(frame.result.flatMap { Discs.centre($0.mask) })
            // The logits have cells of 2 pixels.
            #expect(hypot(centre.x - place.x, centre.y - place.y) < 3, "frame \(frame.number)")
            let area = try #require(frame.result?.mask.area)
            #expect(abs(Double(area) / (.pi * 144) - 1) < 0.2, "frame \(frame.number)")
            #expect(frame.isPrompted == (frame.number == first))
        }
    }

    @Test("the prompt of a frame is the moved box and logits of its neighbour")
    func neighbour() throws {
        let engine = DiscEngine()
        _ = try track(
            [1: prompt(place(1))], [[place(1)], [place(5)]], engine)
        let last = try #require(engine.prompts.withLock { $0.last })
        let box = try #require(last.box)
        let centre = place(5)
        #expect(last.clicks.isEmpty && last.logits != nil)
        // Radius 12, and the growth of the box.
        for (side, expected) in [
            (box.x0, centre.x - 12), (box.x1, centre.x + 12), (box.y0, centre.y - 12),
            (box.y1, centre.y + 12),
        ] {
            #expect(abs(side - expected) < 2.5)
        }
        let mask = try #require(last.logits)
        let x = Int(centre.x / 2)
        let y = Int(centre.y / 2)
        #expect(mask.values[y * 64 + x] > 3 && mask.values[y * 64 + x + 12] < -3)
    }

    @Test("an object that disappears is lost, and found again where it comes back, even elsewhere")
    func lostAndFound() throws {
        var frames: [[PixelPoint]?] = (1...24).map { [place($0)] }
        for frame in 8...12 { frames[frame - 1] = [] }
        for frame in 13...24 { frames[frame - 1] = [PixelPoint(x: 90, y: 30 + Double(frame))] }
        let found = try track([1: prompt(place(1))], frames)
        #expect(found.map(\.isFound) == (1...24).map { !(8...12).contains($0) })
        let last = try #require(found[23].result.flatMap { Discs.centre($0.mask) })
        #expect(hypot(last.x - 90, last.y - 54) < 2)
    }

    @Test("an object that leaves the frame is not found outside of it")
    func leaves() throws {
        let places = (1...20).map { PixelPoint(x: 90 + 4 * Double($0), y: 60) }
        let found = try track([1: prompt(places[0])], places.map { [$0] })
        for (frame, place) in zip(found, places) {
            if place.x < 120 { #expect(frame.isFound, "frame \(frame.number)") }
            if place.x > 142 { #expect(!frame.isFound, "frame \(frame.number)") }
        }
    }

    @Test("what is at the old place is not taken for the object, and the model is not asked")
    func otherContent() throws {
        let engine = DiscEngine()
        let centre = PixelPoint(x: 60, y: 60)
        var found: [Bool] = []
        try CineTracker(engine: engine).track(frames: 6, prompts: [1: prompt(centre)]) { number in
            (3...5).contains(number) ? Discs.brightGround() : Discs.frame([centre])
        } visit: { frame in
            found.append(frame.isFound)
            return .next
        }
        #expect(found == [true, true, false, false, false, true])
        #expect(engine.prompts.withLock { $0.count } == 3)
    }

    @Test("a box on a later frame moves the track to another object from there on")
    func restart() throws {
        let (one, other) = (PixelPoint(x: 30, y: 30), PixelPoint(x: 90, y: 90))
        let found = try track(
            [1: prompt(one), 6: .box(x0: 76, y0: 76, x1: 104, y1: 104)],
            Array(repeating: [one, other], count: 10))
        for frame in found {
            let centre = try #require(frame.result.flatMap { Discs.centre($0.mask) })
            let expected = frame.number < 6 ? one : other
            #expect(hypot(centre.x - expected.x, centre.y - expected.y) < 2)
        }
    }

    @Test("a click in the expected box corrects: it is decoded with the neighbour's box and logits")
    func correction() throws {
        let engine = DiscEngine()
        let place = PixelPoint(x: 60, y: 60)
        let background = Prompt(backgroundPoints: [PixelPoint(x: 20, y: 20)])
        _ = try track(
            [1: prompt(place), 3: background], Array(repeating: [place], count: 3), engine)
        let last = try #require(engine.prompts.withLock { $0.last })
        #expect(last.backgroundPoints.count == 1 && last.box != nil && last.logits != nil)
        // The same click on the object, elsewhere, starts again.
        _ = try track(
            [1: prompt(place), 3: .point(x: 100, y: 100)],
            [[place], [place], [place, PixelPoint(x: 100, y: 100)]], engine)
        let again = try #require(engine.prompts.withLock { $0.last })
        #expect(again.foregroundPoints.count == 1 && again.box == nil && again.logits == nil)
    }

    @Test("a frame that cannot be read is reported, and the track goes on behind it")
    func damage() throws {
        var frames: [[PixelPoint]?] = (1...8).map { [place($0)] }
        frames[4] = nil
        let found = try track([1: prompt(place(1))], frames)
        #expect(found[4].failure == "the frame is damaged" && found[4].result == nil)
        #expect(found.map(\.isFound) == (1...8).map { $0 != 5 })
        // Without the prompt's own frame there is nothing to follow.
        #expect(throws: Damage.self) { try track([5: prompt(place(5))], frames) }
    }

    @Test("a blank frame is not shown to the model, and the object is found behind it")
    func blank() throws {
        let engine = DiscEngine()
        var found: [Bool] = []
        try CineTracker(engine: engine).track(frames: 5, prompts: [1: prompt(place(1))]) { number in
            number == 3
                ? Image(
                    width: 128, height: 128, channels: 1,
                    pixels: Array(repeating: 9, count: 1 << 14))
                : Discs.frame([place(number)])
        } visit: { frame in
            found.append(frame.isFound)
            return .next
        }
        #expect(found == [true, true, false, true, true])
        #expect(engine.encodings.withLock { $0 } == 4)
    }

    @Test("visiting can end a track")
    func stop() throws {
        var count = 0
        let isComplete = try CineTracker(engine: DiscEngine()).track(
            frames: 9, prompts: [4: prompt(place(4))]
        ) {
            Discs.frame([place($0)])
        } visit: { _ in
            count += 1
            return count == 3 ? .stop : .next
        }
        #expect(!isComplete && count == 3)
    }
}
