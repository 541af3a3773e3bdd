import Imaging
import SAMUSModels
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN
import Training

@Suite("A training step moves and reads no more than it must")
struct DevicePlacementTests {
    private let network: SAMUS

    init() {
        var sizes = SAMConfiguration(
            width: 48, depth: 4, heads: 3, globalBlocks: [1, 3], imageSize: 192)
        sizes.decoder.width = 32
        sizes.decoder.mlpWidth = 64
        sizes.decoder.heads = 4
        sizes.decoder.iouWidth = 32
        network = Initialization.skipped { SAMUS(sizes) }
        network.train()
        network.setTrainable(by: .samus)
    }

    private func step(on device: Device) -> Tensor {
        let prompts = [
            Prompt(foregroundPoints: [PixelPoint(x: 20, y: 30)]),
            Prompt(foregroundPoints: [PixelPoint(x: 50, y: 60)]),
        ]
        let decoded = network.decode(
            network.encode(.zeros([2, 1, 192, 192], device: device)),
            prompts: PromptTensors(PromptArrays(inInputPixels: prompts), on: device))
        var loss = SegmentationLoss()
        loss.iouEstimate = 0.1
        loss.focal = 0.1
        let side = decoded.logits.size(-1)
        let value = loss(
            logits: decoded.logits, targets: .zeros([2, 1, side, side], device: device),
            iou: decoded.iou)
        value.total.backward()
        return value.total
    }

    @Test("no element is read, and only prompts are copied to the device in each step")
    func copies() {
        // The first step copies lists of window indices.
        _ = step(on: .cpu)
        var moved = 0
        let (_, counts) = OperatorLog.counting {
            OperatorLog.observing { call in
                if call.name == "to.device" { moved += 1 }
            } _: {
                _ = step(on: .cpu)
            }
        }
        // Points and labels once.
        #expect(moved == 2)
        // PyTorch's name of reading an element, also inside operators and in the backward pass.
        #expect(counts["aten::_local_scalar_dense"] == nil)
        #expect((counts["aten::conv2d"] ?? 0) > 0)
    }

    @Test("numbers of the loss are read together, and are those of single reads")
    func items() {
        let tensors = [Tensor(Float(0.1)), Tensor(Float(2)), Tensor(Float(-3.5))]
        #expect(Tensor.items(tensors) == tensors.map { $0.item() })
        #expect(Tensor.items([]) == [])
    }
}
