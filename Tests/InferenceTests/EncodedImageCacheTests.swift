import Foundation
import Imaging
import Synchronization
import Testing

@testable import Inference

@Suite("The cache of encoded images")
struct EncodedImageCacheTests {
    private func image(_ grey: UInt8) -> Image {
        Image(width: 2, height: 1, channels: 1, pixels: [grey, 0])
    }

    private let embedding = FloatTensor([Float](repeating: 1, count: 25), shape: [25])

    @Test("the least recently used embeddings above the limit are removed")
    func limit() throws {
        let cache = EncodedImageCache(limit: 250)
        var made: [UInt8] = []
        for grey: UInt8 in [1, 2, 1, 3, 1, 2] {
            _ = try cache.embedding(of: image(grey), model: "m", options: .init()) {
                made.append(grey)
                return embedding
            }
        }
        #expect(made == [1, 2, 3, 2])
        #expect(cache.usedBytes == 200)
    }

    @Test("models, image sizes and runtime options have separate embeddings")
    func keys() throws {
        let cache = EncodedImageCache(limit: 10_000)
        var made = 0
        let tall = Image(width: 1, height: 2, channels: 1, pixels: [1, 0])
        for (image, model, options) in [
            (image(1), "a", RuntimeOptions()), (image(1), "b", .init()), (tall, "a", .init()),
            (image(1), "a", .init(precision: .bfloat16)),
        ] {
            _ = try cache.embedding(of: image, model: model, options: options) {
                made += 1
                return embedding
            }
        }
        #expect(made == 4)
    }

    @Test("an embedding that is larger than the limit is not cached")
    func large() throws {
        let cache = EncodedImageCache(limit: 99)
        #expect(
            try cache.embedding(of: image(1), model: "m", options: .init()) { embedding }
                == embedding)
        #expect(cache.usedBytes == 0)
    }

    @Test("an image is encoded once for concurrent requests, and again after a failure")
    func once() throws {
        let cache = EncodedImageCache(limit: 10_000)
        let made = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            _ = try? cache.embedding(of: image(1), model: "m", options: .init()) {
                let number = made.withLock { count in
                    count += 1
                    return count
                }
                Thread.sleep(forTimeInterval: 0.05)
                if number == 1 { throw CancellationError() }
                return embedding
            }
        }
        #expect(made.withLock { $0 } == 2)
        #expect(cache.usedBytes == 100)
    }
}
