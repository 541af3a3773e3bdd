import Checkpoints
import Foundation
import Synchronization
import TestSupport
import Testing
import Torch

@testable import TorchNN

@Suite("A tensor computed from weights is cached until they change")
struct CachedTensorTests {
    private let layer = Linear(2, 2)
    private let derived = CachedTensor()

    /// The sum of all weights, and whether this call computed it.
    private func ask() -> (sum: Double, isNew: Bool) {
        var isNew = false
        let value = derived.value(of: layer.parameters.map(\.value)) {
            isNew = true
            return layer.parameters.map { $0.value.sum() }.reduce(.zeros([]), +)
        }
        return (value.item(), isNew)
    }

    private func truth() -> Double {
        layer.parameters.map { $0.value.sum().item() }.reduce(0, +)
    }

    /// Fills the cache, changes the weights, and expects that the sum is computed again, once.
    private func expectNew(
        after change: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
    ) rethrows {
        withoutGrad { _ = ask() }
        #expect(!withoutGrad { ask() }.isNew, sourceLocation: sourceLocation)
        let before = truth()
        try change()
        #expect(abs(truth() - before) > 1e-3, sourceLocation: sourceLocation)
        let found = withoutGrad { ask() }
        #expect(found.isNew, sourceLocation: sourceLocation)
        #expect(abs(found.sum - truth()) < 1e-5, sourceLocation: sourceLocation)
        #expect(!withoutGrad { ask() }.isNew, sourceLocation: sourceLocation)
    }

    @Test("the tensor is cached while no weight changes, and never with gradients")
    func kept() {
        #expect(withoutGrad { ask() }.isNew)
        #expect(!withoutGrad { ask() }.isNew)
        #expect(ask().isNew)
        #expect(ask().isNew)
        #expect(!withoutGrad { ask() }.isNew)
        _ = layer(.ones([1, 2]))
        #expect(!withoutGrad { ask() }.isNew)
    }

    @Test("gradients reach the weights through the tensor")
    func gradients() {
        let weight = layer.weight.value
        withoutGrad { _ = ask() }
        derived.value(of: [weight]) { (weight * 3).sum() }.backward()
        #expect(weight.grad?.floats() == [3, 3, 3, 3])
    }

    @Test("the tensor is recomputed after every kind of write into a weight")
    func writes() {
        let weight = layer.weight.value
        expectNew { withoutGrad { weight.assign(from: weight * 2 + 1) } }
        expectNew { withoutGrad { weight.fill(with: 7) } }
        expectNew { withoutGrad { weight[0].fill(with: 5) } }
        expectNew {
            weight.withUnsafeMutableBytes { $0.withMemoryRebound(to: Float.self) { $0[0] = 9 } }
        }
    }

    @Test("the tensor is recomputed after weights are loaded from memory or a file")
    func loading() throws {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "derived-\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try expectNew { try layer.load(Linear(2, 2).stateDictionary()) }
        let other = Linear(2, 2)
        withoutGrad { other.weight.value.fill(with: 3) }
        try Safetensors.write(
            other.namedValues().map { ($0.name, StoredTensor($0.value.value)) }, to: path)
        let checkpoint = try Checkpoint.read(path)
        try expectNew { try layer.load(checkpoint) }
        // Loading replaces the tensors; reading writes into the existing ones.
        withoutGrad { layer.weight.value.fill(with: 2) }
        try expectNew { try checkpoint.read("weight", into: layer.weight.value) }
    }

    @Test("the tensor is recomputed after an optimizer step", arguments: [false, true])
    func step(isDecoupled: Bool) {
        let optimizer = Adam(
            layer.parameters, learningRate: 0.1,
            weightDecay: isDecoupled ? .decoupled(0.1) : .inGradient(0))
        for _ in 0..<2 {
            expectNew {
                layer.zeroGrad()
                layer(.ones([3, 2])).sum().backward()
                optimizer.step()
            }
        }
    }

    @Test("the tensor is recomputed in the new type after weights change type")
    func types() {
        withoutGrad { _ = ask() }
        layer.move(to: .cpu, dtype: .float64)
        let values = layer.parameters.map(\.value)
        let found = withoutGrad { derived.value(of: values) { values[0].sum() } }
        #expect(found.dtype == .float64)
        #expect(found.item() == values[0].sum().item())
    }

    @Test("the tensor is cached in the weights' precision, also within autocast")
    func precision() {
        let weight = layer.weight.value
        let product = {
            derived.value(of: [weight]) { linear(weight, weight: weight) }
        }
        let first = withoutGrad { withAutocast(to: .bfloat16) { product() } }
        #expect(first.dtype == .float32)
        #expect(withAutocast(to: .bfloat16) { product() }.dtype == .bfloat16)
    }

    @Test("equal weights of another module have their own cache")
    func others() {
        let (one, other) = (Tensor.ones([2]), Tensor.ones([2]))
        func isNew(_ weight: Tensor) -> Bool {
            var isNew = false
            withoutGrad {
                _ = derived.value(of: [weight]) {
                    isNew = true
                    return weight * 2
                }
            }
            return isNew
        }
        #expect(isNew(one))
        #expect(isNew(other))
        #expect(!isNew(other))
        #expect(isNew(one))
    }

    @Test("several threads compute the tensor once between two writes")
    func threads() async {
        let weight = Tensor.ones([64, 64])
        let work = CountedSum()
        for round in 1...5 {
            withoutGrad { weight.fill(with: Double(round)) }
            await withTaskGroup(of: Double.self) { group in
                for _ in 0..<8 {
                    group.addTask { work.sum(of: weight) }
                }
                for await found in group {
                    #expect(found == Double(round) * 64 * 64)
                }
            }
            #expect(work.count.withLock { $0 } == round)
        }
    }
}

/// A cached sum, and how often it was computed.
private final class CountedSum: Sendable {
    let count = Mutex(0)
    private let derived = CachedTensor()

    func sum(of weight: Tensor) -> Double {
        withoutGrad {
            derived.value(of: [weight]) {
                count.withLock { $0 += 1 }
                return weight.sum()
            }.item()
        }
    }
}
