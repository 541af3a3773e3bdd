import Datasets
import Foundation
import Imaging
import Segmentation
import Testing

@testable import Training

@Suite("What the network sees")
struct LoadingTests {
    private let samples = (0..<10).map {
        Sample(
            dataset: "Made-UP", name: "p\($0)", label: 1, classes: 2, imagePath: "", labelPath: "")
    }

    private func preprocessing(variants: Int? = nil) -> ExamplePreparation {
        ExamplePreparation(
            inputSize: 64, preprocessing: .samus, variants: variants, seed: 3,
            augment: { labelled, random in
                labelled.image.pixels = labelled.image.pixels.map { $0 ^ UInt8(random.below(2)) }
            },
            read: { sample in
                let inside = (0..<40 * 40).map { i in
                    UInt8((10..<20).contains(i % 40) && (5..<30).contains(i / 40) ? 1 : 0)
                }
                let shade = UInt8(sample.name.utf8.last ?? 0)
                return LabelledImage(
                    image: Image(
                        width: 40, height: 40, channels: 1,
                        pixels: inside.map { $0 &* 100 &+ shade }),
                    label: Image(width: 40, height: 40, channels: 1, pixels: inside))
            })
    }

    private func batches(_ workers: Int, epoch: Int = 1) throws -> [Batch] {
        let maker = BatchMaker(
            samples: samples, preprocessing: preprocessing(),
            prompts: try PromptMix("click*2,box,corrections:2,background:2"), size: 3)
        let order = maker.order(of: epoch)
        let loader = Loader(0..<order.count, workers: workers) {
            try maker.batch(order[$0], place: $0, epoch: epoch)
        }
        var found: [Batch] = []
        while let batch = try loader.next() { found.append(batch) }
        return found
    }

    @Test("is the same for any number of workers, and another in each epoch")
    func deterministic() throws {
        let one = try batches(1)
        let four = try batches(4)
        #expect(one.map(\.names) == four.map(\.names))
        #expect(one.map(\.kind) == four.map(\.kind))
        #expect(one.flatMap(\.examples).map(\.prompt) == four.flatMap(\.examples).map(\.prompt))
        #expect(one.flatMap(\.examples).map(\.input) == four.flatMap(\.examples).map(\.input))
        #expect(one.map(\.names) != (try batches(1, epoch: 2)).map(\.names))
    }

    @Test("every sample comes once an epoch")
    func complete() throws {
        let names = try batches(2).flatMap(\.names)
        #expect(names.sorted() == samples.map(\.id).sorted())
    }

    @Test("two processes share the batches of one with twice the size")
    func shared() {
        let one = EpochOrder.batches(count: 11, batch: 4, seed: 5, epoch: 2)
        let two = EpochOrder.batches(count: 11, batch: 2, processes: 2, seed: 5, epoch: 2)
        #expect(one.dropLast() == two.dropLast())
        #expect(one.last?.count == 3)
        #expect(two.last?.count == 2)
        #expect(EpochOrder.share([1, 2, 3, 4], rank: 1, of: 2) == [3, 4])
    }

    @Test("clicks lie where they say, boxes around the object")
    func prompts() throws {
        for example in try batches(1).flatMap(\.examples) {
            for (clicks, wanted) in [
                (example.prompt.foregroundPoints, 1), (example.prompt.backgroundPoints, 0),
            ] {
                for click in clicks {
                    #expect(example.inside.values[Int(click.y) * 64 + Int(click.x)] == wanted)
                }
            }
            if let box = example.prompt.box {
                #expect(box.x0 < box.x1 && box.y0 < box.y1)
                #expect(abs(box.x0 - 16) <= 4 && abs(box.y1 - 47) <= 5, "\(box)")
            }
        }
    }

    @Test("fixed variants: the first is the image itself, the others stay what they are")
    func variants() throws {
        let preprocessing = preprocessing(variants: 3)
        var seen: [Int: Planes] = [:]
        for epoch in 0..<12 {
            let example = try preprocessing.example(
                of: samples[0], epoch: epoch, number: 0, pointing: .clicks(1))
            let variant = try #require(example.variant)
            if let earlier = seen[variant] { #expect(earlier == example.input) }
            seen[variant] = example.input
        }
        let plain = try preprocessing.plainExample(of: samples[0]) { _, _ in Prompt() }
        #expect(seen.count == 3)
        #expect(seen[0] == plain.input)
        #expect(seen[1] != plain.input)
    }

    @Test("an empty object gets a click beside it, whatever the kind")
    func empty() {
        let nothing = Mask(width: 8, height: 8, values: [UInt8](repeating: 0, count: 64))
        var random = SampleRandom(seed: 0)
        for kind in [PromptStrategy.clicks(2), .box(), .corrections(1), .backgroundPoints(1)] {
            let prompt = kind.prompt(on: nothing, within: nothing.size, using: &random)
            #expect(
                prompt.foregroundPoints == [] && prompt.backgroundPoints.count == 1
                    && prompt.box == nil)
        }
    }

    @Test("prompts are read as they are written; what means nothing is named")
    func mix() throws {
        let text = "click*3,box*2,clicks:3,background:2,corrections:2*0.5,box+click"
        #expect(try PromptMix(text).description == text)
        for wrong in ["", "clack", "clicks:0", "click*-1", "box:2", "random:2", "click*nan"] {
            #expect(throws: TrainingError.self) { try PromptMix(wrong) }
        }
    }

    @Test("what making a batch throws reaches the one who waits")
    func failing() {
        let loader = Loader(0..<3, workers: 2) { (number: Int) throws -> Int in
            guard number < 1 else { throw DatasetError.empty(root: "r", what: "samples") }
            return number
        }
        #expect(throws: Never.self) { try loader.next() }
        #expect(throws: DatasetError.self) { try loader.next() }
    }
}
