import Imaging
import Testing

@testable import Segmentation

/// A decoder that remembers its prompts, and answers with a disc around the first click.
private final class RecordingImage: EncodedImage, @unchecked Sendable {
    let model: ModelDescription
    let geometry: InputGeometry
    let presence: Float
    private(set) var prompts: [[Prompt]] = []

    init(_ architecture: ModelArchitecture = .samusLite, presence: Float = 0.9, side: Int = 128) {
        geometry = InputGeometry(
            original: Size(height: side, width: side), inputSize: 256, preprocessing: .liteMedSAM)
        model = ModelDescription(name: "m", architecture: architecture, sha256: "", licence: nil)
        self.presence = presence
    }

    func predict(_ prompts: [Prompt.Checked], multimask: Bool) -> [[MaskPrediction]] {
        self.prompts.append(prompts.map(\.prompt))
        return prompts.map { prompt in
            let start = prompt.prompt.clicks.first?.point ?? PixelPoint(x: 64, y: 64)
            let values = (0..<64 * 64).map { index -> Float in
                // A cell of the logits is 2 pixels of the image.
                let (x, y) = (Double(index % 64) * 2, Double(index / 64) * 2)
                let distance = ((x - start.x) * (x - start.x) + (y - start.y) * (y - start.y))
                return distance < 400 ? 4 : -4
            }
            return [
                MaskPrediction(
                    logits: Planes(channels: 1, height: 64, width: 64, values: values),
                    iouEstimate: 0.8, presence: presence)
            ]
        }
    }

    func predictPromptFree() throws -> MaskPrediction {
        throw EngineError.needsPrompt(model: "m")
    }
}

@Suite("An interactive model answers clicks in their order, and obeys them")
struct InteractiveTests {
    private func click(_ x: Double, _ y: Double, _ isForeground: Bool = true) -> PromptClick {
        PromptClick(PixelPoint(x: x, y: y), isForeground: isForeground)
    }

    @Test("each click is decoded with all clicks before it and the logits of the step before")
    func steps() throws {
        let image = RecordingImage()
        let prompt = Prompt(clicks: [click(60, 60), click(90, 60, false), click(50, 60)])
        _ = try image.answers(to: [prompt.checked(for: image.size)])
        #expect(image.prompts.map { $0[0].clicks.count } == [1, 2, 3])
        #expect(image.prompts.map { $0[0].logits != nil } == [false, true, true])
        #expect(image.prompts[2][0].clicks == prompt.clicks)
    }

    @Test("a box is the first step, and prompts with different numbers of clicks go together")
    func boxes() throws {
        let image = RecordingImage()
        var box = Prompt.box(x0: 40, y0: 40, x1: 90, y1: 90)
        box.clicks = [click(60, 60, false)]
        let alone = Prompt.point(x: 30, y: 30)
        _ = try image.answers(to: [box, alone].map { try $0.checked(for: image.size) })
        #expect(image.prompts.map(\.count) == [2, 1])
        #expect(image.prompts[0][0].clicks.isEmpty && image.prompts[0][1].clicks.count == 1)
        #expect(image.prompts[1][0].clicks.count == 1 && image.prompts[1][0].box != nil)
    }

    @Test("a model that is not interactive decodes all points at once, and its mask stays as it is")
    func others() throws {
        let image = RecordingImage(.sam)
        let prompt = Prompt(clicks: [click(60, 60), click(62, 62, false)])
        let answer = try image.answers(to: [prompt.checked(for: image.size)])[0]
        #expect(image.prompts.map { $0[0].clicks.count } == [2])
        #expect(answer.adjustedClicks == 0)
        #expect(image.restored(answer).mask.contains(PixelPoint(x: 62, y: 62)))
    }

    @Test("a background click is outside the mask and a foreground click inside, wherever they are")
    func obedience() throws {
        let image = RecordingImage()
        let clicks = [
            click(64, 64), click(64, 70, false), click(110, 20), click(0, 0), click(127, 127),
            click(70, 64), click(64.4, 57.6, false),
        ]
        let result = try image.segment(Prompt(clicks: clicks))[0]
        for click in clicks {
            #expect(result.mask.contains(click.point) == click.isForeground, "\(click)")
        }
        #expect(result.adjustedClicks >= 4 && result.disobeyedClicks == 0)
        // The rest of the disc stays.
        #expect(result.mask.contains(PixelPoint(x: 50, y: 64)))
        #expect(result.mask.area > 900)
    }

    @Test("clicks are obeyed in images of any size", arguments: [1, 3, 8, 32, 600])
    func smallImages(side: Int) throws {
        let image = RecordingImage(side: side)
        let last = Double(side - 1)
        for click in [click(0, 0), click(last, last, false), click(last, 0)] {
            let clicks = [self.click(last / 2, last / 2), click]
            let result = try image.segment(Prompt(clicks: clicks))[0]
            let isContradiction = side == 1 && !click.isForeground
            #expect(isContradiction || result.disobeyedClicks == 0, "\(click)")
        }
    }

    @Test("two clicks of different kinds on one pixel cannot both be obeyed, which is said")
    func contradiction() throws {
        let image = RecordingImage()
        let result = try image.segment(Prompt(clicks: [click(64, 64), click(64, 64, false)]))[0]
        #expect(result.disobeyedClicks == 1)
    }

    @Test("a low presence estimate means that nothing was found", arguments: [0.2, 0.6])
    func presence(estimate: Float) throws {
        let image = RecordingImage(presence: estimate)
        let prompt = try Prompt.point(x: 64, y: 64).checked(for: image.size)
        let answer = try image.answers(to: [prompt])[0]
        #expect(answer.isFound == (estimate > 0.5))
        #expect((image.restored(answer).mask.area > 0) == (estimate > 0.5))
        let all = try image.answers(to: [prompt], options: AnswerOptions(minimumPresence: 0))[0]
        #expect(all.isFound)
    }

    @Test("clicks keep their order when clicks of one kind are replaced")
    func order() {
        var prompt = Prompt(clicks: [click(1, 1), click(2, 2, false), click(3, 3)])
        #expect(prompt.foregroundPoints == [PixelPoint(x: 1, y: 1), PixelPoint(x: 3, y: 3)])
        prompt.backgroundPoints.append(PixelPoint(x: 4, y: 4))
        #expect(prompt.clicks.map(\.isForeground) == [true, false, true, false])
        prompt.foregroundPoints = [PixelPoint(x: 9, y: 9)]
        #expect(prompt.clicks.map(\.point.x) == [9, 2, 4])
    }
}
