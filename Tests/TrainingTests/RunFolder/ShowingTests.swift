import Imaging
import Testing

@testable import Training

@Suite("Images of a run")
struct RunImagesTests {
    @Test("the worst, median and best cases are selected by Dice")
    func ranks() {
        let dice = [0.5, 0.9, .nan, 0.1, 0.7, 0.9, 0.3]
        #expect(PredictionRank.worst.selected(of: dice, count: 2) == [2, 3])
        #expect(PredictionRank.best.selected(of: dice, count: 2) == [5, 1])
        #expect(PredictionRank.median.selected(of: dice, count: 3) == [6, 0, 4])
        #expect(PredictionRank.median.selected(of: dice, count: 99).count == 7)
        #expect(PredictionRank.best.selected(of: []) == [])
    }

    private func square(_ start: Int) -> Mask {
        Mask(
            width: 256, height: 256,
            values: (0..<65536).map {
                let (x, y) = ($0 % 256, $0 / 256)
                return (start..<start + 90).contains(x) && (start..<start + 90).contains(y) ? 1 : 0
            })
    }

    private func image() -> Image {
        let pixels = (0..<65536).map { i -> UInt8 in
            let wave = (i % 256 + i / 256) / 4
            return UInt8(wave + i * 7 % 31)
        }
        return Image(width: 256, height: 256, channels: 1, pixels: pixels)
    }

    private func has(_ colour: [UInt8], _ image: Image) -> Bool {
        stride(from: 0, to: image.pixels.count, by: 3).contains {
            image.pixels[$0..<$0 + 3].elementsEqual(colour)
        }
    }

    @Test("sheets show labels in blue, predictions in orange and clicks in green")
    func sheets() throws {
        let training = trainingSheet([
            TrainingExample(
                image: image(), label: square(80), foregroundPoints: [PixelPoint(x: 100, y: 120)],
                name: "CAMUS/a"),
            TrainingExample(
                image: image(), label: square(20),
                box: PixelRectangle(x0: 15, y0: 15, x1: 118, y1: 116),
                name: String(repeating: "long", count: 50) + "é"),
        ])
        #expect(has([86, 180, 233], training) && has([0, 170, 60], training))
        let predictions = predictionSheet([
            PredictionExample(
                image: image(), label: square(80), prediction: square(95), dice: 0.704,
                foregroundPoints: [PixelPoint(x: 110, y: 120)], name: "BUSI/b"),
            PredictionExample(
                image: image(), label: square(80),
                prediction: Mask(
                    width: 256, height: 256, values: [UInt8](repeating: 0, count: 65536)),
                dice: .nan, name: "x"),
        ])
        #expect(predictions.width < 600)
        #expect(has([86, 180, 233], predictions) && has([230, 159, 0], predictions))
    }
}

@Suite("Sheets of large images")
struct LargeImageTests {
    @Test("large images are scaled down together with their prompts")
    func large() {
        let size = Size(height: 600, width: 2048)
        let black = Image(
            width: size.width, height: size.height, channels: 1,
            pixels: [UInt8](repeating: 0, count: size.area))
        let none = Mask(
            width: size.width, height: size.height, values: [UInt8](repeating: 0, count: size.area))
        let sheet = trainingSheet([
            TrainingExample(
                image: black, label: none, foregroundPoints: [PixelPoint(x: 1601.5, y: 401.5)],
                name: "")
        ])
        #expect(sheet.width == 512 && sheet.height < 200)
        // The centre of the foreground point is white, its surroundings green.
        #expect(sheet.pixels[3 * (100 * 512 + 400)..<3 * (100 * 512 + 400) + 3] == [255, 255, 255])
        #expect(sheet.pixels[3 * (103 * 512 + 403)..<3 * (103 * 512 + 403) + 3] == [0, 170, 60])
    }
}

@Suite("The progress line")
struct ProgressTests {
    private let figures = ProgressFigures(
        epoch: 3, epochs: 200, step: 120, steps: 9600, loss: 0.42134, rate: 5.126, waited: 0.012,
        secondsLeft: 3725, memory: 1_234_567_890)

    @Test(
        "the progress line shows epoch, step, loss, rate, time left, memory and the fraction of waiting"
    )
    func line() {
        #expect(
            figures.line == "epoch 3/200  step 120/9600  loss 0.4213  5.13 images/s"
                + "  1 h 02 min left  1235 MB  1.2 % waiting for data")
    }

    @Test(
        "the progress line shows durations in two units",
        arguments: [
            (0.4, "0 s"), (59.6, "1 min 0 s"), (250, "4 min 10 s"), (86399.9, "1 d 0 h"),
            (.infinity, "?"), (-1, "?"),
        ])
    func duration(seconds: Double, text: String) {
        #expect(ProgressFigures.text(seconds) == text)
    }

    @Test(
        "the progress line is redrawn on a terminal, and otherwise written once per interval",
        arguments: [true, false])
    func drawing(isInteractive: Bool) {
        var written: [String] = []
        var time = ContinuousClock.now
        var progress = TrainingProgress(
            isInteractive: isInteractive, interval: .seconds(30), width: 40,
            write: { written.append($0) }, now: { time })
        for _ in 0..<61 {
            progress.show(figures)
            time += .seconds(1)
        }
        progress.print("epoch 3: done")
        if isInteractive {
            #expect(written.count == 63)
            #expect(written[0] == "\r\u{1B}[K" + figures.line.prefix(39))
            #expect(written.suffix(2) == ["\r\u{1B}[K", "epoch 3: done\n"])
        } else {
            #expect(
                written == [String](repeating: figures.line + "\n", count: 3) + ["epoch 3: done\n"])
        }
    }
}
