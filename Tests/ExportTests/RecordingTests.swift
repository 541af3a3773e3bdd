import TestSupport
import Testing
import Torch

@testable import Export

@Suite("A recording finds the sizes that depend on dynamic axes")
struct RecordingTests {
    private func recording(
        _ body: ([Tensor]) -> [Tensor]
    ) throws -> Recording {
        try Recording(
            axes: [
                .init(name: "images", input: 0, dimension: 0, length: 2),
                .init(name: "points", input: 0, dimension: 1, length: 3),
            ],
            inputs: { [.ones([$0[0], $0[1], 4])] }, body)
    }

    @Test("shapes are linear in the lengths of the axes")
    func shapes() throws {
        let recording = try recording { inputs in
            let x = inputs[0]
            let padding = Tensor.zeros([x.size(0), 2, 4])
            return [Tensor.concatenate([x, padding], axis: 1).flattened(from: 1)]
        }
        #expect(recording.steps.map(\.op) == ["cat", "flatten.using_ints"])
        let shape = recording.steps[0].results[0].shape
        #expect(shape.map(\.fixed) == [nil, nil, 4])
        #expect(shape[0].axis == 0)
        #expect(shape[1].coefficients == [0, 1] && shape[1].constant == 2)
        guard case .list(let parts) = recording.steps[0].arguments[0],
            case .expanded(let constant, let sizes) = parts[1]
        else {
            Issue.record("the padding is not expanded along the dynamic axis")
            return
        }
        #expect(constant.shape == [1, 2, 4])
        #expect(sizes[0].axis == 0)
    }

    @Test("a constant whose values depend on an axis is refused")
    func changingConstant() {
        #expect(throws: RecordingError.self) {
            _ = try recording { [$0[0] * Double($0[0].size(0))] }
        }
        #expect(throws: RecordingError.self) {
            _ = try recording { inputs in
                [inputs[0] + Tensor.arange(to: Double(inputs[0].size(1))).unsqueezed(1)]
            }
        }
    }

    @Test("a size that is a product of two axes is refused")
    func product() {
        #expect(throws: RecordingError.self) {
            _ = try recording { inputs in
                let x = inputs[0].flattened(from: 0, to: 1)
                return [x + Tensor.zeros([inputs[0].size(0) * inputs[0].size(1), 4])]
            }
        }
    }

    @Test("a number of steps that depends on an axis is refused")
    func varyingSteps() {
        #expect(throws: RecordingError.self) {
            _ = try recording { inputs in
                (0..<inputs[0].size(0)).map { inputs[0][$0] }
            }
        }
    }
}
