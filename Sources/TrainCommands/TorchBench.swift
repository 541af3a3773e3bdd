import ArgumentParser
import Commands
import FileIO
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchNN
import Training

/// `samus-train torch-bench`: times and memory of SAMUS on a device, for `Tools/gpu-check`.
struct TorchBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torch-bench", abstract: "Measure SAMUS with random weights on a device.",
        shouldDisplay: false)

    /// What is measured.
    enum Task: String, CaseIterable, ExpressibleByArgument { case encode, train }

    @Argument(help: "What is measured: encode or train.")
    var task: Task
    @Option(help: "Where it runs.")
    var device = TrainingDevice.cpu
    @Option(help: "Precision of matrix products and convolutions.")
    var precision = PrecisionName.f32
    @Option(help: "Images at once.")
    var batch = 1
    @Option(help: "Measured repetitions, after two that are not measured.")
    var repetitions = 5
    @Option(help: "Token width; 768 is ViT-B.")
    var width = 768
    @Option(help: "Number of blocks; 12 is ViT-B.")
    var depth = 12
    @Flag(help: "Recompute activations in the backward pass.")
    var checkpointActivations = false

    private var chosenPrecision: PrecisionName { precision.chosen(on: device) }

    /// The result.
    struct Report: Encodable {
        let version: String
        let device: String
        /// Of each repetition.
        let seconds: [Double]
        /// The loss of the last training step.
        let loss: Double?
        /// Peaks of the GPU's memory; nil on the CPU and with PyTorch before 2.11.
        let allocatedBytes: Int?
        let reservedBytes: Int?
        let residentBytes: Int?
    }

    func run() throws {
        let place = Device(device.kind)
        try withExitStatus(.unavailable) { try place.check() }
        TorchRuntime.outOfMemoryAdvice =
            "batch \(batch) of 256x256 pixels in \(chosenPrecision.rawValue)"
        Generator.seedDefault(20_240_917)
        let network = SAMUS(
            SAMConfiguration(
                width: width, depth: depth, heads: width / 64,
                globalBlocks: (0..<depth).filter { $0 % 3 == 2 }, imageSize: 256))
        network.checkpointsActivations = checkpointActivations
        network.move(to: place)
        let images = Tensor.uniform([batch, 1, 256, 256], generator: Generator(seed: 1)).to(place)
        var loss: Double?
        let seconds =
            switch task {
            case .encode: encode(network, images)
            case .train: train(network, images) { loss = $0 }
            }
        let peak = TorchRuntime.peakMemory(of: place)
        let report = Report(
            version: TorchRuntime.version, device: place.description, seconds: seconds, loss: loss,
            allocatedBytes: peak?.allocated, reservedBytes: peak?.reserved,
            residentBytes: ProcessMemory.resident())
        Terminal.print(json: String(decoding: try JSON.encode(report), as: UTF8.self))
    }

    /// The durations of repetitions; `body` returns a tensor that is ready when all work is.
    private func measured(_ body: () -> Tensor) -> [Double] {
        (0..<repetitions + 2).map { _ in
            let start = ContinuousClock.now
            _ = body().item()
            return (ContinuousClock.now - start).inSeconds
        }.suffix(repetitions)
    }

    private func encode(_ network: SAMUS, _ images: Tensor) -> [Double] {
        network.evaluate()
        return measured {
            withoutGrad {
                withAutocast(to: chosenPrecision.dtype, on: Device(device.kind)) {
                    network.encode(images)
                }.to(.float32).sum()
            }
        }
    }

    private func train(
        _ network: SAMUS, _ images: Tensor, _ report: (Double) -> Void
    ) -> [Double] {
        network.train()
        network.setTrainable(by: .samus)
        let optimizer = Adam(network.trainable, learningRate: 1e-4)
        let prompts = PromptTensors(
            points: Tensor([Float(120), 100], shape: [1, 1, 2]).expanded([batch, -1, -1])
                .to(images.device),
            labels: .ones([batch, 1], device: images.device))
        let target = Tensor.zeros([batch, 1, 128, 128])
        target[.all, .all, 32..<96, 40..<100].assign(from: .ones([batch, 1, 64, 60]))
        let targets = target.to(images.device)
        var scaler = chosenPrecision == .f16 ? GradientScaler() : nil
        return measured {
            let decoded = withAutocast(to: chosenPrecision.dtype, on: Device(device.kind)) {
                network.decode(network.encode(images), prompts: prompts)
            }
            let loss = SegmentationLoss()(
                logits: decoded.logits.to(.float32), targets: targets, iou: decoded.iou
            ).total
            (scaler.map { loss * Double($0.scale) } ?? loss).backward()
            let isFinite = scaler?.unscale(network.trainable) ?? true
            scaler?.update(isFinite: isFinite)
            if isFinite { optimizer.step() }
            network.zeroGrad()
            report(loss.item())
            return loss.detached()
        }
    }
}
