import Foundation
import Imaging
import Segmentation
import Testing

@Suite("AutomaticMaskGenerator works for every image and checks its options")
struct AutomaticMaskGeneratorTests {
    private func options(
        _ change: (inout AutomaticMaskOptions) -> Void
    ) -> AutomaticMaskOptions {
        var options = AutomaticMaskOptions()
        options.pointsPerSide = 4
        change(&options)
        return options
    }

    private func flat(height: Int, width: Int) -> Image {
        Image(
            width: width, height: height, channels: 1,
            pixels: .init(repeating: 150, count: height * width))
    }

    @Test("the defaults are segment-anything's, and are valid")
    func defaults() throws {
        let options = AutomaticMaskOptions()
        #expect(options.pointsPerSide == 32 && options.pointsPerBatch == 64)
        #expect(options.predictedIoU == 0.88 && options.stability == 0.95)
        try options.validate()
    }

    @Test("an option out of range is refused by name")
    func refused() {
        let changes: [(String, (inout AutomaticMaskOptions) -> Void)] = [
            ("pointsPerSide", { $0.pointsPerSide = 0 }),
            ("pointsPerBatch", { $0.pointsPerBatch = -1 }),
            ("predictedIoU", { $0.predictedIoU = .nan }),
            ("stability", { $0.stability = 1.1 }),
            ("stabilityOffset", { $0.stabilityOffset = -1 }),
            ("boxNMS", { $0.boxNMS = -0.1 }),
            ("cropLayers", { $0.cropLayers = 9 }),
            ("cropNMS", { $0.cropNMS = .infinity }),
            ("cropOverlap", { $0.cropOverlap = 1 }),
            ("cropPointsDownscale", { $0.cropPointsDownscale = 0 }),
            ("minimumRegionArea", { $0.minimumRegionArea = -1 }),
        ]
        for (name, change) in changes {
            let error = #expect(throws: AutomaticMaskError.self) {
                try AutomaticMaskGenerator(engine: AnalyticEngine(), options: options(change))
            }
            #expect(error?.description.hasPrefix("\(name) is ") == true)
        }
        #expect(throws: AutomaticMaskError.noPoints(layer: 2)) {
            try options {
                $0.cropLayers = 2
                $0.cropPointsDownscale = 3
            }.validate()
        }
    }

    @Test("an image of one pixel or one row has masks, with and without crops")
    func tiny() throws {
        let generous = options {
            $0.predictedIoU = 0
            $0.stability = 0
            $0.cropLayers = 2
            $0.minimumRegionArea = 3
        }
        let generator = try AutomaticMaskGenerator(engine: AnalyticEngine(), options: generous)
        for (height, width) in [(1, 1), (1, 5), (40, 1)] {
            let masks = try generator.masks(of: flat(height: height, width: width))
            #expect(!masks.isEmpty)
            #expect(masks.allSatisfy { $0.mask.size == Size(height: height, width: width) })
            #expect(masks.allSatisfy { $0.area > 0 && $0.area == $0.mask.area })
            #expect(masks.allSatisfy { $0.point.x <= Double(width) - 0.5 })
        }
    }

    @Test("without a confident mask the result is empty, with and without crops and region removal")
    func empty() throws {
        let strict = options {
            $0.predictedIoU = 1
            $0.cropLayers = 1
            $0.minimumRegionArea = 10
        }
        let generator = try AutomaticMaskGenerator(engine: AnalyticEngine(), options: strict)
        #expect(try generator.masks(of: flat(height: 20, width: 30)) == [])
    }

    @Test(
        "progress counts the points of all crops, and an error that it throws stops the generator")
    func progress() throws {
        let some = options {
            $0.cropLayers = 1
            $0.cropPointsDownscale = 2
            $0.pointsPerBatch = 10
        }
        let generator = try AutomaticMaskGenerator(engine: AnalyticEngine(), options: some)
        var calls: [Int] = []
        _ = try generator.masks(of: flat(height: 20, width: 30)) { done, total in
            calls.append(done)
            #expect(total == 16 + 4 * 4)
        }
        #expect(calls == [0, 10, 16, 20, 24, 28, 32])
        #expect(throws: CancellationError.self) {
            try generator.masks(of: flat(height: 20, width: 30)) { done, _ in
                if done > 0 { throw CancellationError() }
            }
        }
    }

    @Test("a cancelled task throws CancellationError")
    func cancelled() async throws {
        let generator = try AutomaticMaskGenerator(engine: AnalyticEngine())
        let image = flat(height: 20, width: 30)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try generator.masks(of: image)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("a record has segment-anything's JSON keys")
    func record() throws {
        let expected = try #require(try AutomaticFixture.case("grid-8").masks.first)
        let data = try JSONEncoder().encode(expected)
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(
            object.keys.sorted() == [
                "area", "bbox", "crop_box", "point_coords", "predicted_iou", "segmentation",
                "stability_score",
            ])
        #expect(try JSONDecoder().decode(AutomaticMask.Record.self, from: data) == expected)
    }
}
