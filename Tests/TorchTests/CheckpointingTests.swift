import TestSupport
import Testing
import Torch

@Suite("Activation checkpointing")
struct CheckpointingTests {
    private let x = Tensor([Float(1), 2, 3]).requiringGrad()
    private let weight = Tensor([Float(2), 3, 4]).requiringGrad()

    @Test("gradients equal those without checkpointing")
    func gradients() {
        for isOn in [false, true] {
            let body = { [weight] (inputs: [Tensor]) in
                [inputs[0] * weight, inputs[0] * inputs[0]]
            }
            let found = isOn ? checkpointed([x], parameters: [weight], body: body) : body([x])
            (found[0].sum() + found[1].sum() * 10).backward()
            #expect(x.grad?.floats() == [22, 43, 64])
            #expect(weight.grad?.floats() == [1, 2, 3])
            x.setGrad(nil)
            weight.setGrad(nil)
        }
    }

    @Test(
        "checkpointing supports unused outputs, inputs without gradients, and passed-through inputs"
    )
    func gaps() {
        let plain = Tensor([Float(5), 6, 7])
        let found = checkpointed([plain, x], parameters: [weight]) { [weight] inputs in
            [inputs[0] * weight, inputs[1] * 2, inputs[1]]
        }
        let recorded = found.allSatisfy(\.requiresGrad)
        #expect(recorded)
        found[2].sum().backward()
        #expect(x.grad?.floats() == [1, 1, 1])
        #expect(weight.grad == nil)
    }

    @Test("parameters alone can be differentiated, also by grad(of:)")
    func parameters() {
        let plain = Tensor([Float(5), 6, 7])
        func run() -> Tensor {
            checkpointed([plain], parameters: [weight]) { [weight] in [$0[0] * weight] }[0].sum()
        }
        run().backward()
        #expect(weight.grad?.floats() == [5, 6, 7])
        #expect(grad(of: [run()], withRespectTo: [weight])[0]?.floats() == [5, 6, 7])
    }

    @Test("checkpointing can be nested, and its graph retained")
    func nested() {
        let result = checkpointed([x], parameters: [weight]) { [weight] outer in
            checkpointed(outer, parameters: [weight]) { [weight] in [$0[0] * weight] }
                .map { $0 * $0 }
        }[0].sum()
        result.backward(retainGraph: true)
        #expect(x.grad?.floats() == [8, 36, 96])
        result.backward()
        #expect(x.grad?.floats() == [16, 72, 192])
    }

    @Test("without gradients the body runs once")
    func withoutGradients() {
        let found = withoutGrad {
            checkpointed([x], parameters: [weight]) { [weight] in [$0[0] * weight] }
        }
        #expect(found[0].floats() == [2, 6, 12])
        #expect(!found[0].requiresGrad)
    }

    @Test("backward uses the same autocast state on any thread")
    func autocast() {
        let x = Tensor.normal([8, 16], generator: Generator(seed: 1)).requiringGrad()
        let weight = Tensor.normal([16, 16], generator: Generator(seed: 2)).requiringGrad()
        func gradients(_ isOn: Bool) -> [Tensor] {
            let result = withAutocast(to: .bfloat16) {
                let body = { (inputs: [Tensor]) in [linear(inputs[0], weight: weight)] }
                let inside = isOn ? checkpointed([x], parameters: [weight], body: body) : body([x])
                return linear(inside[0], weight: weight).to(.float32).sum()
            }
            return onAnotherThread {
                grad(of: [result], withRespectTo: [x, weight]).compactMap(\.self)
            }
        }
        let (found, expected) = (gradients(true), gradients(false))
        #expect(found.count == 2)
        #expect(found[0].floats() == expected[0].floats())
        // The weight's two gradients are added in float32, or in bf16 if both share one cast.
        expectClose(found[1], expected[1], absolute: 0, relativeL2: 1e-2)
    }

    @Test("captures are released with the graph")
    func lifetime() {
        final class Witness: Sendable {}
        weak var weak: Witness?
        do {
            let witness = Witness()
            weak = witness
            let found = checkpointed([x], parameters: []) { inputs in
                withExtendedLifetime(witness) { [inputs[0] * 2] }
            }
            found[0].sum().backward()
        }
        #expect(weak == nil)
        #expect(x.grad?.floats() == [2, 2, 2])
    }
}
