import TestSupport
import Testing

@testable import Torch

@Suite("A trace records the operators applied to the inputs")
struct TraceTests {
    private let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    private let weight = Tensor([1, 0, -1, 2, 1, 0.5] as [Float], shape: [2, 3])

    @Test("values that do not depend on the inputs are constants")
    func foldsConstants() throws {
        let trace = try Trace.recording(of: [x]) { [$0[0] * (weight + 1).exp()] }
        #expect(trace.steps.map { "\($0.op)" } == ["mul.Tensor"])
        guard case .constant(let factor) = trace.steps[0].arguments[1] else {
            Issue.record("the factor is no constant")
            return
        }
        expectClose(factor, (weight + 1).exp())
    }

    @Test("a trace replays on other inputs, with every kind of argument")
    func runsAgain() throws {
        func compute(_ x: Tensor) -> Tensor {
            let parts = x.split([1, 2], axis: 1)
            let joined = Tensor.concatenate([parts[1], weight, parts[0]], axis: 1)
            return layerNorm(joined, shape: [6], weight: nil, bias: nil, epsilon: 1e-5)
                .adding(joined, times: 0.5)[.all, 1..<4]
        }
        let trace = try Trace.recording(of: [x]) { [compute($0[0])] }
        let other = x.exp()
        let found = try trace.run([other]) { _, _, _ in }
        expectClose(found[0], compute(other), absolute: 0)
    }

    @Test("a trace has the plain operators, not oneDNN's")
    func plainOperators() throws {
        let rows = Tensor.ones([128, 3])
        let trace = try Trace.recording(of: [rows]) {
            [linear($0[0], weight: weight, activation: .gelu)]
        }
        #expect(trace.steps.map { "\($0.op)" } == ["linear", "gelu"])
    }

    @Test("writing into a traced value is refused")
    func refusesWriting() {
        #expect(throws: TraceError.writesInPlace("fill_.Scalar")) {
            _ = try Trace.recording(of: [x]) { inputs in
                let y = inputs[0] + 1
                y.fill(with: 0.0)
                return [y]
            }
        }
    }

    @Test("reading the elements of a traced value is refused")
    func refusesReading() {
        #expect(throws: TraceError.readsNumbers(shape: [])) {
            _ = try Trace.recording(of: [x]) { $0[0].sum().item() > 1 ? [$0[0]] : [] }
        }
        #expect(throws: Never.self) {
            _ = try Trace.recording(of: [x]) { weight.sum().item() > 1 ? [$0[0]] : [] }
        }
    }

    @Test("a tensor of an earlier trace is a constant of the next")
    func earlierValues() throws {
        var kept: Tensor?
        _ = try Trace.recording(of: [x]) { inputs in
            kept = inputs[0] + 1
            return []
        }
        let before = try #require(kept)
        let trace = try Trace.recording(of: [x]) { [$0[0] + before] }
        #expect(trace.steps.count == 1)
        guard case .constant = trace.steps[0].arguments[1] else {
            Issue.record("a value of another recording stands for one of this")
            return
        }
    }

    @Test("operators outside a trace are not recorded")
    func outside() throws {
        #expect(!Trace.isRecording)
        let trace = try Trace.recording(of: [x]) { $0 }
        _ = x + 1
        #expect(trace.steps.isEmpty)
    }
}
