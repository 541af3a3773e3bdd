import Foundation
import Imaging
import Inference
import SAMUSKit
import Segmentation
import Testing

private let fixtures = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/bundle")

private func image(channels: Int) -> Image {
    Image(
        width: 32, height: 32, channels: channels,
        pixels: (0..<32 * 32 * channels).map { UInt8($0 * 7 % 251) })
}

private func load(
    _ name: String, options: Segmenter.Options = .init(modelCache: nil)
) async throws -> Segmenter {
    try await Segmenter.load(
        contentsOf: fixtures.appendingPathComponent("\(name).samus"), options: options)
}

private let hasOpenVINO = (try? OpenVINOLibrary.shared()) != nil

@Suite(
    "SAMUSKit segments images",
    .enabled(if: hasOpenVINO, "OpenVINO is not installed: run 'make setup'"))
struct SegmenterTests {
    @Test("points and boxes give the same masks alone and together")
    func prompts() async throws {
        let scan = try await load("clicks").encode(image(channels: 3))
        let prompts: [Prompt] = [
            .point(x: 9, y: 7), .box(x0: 2, y0: 3, x1: 20, y1: 22),
            .points([PixelPoint(x: 9, y: 7)], background: [PixelPoint(x: 20, y: 20)]),
        ]
        let together = try await scan.masks(for: prompts)
        #expect(together.count == 3)
        for (prompt, masks) in zip(prompts, together) {
            let alone = try await scan.mask(for: prompt)
            #expect(masks.count == 1 && masks[0].pixels == alone.pixels)
            #expect(alone.width == 32 && alone.height == 32)
            #expect(alone.area == alone.pixels.reduce(0) { $0 + Int($1) })
        }
    }

    @Test("candidates are sorted by their IoU estimate")
    func candidates() async throws {
        let scan = try await load("clicks").encode(image(channels: 3))
        let masks = try await scan.masks(for: [.point(x: 9, y: 7)], candidates: true)
        let estimates = masks[0].map(\.iouEstimate)
        #expect(estimates.count == 3 && estimates == estimates.sorted(by: >))
    }

    @Test("an image from data and from a file is encoded like its pixels; a mask is written as PNG")
    func border() async throws {
        let segmenter = try await load("clicks")
        let image = image(channels: 3)
        let expected = try await segmenter.encode(image).mask(for: .point(x: 9, y: 7))
        let data = try Data(image.encodedPNG())
        #expect(try await segmenter.encode(data).mask(for: .point(x: 9, y: 7)) == expected)
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("samus-\(UInt64.random(in: 0 ... .max)).png")
        defer { try? FileManager.default.removeItem(at: file) }
        try data.write(to: file)
        let scan = try await segmenter.encode(contentsOf: file)
        #expect(try await scan.mask(for: .point(x: 9, y: 7)) == expected)
        let mask = try Mask.decode([UInt8](expected.pngData()), name: "mask")
        #expect(mask.values == expected.pixels)
    }

    @Test("a prompt-free model finds its object without a prompt; other models throw")
    func promptFree() async throws {
        let mask = try await load("finds").encode(image(channels: 1)).mask()
        #expect(mask.width == 32 && mask.height == 32)
        let scan = try await load("clicks").encode(image(channels: 3))
        await #expect(throws: SegmenterError.needsPrompt(model: "clicks")) {
            try await scan.mask()
        }
    }

    @Test("errors name their cause in a localized description")
    func errors() async throws {
        let segmenter = try await load("clicks")
        let scan = try await segmenter.encode(image(channels: 3))
        let prompt = await #expect(throws: SegmenterError.self) {
            try await scan.mask(for: .point(x: 99, y: 7))
        }
        #expect(prompt?.localizedDescription.contains("the click 99,7 lies outside") == true)
        let data = await #expect(throws: SegmenterError.self) {
            try await segmenter.encode(Data("no image".utf8))
        }
        #expect(data?.localizedDescription.contains("image data") == true)
        await #expect(throws: SegmenterError.self) { try await load("missing") }
    }

    @Test("cancelled tasks throw CancellationError, the others get their masks")
    func concurrent() async throws {
        let segmenter = try await load(
            "clicks",
            options: .init(concurrentRequests: 2, embeddingCacheBytes: 0, modelCache: nil))
        let expected = try await segmenter.encode(image(channels: 3)).mask(for: .point(x: 9, y: 7))
        let tasks = (0..<40).map { _ in
            Task {
                try await segmenter.encode(image(channels: 3)).mask(for: .point(x: 9, y: 7))
            }
        }
        for (index, task) in tasks.enumerated() where index % 3 == 0 { task.cancel() }
        for (index, task) in tasks.enumerated() {
            switch await task.result {
            case .success(let mask): #expect(mask == expected)
            case .failure(let error):
                #expect(index % 3 == 0)
                #expect(error is CancellationError)
            }
        }
        // Every permit was released.
        let again = try await segmenter.encode(image(channels: 3)).mask(for: .point(x: 9, y: 7))
        #expect(again == expected)
    }
}
