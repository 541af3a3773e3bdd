import Foundation
import Imaging
import Segmentation
import Testing

@testable import Inference

@Suite(
    "Inference is safe with concurrent and cancelled requests",
    .enabled(if: Runtime.isInstalled, Runtime.reason))
struct ConcurrencyTests {
    @Test("16 concurrent tasks get the same masks as one")
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

    @Test("a cancelled task throws CancellationError, and the engine stays usable")
    func cancelled() async throws {
        let fixture = try Fixture(Fixture.clicks)
        let engine = try fixture.engine()
        let task = Task {
            while true { _ = try engine.encode(fixture.image) }
        }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        _ = try engine.encode(fixture.image)
    }

    @Test("a running inference is cancelled, and the next one gives the same masks")
    func running() async throws {
        let fixture = try Fixture(Fixture.clicks)
        let engine = try fixture.engine()
        let prompts = try fixture.prompts("box")
        let expected = try engine.encode(fixture.image).predict(prompts, multimask: false)
        let size = engine.manifest.input
        let input = FloatTensor(
            [Float](repeating: 0, count: size.channels * size.size * size.size),
            shape: [1, size.channels, size.size, size.size])
        // The task is cancelled before the request starts. The request does not check this: the
        // first check is made while OpenVINO runs.
        let request = try engine.encoder.makeRequest()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try request.run([engine.encoderInput: input], outputs: [TensorNames.embeddings])
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        let found = try engine.encode(fixture.image).predict(prompts, multimask: false)
        #expect(found == expected)
    }

    @Test("an image in 8 concurrent requests is encoded once")
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
