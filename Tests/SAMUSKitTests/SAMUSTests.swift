import Foundation
import Inference
import SAMUSKit
import Testing

private let fixtures = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/bundle")

private func image(_ channels: Int) -> Image {
    Image(
        width: 32, height: 32, channels: channels,
        pixels: (0..<32 * 32 * channels).map { UInt8($0 * 7 % 251) })
}

private func open(
    _ name: String, options: SAMUS.Options = .init(cache: nil)
) async throws -> SAMUS {
    try await SAMUS(bundle: fixtures.appendingPathComponent("\(name).samus"), options: options)
}

private let isHere = (try? OpenVINOLibrary.shared()) != nil

@Suite(
    "import SAMUSKit", .enabled(if: isHere, "OpenVINO is not here: run 'make setup'"))
struct SAMUSTests {
    @Test("segments from clicks, boxes and masks, alone and together")
    func prompts() async throws {
        let samus = try await open("clicks")
        let prompts: [Prompt] = [
            .point(x: 9, y: 7), .box(x0: 2, y0: 3, x1: 20, y1: 22),
            .points([PixelPoint(x: 9, y: 7)], background: [PixelPoint(x: 20, y: 20)]),
        ]
        let together = try await samus.segment(image(3), prompts)
        for (prompt, expected) in zip(prompts, together) {
            let alone = try await samus.segment(image(3), prompt)
            #expect(alone.mask == expected.mask)
            #expect(alone.mask.size == Size(height: 32, width: 32))
        }
        let candidates = try await samus.candidates(image(3), prompts[0])
        #expect(candidates.count == 3)
        #expect(candidates[0].iouEstimate >= candidates[2].iouEstimate)
    }

    @Test("finds an object by itself where the model does")
    func unprompted() async throws {
        let samus = try await open("finds")
        let found = try await samus.segment(image(1))
        #expect(found.mask.size == Size(height: 32, width: 32))
        let other = try await open("clicks")
        await #expect(throws: EngineError.needsPrompt(model: "clicks")) {
            try await other.segment(image(3))
        }
    }

    @Test("a prompt outside the image is refused")
    func outside() async throws {
        let samus = try await open("clicks")
        await #expect(throws: PromptError.self) {
            try await samus.segment(image(3), .point(x: 99, y: 7))
        }
    }

    @Test("many tasks, some of them cancelled")
    func concurrent() async throws {
        let options = SAMUS.Options(concurrentRequests: 2, embeddingBytes: 0, cache: nil)
        let samus = try await open("clicks", options: options)
        let expected = try await samus.segment(image(3), .point(x: 9, y: 7))
        let tasks = (0..<40).map { _ in
            Task { try await samus.segment(image(3), .point(x: 9, y: 7)) }
        }
        for task in tasks.enumerated() where task.offset % 3 == 0 { task.element.cancel() }
        for (index, task) in tasks.enumerated() {
            switch await task.result {
            case .success(let found): #expect(found.mask == expected.mask)
            case .failure(let error):
                #expect(index % 3 == 0)
                #expect(error is CancellationError)
            }
        }
        // All turns came back.
        let again = try await samus.segment(image(3), .point(x: 9, y: 7))
        #expect(again.mask == expected.mask)
    }
}
