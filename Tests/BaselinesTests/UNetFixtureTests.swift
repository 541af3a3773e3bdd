import TestSupport
import Testing
import Torch
import TorchNN

@testable import Baselines

@Suite("Both U-Nets agree with PyTorch on a drawn image, in every clone")
struct UNetFixtureTests {
    private func network(_ name: String) throws -> UNet {
        let network = name == "unet" ? UNet() : BilinearUNet()
        try network.load(BaselineWeights(for: network))
        return network
    }

    @Test("logits", arguments: ["unet", "unet-bilinear"])
    func logits(name: String) throws {
        let golden = try Golden("baselines/\(name)")
        let network = try network(name)
        network.evaluate()
        let found = withoutGrad { network.logits(golden["input"].to(.float32) / 255) }
        expectClose(found, golden["logits"], absolute: 0, relativeL2: 3e-5)
    }

    @Test(
        "loss and gradient norms of a training step, to 2 %: rounding flips a ReLU here and there",
        arguments: ["unet", "unet-bilinear"])
    func training(name: String) throws {
        let golden = try Golden("baselines/\(name)")
        let network = try network(name)
        let logits = network.logits(golden["input"].to(.float32) / 255)
        let loss = (logits * logits).mean()
        #expect(abs(loss.item() / golden["loss"].item() - 1) < 1e-5)
        loss.backward()
        let names = try #require(golden.metadata["names"]).split(separator: " ").map(String.init)
        let norms = golden["gradient_norms"].floats().map(Double.init)
        let parameters = Dictionary(
            uniqueKeysWithValues: network.namedParameters().map { ($0.name, $0.parameter) })
        #expect(Set(names) == Set(parameters.keys))
        let largest = try #require(norms.max())
        for (name, norm) in zip(names, norms) {
            let gradient = try #require(parameters[name]?.grad, "\(name)")
            let found = (gradient * gradient).sum().squareRoot().item()
            let allowed = norm > 1e-3 * largest ? 2e-2 * norm : 1e-3 * largest
            #expect(abs(found - norm) <= allowed, "\(name): \(found), not \(norm)")
        }
    }
}
