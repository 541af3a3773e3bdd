import TestSupport
import Testing
import Torch

@Suite("Gradients")
struct AutogradTests {
    @Test("backward accumulates gradients; setting nil removes them")
    func backwardGathers() {
        let x = Tensor([Float(1), 2, 3]).requiringGrad()
        #expect(x.grad == nil)
        (x * x).sum().backward()
        #expect(x.grad?.floats() == [2, 4, 6])
        (x * 10).backward(gradient: Tensor([Float(1), 0, 1]))
        #expect(x.grad?.floats() == [12, 4, 16])
        x.setGrad(Tensor([Float(5), 5, 5]))
        #expect(x.grad?.floats() == [5, 5, 5])
        x.setGrad(nil)
        #expect(x.grad == nil)
    }

    @Test("grad(of:) does not accumulate and returns nil for unused inputs")
    func gradOfOutputs() {
        let x = Tensor([Float(1), 2]).requiringGrad()
        let y = Tensor([Float(3), 4]).requiringGrad()
        let unused = Tensor(Float(1)).requiringGrad()
        let found = grad(of: [(x * y).sum(), x.sum()], withRespectTo: [x, unused, y])
        #expect(found.map { $0?.floats() } == [[4, 5], nil, [1, 2]])
        #expect(x.grad == nil && y.grad == nil)
        let weighted = grad(
            of: [x * y], withRespectTo: [x], gradients: [Tensor([Float(10), 100])])
        #expect(weighted.map { $0?.floats() } == [[30, 400]])
    }

    @Test("a retained graph can be differentiated again")
    func retainedGraph() {
        let x = Tensor(Float(3)).requiringGrad()
        let y = x * x
        y.backward(retainGraph: true)
        y.backward()
        #expect(x.grad?.item() == 12)
    }

    @Test("gradients of gradients are correct")
    func createdGraph() {
        let x = Tensor(Float(2)).requiringGrad()
        let first = grad(of: [x.pow(3)], withRespectTo: [x], createGraph: true)[0]
        #expect(first?.item() == 12)
        #expect(first?.requiresGrad == true)
        first?.backward()
        #expect(x.grad?.item() == 12)
    }

    @Test("withoutGrad disables gradients and restores the mode")
    func withoutGradRecordsNothing() {
        let x = Tensor(Float(2)).requiringGrad()
        struct Stop: Error {}
        #expect(isGradEnabled)
        withoutGrad {
            #expect(!isGradEnabled)
            #expect(!(x * 2).requiresGrad)
            withoutGrad { #expect(!isGradEnabled) }
            #expect(!isGradEnabled)
            #expect(onAnotherThread { isGradEnabled && (x * 2).requiresGrad })
        }
        #expect(isGradEnabled)
        #expect(throws: Stop.self) { try withoutGrad { throw Stop() } }
        #expect((x * 2).requiresGrad)
    }

    @Test("detached and frozen tensors have no graph")
    func detachment() {
        let x = Tensor(Float(2)).requiringGrad()
        #expect(!x.detached().requiresGrad)
        #expect(x.clone().requiresGrad)
        x.requiringGrad(false)
        #expect(!(x * 2).requiresGrad)
    }

    #if compiler(>=6.2)
        @Test("a gradient of another shape, type or device is refused with PyTorch's message")
        func refusedGradients() async {
            await expectWords(
                "grad([2], [3]): assigned grad has data of a different size",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    Tensor.zeros([2]).setGrad(.zeros([3]))
                })
            await expectWords(
                "assigned grad has data of a different type",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    Tensor.zeros([2]).setGrad(.zeros([2], dtype: .float64))
                })
            await expectWords(
                "assigned grad has data located on a different device",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    Tensor.zeros([2]).setGrad(.zeros([2], device: Device(.meta)))
                })
            await expectWords(
                "can't assign a tensor as its own grad",
                #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                    let x = Tensor.zeros([2])
                    x.setGrad(x)
                })
        }
    #endif
}
