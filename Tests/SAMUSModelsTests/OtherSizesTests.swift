import SAMUSModels
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

/// A network for other input sizes than 256 pixels, the same as in Tools/fixtures/samus_sizes.py.
struct OtherSize: CustomTestStringConvertible, Sendable {
    let side: Int
    let window: Int

    var testDescription: String { "\(side) pixels, windows of \(window)" }

    static let all = [
        OtherSize(side: 192, window: 14), .init(side: 320, window: 14), .init(side: 200, window: 7),
    ]

    func network() throws -> SAMUS {
        var sizes = SAMConfiguration(
            width: 48, depth: 4, heads: 3, globalBlocks: [1, 3], imageSize: side)
        sizes.windowSize = window
        sizes.decoder.width = 32
        sizes.decoder.mlpWidth = 64
        sizes.decoder.heads = 4
        sizes.decoder.iouWidth = 32
        let network = Initialization.skipped { SAMUS(sizes) }
        try network.load(FormulaWeights(for: network))
        network.evaluate()
        return network
    }

    /// Numbers in 0..<1.
    func numbers(_ name: String, _ shape: [Int]) throws -> Tensor {
        let values = try FormulaWeights.numbers("\(name)\(side)", count: shape.reduce(1, *))
        return (values.reshaped(shape) + 1) / 2
    }
}

@Suite("SAMUS for other input sizes agrees with its Python peer")
struct OtherSizesTests {
    @Test(
        "logits of two images with two clicks each agree", arguments: OtherSize.all, [false, true])
    func agrees(size: OtherSize, isRecorded: Bool) throws {
        let golden = try Golden("samus-sizes").section("\(size.side)")
        let network = try size.network()
        let images = try size.numbers("picture", [2, 1, size.side, size.side])
        let prompts = PromptTensors(
            points: try size.numbers("points", [2, 2, 2]) * Double(size.side),
            labels: Tensor([Float(1), 0, 1, 1], shape: [2, 2]))
        func answer() -> [(String, Tensor)] {
            let embedding = network.encode(images)
            let masks = network.decode(embedding, prompts: prompts)
            return [
                ("embedding", embedding[.rest, Span(by: 4), Span(by: 4)]),
                ("logits", masks.logits[.rest, Span(by: 8), Span(by: 8)]), ("iou", masks.iou),
            ]
        }
        for (name, found) in isRecorded ? answer() : withoutGrad({ answer() }) {
            expectClose(
                found, golden[name], absolute: name == "embedding" ? 1e-4 : 1e-5,
                relativeL2: 1e-5, name)
        }
    }
}
