import Checkpoints
import Foundation
import Imaging
import Segmentation
import Testing

@testable import Inference

/// A small bundle, an image, and the masks computed by onnxruntime; see Tools/fixtures/bundles.py.
struct Fixture {
    static let clicks = "clicks"
    /// A bundle with a prompt-free decoder.
    static let promptFree = "finds"

    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/bundle")

    let folder: URL
    let image: Image
    let mask: Mask
    private let golden: Checkpoint

    init(_ name: String) throws {
        folder = Self.root.appendingPathComponent("\(name).samus")
        golden = try Checkpoint.read(
            Self.root.appendingPathComponent("\(name).safetensors").path)
        let pixels = try #require(golden["image"])
        image = Image(
            width: pixels.shape[1], height: pixels.shape[0], channels: pixels.shape[2],
            pixels: try pixels.elements(as: UInt8.self))
        mask = Mask(
            width: image.width, height: image.height,
            values: try #require(golden["mask"]).elements(as: UInt8.self))
    }

    func values(_ name: String) throws -> [Float] {
        try #require(golden[name]).elements(as: Float.self)
    }

    /// The prompts of a golden case, in pixels of the image.
    func prompts(_ name: String) throws -> [Prompt.Checked] {
        let click = PixelPoint(x: 9, y: 7)
        let box = PixelRectangle(x0: 4, y0: 5, x1: 25, y1: 19)
        let prompts: [Prompt] =
            switch name {
            case "click": [Prompt(foregroundPoints: [click])]
            case "clicks":
                [
                    Prompt(
                        foregroundPoints: [click, PixelPoint(x: 20, y: 11)],
                        backgroundPoints: [PixelPoint(x: 3, y: 21)])
                ]
            case "box": [Prompt(box: box)]
            case "both": [Prompt(foregroundPoints: [click], box: box)]
            case "two":
                [
                    Prompt(foregroundPoints: [click]),
                    Prompt(foregroundPoints: [PixelPoint(x: 23, y: 17)]),
                ]
            default: [Prompt(mask: mask)]
            }
        return try prompts.map { try $0.checked(for: image.size) }
    }

    func engine(
        options: RuntimeOptions = .init(), cache: CompiledModelCache? = nil,
        embeddings: EncodedImageCache? = nil
    ) throws -> BundleEngine {
        try BundleEngine(
            ModelBundle(folder), options: options, cache: cache, embeddings: embeddings)
    }

    /// A copy of the bundle for tests that change it.
    func copy(into folder: TemporaryFolder) throws -> URL {
        let copy = folder.url.appendingPathComponent("copy.samus")
        try FileManager.default.copyItem(at: self.folder, to: copy)
        return copy
    }
}

/// The capabilities of this machine.
enum Runtime {
    static let isInstalled = (try? OpenVINOLibrary.shared()) != nil
    static let reason: Comment = "OpenVINO is not installed: run 'make setup'"

    private static let core = try? OpenVINOCore(.shared())
    static let hasBFloat16 = core?.identity(of: "CPU").contains("BF16") ?? false
    static let hasNPU = (try? core?.devices().contains { $0.hasPrefix("NPU") }) ?? false
}

/// A temporary folder for a test, deleted with the object.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory
            .appendingPathComponent("samus-\(UInt64.random(in: 0 ... .max))")
            .resolvingSymlinksInPath()
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }
}

/// The largest absolute difference of two lists.
func difference(_ one: [Float], _ other: [Float]) -> Float {
    guard one.count == other.count else { return .infinity }
    return zip(one, other).map { abs($0 - $1) }.max() ?? 0
}
