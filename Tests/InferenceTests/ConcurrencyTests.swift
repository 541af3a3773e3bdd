import Foundation
import Imaging
import Inference
import Segmentation
import Testing

@Suite("Many at a time", .enabled(if: Runtime.isHere, Runtime.reason))
struct ConcurrencyTests {
    @Test("16 tasks get the same results as one")
    func sixteen() async throws {
        let fixture = try Fixture(Fixture.clicks)
        let engine = try fixture.engine()
        let prompts = try fixture.prompts("both")
        let expected = try engine.encode(fixture.image).predict(prompts, multimask: true)
        let results = try await withThrowingTaskGroup(of: [[MaskPrediction]].self) { group in
            for _ in 0..<16 {
                group.addTask {
                    var last: [[MaskPrediction]] = []
                    for _ in 0..<20 {
                        last = try engine.encode(fixture.image)
                            .predict(prompts, multimask: true)
                    }
                    return last
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count == 16)
        #expect(results.allSatisfy { $0 == expected })
    }

    @Test("a cancelled task ends with CancellationError")
    func cancelled() async throws {
        let fixture = try Fixture(Fixture.clicks)
        let engine = try fixture.engine()
        let task = Task {
            while true { _ = try engine.encode(fixture.image) }
        }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        // The engine is as good as before.
        _ = try engine.encode(fixture.image)
    }

    // LiteMedSAM, whose encoding takes long enough to be met in the middle.
    @Test("an encoding under way is stopped, and the next one is whole")
    func stopped() async throws {
        let bundle = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Models/litemedsam.samus")
        let engine = try BundleEngine(ModelBundle(bundle), cache: nil)
        let image = Image(
            width: 64, height: 48, channels: 1,
            pixels: (0..<64 * 48).map { UInt8(truncatingIfNeeded: $0 * $0 % 251) })
        let prompt = try Prompt(box: PixelRectangle(x0: 9, y0: 7, x1: 40, y1: 33))
            .checked(for: image.size)
        let expected = try engine.encode(image).predict([prompt], multimask: false)
        let task = Task.detached { _ = try engine.encode(image) }
        try await Task.sleep(for: .milliseconds(25))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let found = try engine.encode(image).predict([prompt], multimask: false)
        #expect(found == expected)
    }

    @Test("images that come again, and at the same time, are encoded once")
    func embeddings() async throws {
        let fixture = try Fixture(Fixture.clicks)
        let cache = EncodedImageCache(limit: 1 << 20)
        let engine = try fixture.engine(embeddings: cache)
        let one = 6 * 8 * 8 * 4
        let prompts = try fixture.prompts("box")
        let found = try await withThrowingTaskGroup(of: MaskPrediction.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try engine.encode(fixture.image).predict(prompts, multimask: false)[0][0]
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(found.allSatisfy { $0 == found[0] })
        #expect(cache.usedBytes == one)
    }
}
