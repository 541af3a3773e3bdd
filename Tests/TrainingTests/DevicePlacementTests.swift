import Imaging
import SAMUSModels
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN
import Training

/// A GPU stands for a device without memory here: an operator that mixes it with the CPU fails, and so
/// does a read of an element.
@Suite("A training step stays on its device")
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

    private func step(on device: Device, checkpointed: Bool = false) -> Tensor {
        network.checkpointsActivations = checkpointed
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

    @Test("no element is read and no tensor is moved", arguments: [false, true])
    func placement(checkpointed: Bool) {
        let device = Device(.meta)
        network.move(to: device)
        let (loss, counts) = OperatorLog.counting { step(on: device, checkpointed: checkpointed) }
        #expect(loss.device == device)
        #expect(network.trainable.allSatisfy { $0.grad?.device ?? device == device })
        #expect(network.trainable.contains { $0.grad != nil })
        // PyTorch's names of reading an element, and of copies to another device or type. Only the
        // prompts' points and labels come from the CPU.
        #expect(counts["aten::_local_scalar_dense"] == nil)
        #expect((counts["aten::_to_copy"] ?? 0) <= 2)
    }

    @Test("on the CPU, a step copies nothing to another type or device")
    func processor() {
        let (_, counts) = OperatorLog.counting { step(on: .cpu) }
        #expect(counts["aten::_local_scalar_dense"] == nil)
        #expect(counts["aten::_to_copy"] == nil)
    }

    @Test("numbers of the loss are read together, and are those of single reads")
    func items() {
        let tensors = [Tensor(Float(0.1)), Tensor(Float(2)), Tensor(Float(-3.5))]
        #expect(Tensor.items(tensors) == tensors.map { $0.item() })
        #expect(Tensor.items([]) == [])
    }
}
