import Checkpoints
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN

/// Training a network without prompts on images of noise; the Swift side of `bench.py networks`.
final class NetworkBench {
    /// The same names as in Benchmarks/peers/task_network.py.
    enum Measurement: String {
        /// Seconds of a training step.
        case step
        /// The loss of the last step.
        case loss
    }

    private let network: any SegmentationNetwork
    private let optimizer: Adam
    private let images: Tensor
    private var lastLoss = Double.nan

    /// - Parameters:
    ///   - weights: of a network without prompts.
    ///   - batch: number of images.
    /// - Throws: `CheckpointError`, `ConfigurationError` or `ModuleLoadError`.
    init(weights: String, batch: Int) throws {
        let checkpoint = try Checkpoint.read(weights)
        guard let architecture = checkpoint.architecture else {
            fail("the architecture of '\(weights)' is unknown")
        }
        network = try NetworkRegistry.load(architecture, from: checkpoint).network
        if network.isTrainedChannelsLast { network.useChannelsLast() }
        network.setTrainable(true)
        network.train()
        optimizer = Adam(network.trainable, learningRate: 1e-4)
        images = .uniform([batch, 1, 256, 256], generator: Generator(seed: 20_240_917))
    }

    func measure(_ measurement: Measurement) -> Double {
        switch measurement {
        case .step: step()
        case .loss: lastLoss
        }
    }

    private func step() -> Double {
        seconds {
            let logits = network.encode(images)
            let loss = (logits * logits).mean()
            network.zeroGrad()
            loss.backward()
            optimizer.step()
            lastLoss = loss.item()
        }
    }
}
