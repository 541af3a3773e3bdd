import TestSupport
import Testing
import Torch

@testable import TorchNN

/// A layer with the name of its case in the fixture.
struct LayerCase: Sendable, CustomTestStringConvertible {
    let name: String
    let make: @Sendable () -> (Module, (Tensor) -> Tensor)

    var testDescription: String { name }

    init<Made: Layer>(_ name: String, _ make: @escaping @Sendable () -> Made) {
        self.name = name
        self.make = {
            let layer = make()
            return (layer, { layer($0) })
        }
    }

    init(_ name: String, embedding make: @escaping @Sendable () -> Embedding) {
        self.name = name
        self.make = {
            let layer = make()
            return (layer, { layer($0) })
        }
    }
}

@Suite("Layers agree with PyTorch")
struct LayerTests {
    static let cases: [LayerCase] = [
        LayerCase("linear") { Linear(4, 3) },
        LayerCase("linear-plain") { Linear(4, 3, bias: false) },
        LayerCase("convolution") { Conv2d(4, 6, kernel: 3, stride: 2, padding: 1) },
        LayerCase("convolution-grouped") { Conv2d(4, 6, kernel: 3, groups: 2, bias: false) },
        LayerCase("transposed-convolution") { ConvTranspose2d(4, 3, kernel: 2, stride: 2) },
        LayerCase("transposed-convolution-plain") { ConvTranspose2d(4, 3, kernel: 3, bias: false) },
        LayerCase("layer-norm") { LayerNorm(5) },
        LayerCase("layer-norm-2d") { LayerNorm2d(4) },
        LayerCase("batch-norm-training") { BatchNorm2d(4) },
        LayerCase("batch-norm-inference") { BatchNorm2d(4, epsilon: 1e-3) },
        LayerCase("embedding", embedding: { Embedding(6, 3) }),
        LayerCase("conv-batch-norm-training") {
            ConvBatchNorm(4, 6, kernel: 3, stride: 2, padding: 1)
        },
        LayerCase("conv-batch-norm") { ConvBatchNorm(4, 6, kernel: 3, stride: 2, padding: 1) },
        LayerCase("conv-batch-norm-grouped") {
            ConvBatchNorm(4, 8, kernel: 3, padding: 1, groups: 4)
        },
        LayerCase("gelu") { GELU() },
        LayerCase("relu") { ReLU() },
        LayerCase("sequential") { Sequential(Linear(5, 6), GELU(), Linear(6, 2)) },
    ]

    /// The cases of a second fixture.
    static let moreCases: [LayerCase] = [
        LayerCase("convolution-dilated") { Conv2d(4, 6, kernel: 3, padding: 2, dilation: 2) },
        LayerCase("transposed-convolution-padded") {
            ConvTranspose2d(4, 3, kernel: 3, stride: 2, padding: 1, outputPadding: 1)
        },
        LayerCase("convolution-1d") { Conv1d(3, 4, kernel: 3, padding: 1, bias: false) },
        LayerCase("group-norm") { GroupNorm(2, 4, epsilon: 1e-6) },
        LayerCase("batch-norm-vectors-training") {
            BatchNorm2d(3, momentum: 0.01, epsilon: 1e-3)
        },
        LayerCase("max-pool") { MaxPool2d(3, stride: 2, padding: 1) },
        LayerCase("upsample-corners") { Upsample(2) },
        LayerCase("upsample") { Upsample(2, mode: .bilinear(alignCorners: false)) },
        LayerCase("upsample-nearest") { Upsample(2, mode: .nearest) },
        LayerCase("sigmoid") { Sigmoid() },
        LayerCase("identity") { Identity() },
    ]

    static let modules = Result { try Golden("torch/modules") }
    static let moreModules = Result { try Golden("torch/more-modules") }

    @Test("outputs, gradients and buffers agree to 1e-5", arguments: cases)
    func agrees(layer: LayerCase) throws {
        try expectAgreement(layer, try Self.modules.get().section(layer.name))
    }

    @Test("those of the second fixture agree to 1e-5", arguments: moreCases)
    func agreesToo(layer: LayerCase) throws {
        try expectAgreement(layer, try Self.moreModules.get().section(layer.name))
    }

    private func expectAgreement(_ layer: LayerCase, _ golden: Golden) throws {
        let (module, apply) = layer.make()
        try module.load(golden.weights)
        // Cases with running statistics are in evaluation mode unless the fixture states otherwise.
        if !layer.name.hasSuffix("training") {
            module.evaluate()
        }
        // The fixture is shared, so gradients must not accumulate in its tensors.
        let input = golden["input.0"].detached()
        if input.dtype.isFloatingPoint {
            input.requiringGrad()
        }
        let output = apply(input)
        expectClose(output, golden["output.0"], absolute: 1e-5, "output")
        output.backward(gradient: golden["cotangent.0"])
        #expect(golden["input.0"].grad == nil)
        if let expected = golden.optional("gradient.0") {
            let gradient = try #require(input.grad)
            expectClose(gradient, expected, absolute: 1e-5, "gradient of the input")
        }
        for (name, parameter) in module.namedParameters() {
            let gradient = try #require(parameter.grad, "\(name)")
            let expected = golden["weight-gradient.\(name)"]
            expectClose(gradient, expected, absolute: 1e-5, "gradient of \(name)")
        }
        for (name, value) in module.namedValues() where value is Buffer {
            expectClose(value.value, golden["after.\(name)"], "\(name) afterwards")
        }
    }

    @Test("every case of the fixture is tested")
    func complete() throws {
        #expect(try Self.modules.get().sections.sorted() == Self.cases.map(\.name).sorted())
        #expect(
            try Self.moreModules.get().sections.sorted() == Self.moreCases.map(\.name).sorted())
    }

    @Test("dropout, channel dropout and stochastic depth are the identity in evaluation mode")
    func dropping() {
        Generator.seedDefault(3)
        let x = Tensor.ones([400, 3, 2, 2])
        let layers: [any Layer] = [Dropout(0.5), Dropout2d(0.5), DropPath(0.5)]
        for (layer, size) in zip(layers, [1, 4, 12]) {
            let values = layer(x).reshaped([-1, size]).floats()
            // Elements, channels or samples are dropped as a whole, and the others doubled.
            let groups = stride(from: 0, to: values.count, by: size).map { values[$0] }
            #expect(Set(values) == [0, 2])
            #expect(
                zip(groups.indices, groups).allSatisfy { index, value in
                    values[index * size..<(index + 1) * size].allSatisfy { $0 == value }
                })
            #expect(abs(values.reduce(0, +) / Float(values.count) - 1) < 0.2)
            layer.evaluate()
            #expect(layer(x).floats() == x.floats())
        }
        #expect(DropPath(0)(x).floats() == x.floats())
    }
}
