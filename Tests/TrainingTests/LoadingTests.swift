import Datasets
import Foundation
import Imaging
import Segmentation
import Testing

@testable import Training

@Suite("Training batches")
struct TrainingBatchesTests {
    private let samples = (0..<10).map {
        Sample(
            dataset: "Made-UP", name: "p\($0)", label: 1, classes: 2, imagePath: "", labelPath: "")
    }

    private func transform(variants: Int? = nil, nothing: Double = 0.1) -> ExampleTransform {
        ExampleTransform(
            inputSize: 64, preprocessing: .samus, variants: variants, nothing: nothing, seed: 3,
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

    private func batches(workers: Int, epoch: Int = 1) throws -> [Batch] {
        let batches = TrainingBatches(
            samples: samples, transform: transform(),
            prompts: try PromptMix("click*2,box,corrections:2,background:2"), size: 3)
        let order = batches.order(of: epoch)
        let prefetcher = Prefetcher(0..<order.count, workers: workers) {
            try batches.batch(order[$0], index: $0, epoch: epoch)
        }
        var all: [Batch] = []
        while let batch = try prefetcher.next() { all.append(batch) }
        return all
    }

    @Test("batches do not depend on the number of workers, and differ between epochs")
    func deterministic() throws {
        let one = try batches(workers: 1)
        let four = try batches(workers: 4)
        #expect(one.map(\.names) == four.map(\.names))
        #expect(one.map(\.strategy) == four.map(\.strategy))
        #expect(one.flatMap(\.examples).map(\.prompt) == four.flatMap(\.examples).map(\.prompt))
        #expect(one.flatMap(\.examples).map(\.input) == four.flatMap(\.examples).map(\.input))
        #expect(one.map(\.names) != (try batches(workers: 1, epoch: 2)).map(\.names))
    }

    @Test(
        "a share of the interactive examples has a prompt on nothing and an empty target",
        arguments: [(0, 0...0), (0.25, 30...70), (1, 180...200)])
    func nothing(share: Double, expected: ClosedRange<Int>) throws {
        let examples = try (0..<200).map { epoch in
            try transform(nothing: share).example(
                of: samples[0], epoch: epoch, number: 0, strategy: .interactive(3))
        }
        #expect(expected.contains(examples.count { $0.object.area == 0 }))
        for example in examples where example.object.area == 0 {
            // The labelled rectangle, enlarged from 40 to 64 pixels.
            for point in example.prompt.foregroundPoints {
                #expect(!((16..<32).contains(point.x) && (8..<48).contains(point.y)))
            }
        }
    }

    @Test("the batches of an epoch contain every sample once")
    func complete() throws {
        let names = try batches(workers: 2).flatMap(\.names)
        #expect(names.sorted() == samples.map(\.id).sorted())
    }

    @Test("batches of two processes are those of one process with twice the batch size")
    func shared() {
        let one = BatchSampler.batches(count: 11, batch: 4, seed: 5, epoch: 2)
        let two = BatchSampler.batches(count: 11, batch: 2, processes: 2, seed: 5, epoch: 2)
        #expect(one.dropLast() == two.dropLast())
        #expect(one.last?.count == 3)
        #expect(two.last?.count == 2)
        #expect(BatchSampler.share([1, 2, 3, 4], rank: 1, of: 2) == [3, 4])
    }

    @Test(
        "prompts have foreground points on the object, background points off it, and boxes around it"
    )
    func prompts() throws {
        for example in try batches(workers: 1).flatMap(\.examples) {
            for (points, value) in [
                (example.prompt.foregroundPoints, 1), (example.prompt.backgroundPoints, 0),
            ] {
                for point in points {
                    #expect(example.object.values[Int(point.y) * 64 + Int(point.x)] == value)
                }
            }
            if let box = example.prompt.box {
                #expect(box.x0 < box.x1 && box.y0 < box.y1)
                #expect(abs(box.x0 - 16) <= 4 && abs(box.y1 - 47) <= 5, "\(box)")
            }
        }
    }

    @Test("of fixed variants, the first is the image itself, and the others never change")
    func variants() throws {
        let transform = transform(variants: 3)
        var seen: [Int: Planes] = [:]
        for epoch in 0..<12 {
            let example = try transform.example(
                of: samples[0], epoch: epoch, number: 0, strategy: .clicks(1))
            let variant = try #require(example.variant)
            if let earlier = seen[variant] { #expect(earlier == example.input) }
            seen[variant] = example.input
        }
        let plain = try transform.plainExample(of: samples[0])
        #expect(seen.count == 3)
        #expect(seen[0] == plain.input)
        #expect(seen[1] != plain.input)
    }

    @Test("a prompt mix is equal after writing and reading; a part that cannot be read is named")
    func mix() throws {
        let text = "click*3,box*2,clicks:3,background:2,corrections:2*0.5,box+click"
        #expect(try PromptMix(text).description == text)
        #expect(try PromptMix("negatives:2,none").description == "background:2,prompt-free")
        for wrong in ["", "clack", "clicks:0", "click*-1", "box:2", "random:2", "click*nan"] {
            #expect(throws: TrainingError.self) { try PromptMix(wrong) }
        }
    }

    @Test("the prefetcher throws the error of an item when the item is requested")
    func failing() {
        let prefetcher = Prefetcher(0..<3, workers: 2) { (number: Int) throws -> Int in
            guard number < 1 else { throw DatasetError.empty(root: "r", what: "samples") }
            return number
        }
        #expect(throws: Never.self) { try prefetcher.next() }
        #expect(throws: DatasetError.self) { try prefetcher.next() }
    }

    @Test("datasets of different sizes are drawn in proportion to a power of their size")
    func balanced() {
        let groups =
            [String](repeating: "large", count: 900) + [String](repeating: "small", count: 100)
        let drawn = BatchSampler.balanced(groups, by: 0.5, seed: 1, epoch: 0)
        #expect(drawn.count == 1000)
        // sqrt(900) : sqrt(100) is 3 : 1.
        #expect(drawn.count { $0 < 900 } == 750)
        let small = Dictionary(grouping: drawn.filter { $0 >= 900 }) { $0 }.mapValues(\.count)
        #expect(small.count == 100 && Set(small.values) == [2, 3])
        #expect(drawn == BatchSampler.balanced(groups, by: 0.5, seed: 1, epoch: 0))
        #expect(drawn != BatchSampler.balanced(groups, by: 0.5, seed: 1, epoch: 1))
        let even = BatchSampler.balanced(groups, by: 0, seed: 1, epoch: 0)
        #expect(even.count { $0 < 900 } == 500)
    }
}
