import TestSupport
import Testing
import Torch

/// An operator with the name of its case in a fixture.
struct OperatorCase: Sendable, CustomTestStringConvertible {
    let name: String
    let body: @Sendable ([Tensor]) -> [Tensor]

    var testDescription: String { name }

    static func one(_ name: String, _ body: @escaping @Sendable (Tensor) -> Tensor) -> Self {
        OperatorCase(name: name) { [body($0[0])] }
    }

    static func two(
        _ name: String, _ body: @escaping @Sendable (Tensor, Tensor) -> Tensor
    ) -> Self {
        OperatorCase(name: name) { [body($0[0], $0[1])] }
    }

    static func list(_ name: String, _ body: @escaping @Sendable ([Tensor]) -> Tensor) -> Self {
        OperatorCase(name: name) { [body($0)] }
    }

    static func several(
        _ name: String, _ body: @escaping @Sendable (Tensor) -> [Tensor]
    ) -> Self {
        OperatorCase(name: name) { body($0[0]) }
    }

    /// Runs the operator on PyTorch's inputs and expects PyTorch's outputs and gradients.
    func expectAgreement(with theme: Golden, absolute: Double = 2e-6) {
        let golden = theme.section(name)
        let inputs = golden.list("input").map { input in
            input.dtype.isFloatingPoint ? input.requiringGrad() : input
        }
        let outputs = body(inputs)
        #expect(outputs.count == golden.list("output").count, "\(name)")
        for (index, expected) in golden.list("output").enumerated() {
            expectClose(outputs[index], expected, absolute: absolute, "\(name) output \(index)")
        }
        let differentiable = outputs.indices.filter { outputs[$0].requiresGrad }
        let cotangents = outputs.indices.compactMap { golden.optional("cotangent.\($0)") }
        #expect(
            differentiable == outputs.indices.filter { golden.optional("cotangent.\($0)") != nil },
            "\(name): the outputs that have gradients")
        guard differentiable.count == cotangents.count, !differentiable.isEmpty else { return }
        let variables = inputs.indices.filter { inputs[$0].requiresGrad }
        let gradients = grad(
            of: differentiable.map { outputs[$0] }, withRespectTo: variables.map { inputs[$0] },
            gradients: cotangents)
        for (index, gradient) in zip(variables, gradients) {
            let expected = golden.optional("gradient.\(index)")
            #expect((gradient == nil) == (expected == nil), "\(name) gradient \(index)")
            if let gradient, let expected {
                expectClose(gradient, expected, absolute: absolute, "\(name) gradient \(index)")
            }
        }
    }
}

/// Fixtures by name, each read once.
enum Fixtures {
    static let arithmetic = Result { try Golden("torch/arithmetic") }
    static let comparison = Result { try Golden("torch/comparison") }
    static let shape = Result { try Golden("torch/shape") }
    static let reduction = Result { try Golden("torch/reduction") }
    static let losses = Result { try Golden("torch/losses") }
    static let layers = Result { try Golden("torch/layers") }
    static let moreLayers = Result { try Golden("torch/more-layers") }
    static let indexing = Result { try Golden("torch/indexing") }
    static let conversion = Result { try Golden("torch/conversion") }
    static let random = Result { try Golden("torch/random") }
    static let autocast = Result { try Golden("torch/autocast") }
}
