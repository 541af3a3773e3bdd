import Imaging
import Ultrasound

extension DrawnPrompt {
    /// Points at an object at random.
    ///
    /// An object without pixels gets one click beside it, whatever the kind.
    ///
    /// - Parameters:
    ///   - kind: how; corrections begin with a click or a box.
    ///   - inside: the object in the input's frame.
    ///   - extent: the picture's part of the input.
    ///   - random: of the sample in this epoch.
    init(
        _ kind: PromptMix.Kind, on inside: Mask, within extent: Size,
        using random: inout SampleRandom
    ) {
        self.init()
        guard kind != .none else { return }
        guard let bounds = inside.boundingBox else {
            clicks = [Self.click(on: inside, 0, extent, &random)]
            return
        }
        func click(_ value: UInt8) -> Click { Self.click(on: inside, value, extent, &random) }
        func jittered() -> PixelRectangle { Self.jittered(bounds, within: extent, using: &random) }
        switch kind {
        case .clicks(let count):
            clicks = (0..<count).map { _ in click(1) }
        case .negatives(let count):
            clicks = [click(1)] + (0..<count).map { _ in click(0) }
        case .box:
            box = jittered()
        case .boxAndClick:
            box = jittered()
            clicks = [click(1)]
        case .corrections:
            if random.happens(0.5) { box = jittered() } else { clicks = [click(1)] }
        case .none:
            break
        }
    }

    /// Adds a click where a mask is wrong: on what it lacks or on what it has too much, whichever
    /// is more.
    ///
    /// - Parameters:
    ///   - found: the mask so far, of the size of `inside` or smaller by a whole factor.
    ///   - inside: the object.
    ///   - random: of the step.
    mutating func correct(_ found: Mask, towards inside: Mask, using random: inout SampleRandom) {
        let pixels = zip(found.values, inside.values).enumerated()
        let missed = pixels.filter { $0.element.0 == 0 && $0.element.1 == 1 }.map(\.offset)
        let excess = pixels.filter { $0.element.0 == 1 && $0.element.1 == 0 }.map(\.offset)
        let wrong = missed.count >= excess.count ? missed : excess
        guard !wrong.isEmpty else {
            // Nothing is wrong: a click that only repeats what is known.
            clicks.append(
                Self.click(on: inside, inside.area > 0 ? 1 : 0, inside.size, &random))
            return
        }
        let place = wrong[random.below(wrong.count)]
        clicks.append(
            Click(
                point: PixelPoint(
                    x: Double(place % inside.width), y: Double(place / inside.width)),
                isInside: missed.count >= excess.count))
    }

    /// A random pixel of the object or of the rest of the picture; where there is none, the middle.
    private static func click(
        on inside: Mask, _ value: UInt8, _ extent: Size, _ random: inout SampleRandom
    ) -> Click {
        var places: [Int] = []
        for y in 0..<extent.height {
            for x in 0..<extent.width where inside.values[y * inside.width + x] == value {
                places.append(y * inside.width + x)
            }
        }
        let middle = extent.height / 2 * inside.width + extent.width / 2
        let place = places.isEmpty ? middle : places[random.below(places.count)]
        return Click(
            point: PixelPoint(x: Double(place % inside.width), y: Double(place / inside.width)),
            isInside: inside.values[place] == 1)
    }

    /// Each side moved by up to a tenth of the box's extent, as MedSAM's boxes are loose.
    private static func jittered(
        _ box: PixelBox, within extent: Size, using random: inout SampleRandom
    ) -> PixelRectangle {
        func moved(_ side: Int, _ length: Int, _ limit: Int) -> Double {
            let reach = max(0.1 * Double(length), 2)
            return min(max(Double(side) + random.uniform(-reach..<reach), 0), Double(limit - 1))
        }
        let x0 = moved(box.x0, box.width, extent.width)
        let x1 = moved(box.x1 - 1, box.width, extent.width)
        let y0 = moved(box.y0, box.height, extent.height)
        let y1 = moved(box.y1 - 1, box.height, extent.height)
        return PixelRectangle(x0: min(x0, x1), y0: min(y0, y1), x1: max(x0, x1), y1: max(y0, y1))
    }
}
